# SPDX-License-Identifier: MIT
"""Another time of day for one process."""

import glob


def missing():
    """Why no clock can be faked on this machine, or None."""
    return None if _libraries() else "no libfaketime (Debian package faketime)"


def _libraries():
    return glob.glob("/usr/lib/*/faketime/libfaketime.so.1")


class Clock:
    """The wall clock of one daemon, by libfaketime; its monotonic clock is the machine's."""

    def __init__(self, directory):
        self._file = directory / "clock"
        self.set("+0")
        self.env = {"LD_PRELOAD": _libraries()[0], "FAKETIME_TIMESTAMP_FILE": str(self._file),
                    "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                    "DONT_FAKE_MONOTONIC": "1"}

    def set(self, offset):
        new = self._file.with_suffix(".new")
        new.write_text(offset + "\n")
        new.rename(self._file)
