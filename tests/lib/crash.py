# SPDX-License-Identifier: MIT
"""The build that dies at chosen points (include/crashpoint.h): its points, and how to ask for one."""

import os
import re

from .schema import ROOT

_TABLE = os.path.join(ROOT, "include", "crashpoint.h")
_SAID = re.compile(r"^tickd: crash point (\S+), passing (\d+)$", re.MULTILINE)


def points():
    """{name: what has happened when it is passed}, in the order of the table."""
    with open(_TABLE, encoding="utf-8") as file:
        return dict(re.findall(r'X\((\w+), "(.*?)"\)', file.read()))


def binary():
    """Full path of the daemon with crash points; $TICKD_CRASH_BIN overrides. Fails if not built."""
    found = os.environ.get("TICKD_CRASH_BIN") or os.path.join(ROOT, "build", "crash", "tickd")
    assert os.access(found, os.X_OK), f"{found} is not there: make MODE=crash build/crash/tickd"
    return found


def environment(point, passing=1):
    """For that daemon: it ends itself when it passes the point for that time."""
    return {"TICKD_CRASH": f"{point}:{passing}"}


def deaths(text):
    """(point, passing) of each death at a point that a log tells of."""
    return [(name, int(number)) for name, number in _SAID.findall(text)]
