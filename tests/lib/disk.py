# SPDX-License-Identifier: MIT
"""A small file system that can be full: a tmpfs of the test's own."""

import os
import shutil
import subprocess

from . import pg


def missing():
    """Why no file system can be mounted here, or None."""
    if os.getuid() != 0:
        return "only root can mount a file system"
    tried = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tickd-test", "/mnt"],
                           check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    return None if tried.returncode == 0 else "no file system can be mounted here"


class SmallDisk:
    """Owns a mounted directory, which belongs to the server's user."""

    def __init__(self, scratch, megabytes):
        self.path = scratch.dir("disk")
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tickd-test",
                        self.path], check=True)
        shutil.chown(self.path, pg.server_user(), pg.server_user())
        self._filler = os.path.join(self.path, "filler")

    def fill(self):
        """Not one byte is left."""
        with open(self._filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def free(self):
        os.unlink(self._filler)

    def close(self):
        # Lazily: whoever still has a file open there is about to end.
        subprocess.run(["umount", "--lazy", self.path], check=False)
