# SPDX-License-Identifier: MIT
"""A session of psql that is told what to do, and when it has done so waits for more."""

import os
import subprocess

from lib.daemon import environment

from .bed import Wrong

_DONE = "done"


class Psql:
    """Owns psql; its process and its backend live as long. Use as a context manager."""

    def __init__(self, bed):
        self._child = subprocess.Popen(
            [os.path.join(bed.pg.bindir, "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d",
             bed.db.dsn("postgres")], env=environment({"PGAPPNAME": "bench"}), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self._child.pid
        self.backend = int(self.do("SELECT pg_backend_pid();"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._child.communicate()

    def do(self, command):
        """Runs one command to its end; what it printed."""
        self._child.stdin.write(f"{command}\n\\echo {_DONE}\n")
        self._child.stdin.flush()
        said = []
        for line in self._child.stdout:
            if line.rstrip("\n") == _DONE:
                return "".join(said)
            said.append(line)
        raise Wrong(f"psql ended with {self._child.wait()} at {command}")
