# SPDX-License-Identifier: MIT
"""The run's temporary directory: one per run, locked while in use, removed at the end.

A run that was killed cannot remove its own. The next run finds it by its name and its free lock.
"""

import fcntl
import glob
import os
import shutil
import subprocess
import tempfile
import time

_PREFIX = "tickd-test."
_LOCK = "lock"
_YOUNG_S = 120


class Scratch:
    """Owns the directory. Short paths: PostgreSQL's socket must fit into 107 bytes."""

    def __init__(self):
        _remove_orphans()
        self.path = tempfile.mkdtemp(prefix=_PREFIX)
        # Servers run as another user and must pass through.
        os.chmod(self.path, 0o755)
        self._lock = open(os.path.join(self.path, _LOCK), "w", encoding="ascii")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._count = 0

    def dir(self, name):
        """A new, empty directory of its own for one user of the scratch space."""
        self._count += 1
        path = os.path.join(self.path, f"{self._count}-{name}")
        os.mkdir(path, 0o755)
        return path

    def remove(self):
        """Removes everything, unless TICKD_KEEP_TMP asks to look at it afterwards."""
        if os.environ.get("TICKD_KEEP_TMP"):
            print(f"\nkept: {self.path}")
        else:
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _unmount(path):
    """What lib.disk has mounted below."""
    with open("/proc/mounts", encoding="ascii", errors="replace") as mounts:
        below = [line.split()[1] for line in mounts if line.split()[1].startswith(path + "/")]
    for each in below:
        subprocess.run(["umount", "--lazy", each], check=False)


def _remove_orphans():
    for path in glob.glob(os.path.join(tempfile.gettempdir(), _PREFIX + "*")):
        try:
            # A directory that is being set up has no lock yet.
            if os.stat(path).st_uid != os.getuid() or time.time() - os.stat(path).st_mtime < _YOUNG_S:
                continue
            with open(os.path.join(path, _LOCK), "a", encoding="ascii") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _unmount(path)
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue
