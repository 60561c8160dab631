# SPDX-License-Identifier: MIT
"""Where the programs under test are.

TICKD_BIN names the daemon; the other programs are looked for beside it. Without it the newest of
build/debug and build/release is taken, so that plain `pytest tests` works after `make`.
"""

import os

from .schema import ROOT

_MODES = ("debug", "release")


def build_dir():
    """The directory the programs are in."""
    if os.environ.get("TICKD_BIN"):
        return os.path.dirname(os.path.abspath(os.environ["TICKD_BIN"]))
    dirs = [os.path.join(ROOT, "build", mode) for mode in _MODES]
    dirs = [path for path in dirs if os.path.exists(os.path.join(path, "tickd"))]
    if not dirs:
        return os.path.join(ROOT, "build", _MODES[0])
    return max(dirs, key=lambda path: os.stat(os.path.join(path, "tickd")).st_mtime)


def path(name):
    """Full path of 'tickd', 'mockbroker', ...; $TICKD_<NAME> overrides. Fails if not built."""
    variable = "TICKD_BIN" if name == "tickd" else "TICKD_" + name.upper()
    found = os.environ.get(variable) or os.path.join(build_dir(), name)
    assert os.access(found, os.X_OK), f"{found} is not there: run make, or set {variable}"
    return found
