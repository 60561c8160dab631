# SPDX-License-Identifier: MIT
"""Who used the CPU: seconds of processes and their threads, to the nanosecond where Linux says so."""

import os
import time

_TICKS = os.sysconf("SC_CLK_TCK")


def _read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None


def process_s(pid):
    """Of all living threads. Ended ones do not count, so measure while they live."""
    return sum(threads_s(pid).values())


def threads_s(pid):
    """{thread id: seconds}."""
    found = {}
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except FileNotFoundError:
        return found
    for thread in threads:
        text = _read(f"/proc/{pid}/task/{thread}/schedstat")
        if text:
            found[int(thread)] = int(text.split()[0]) / 1e9
    return found


def machine_s():
    """(seconds of all CPUs that were not idle, seconds there were)."""
    fields = [int(n) for n in _read("/proc/stat").split("\n", 1)[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / _TICKS, sum(fields) / _TICKS


class Meter:
    """What named processes and the whole machine use from start() to stop()."""

    def __init__(self, **pids):
        self._pids = pids
        self.used = {}
        self.seconds = 0.0
        self.others_s = 0.0

    def start(self):
        self._began = time.monotonic()
        self._machine = machine_s()[0]
        self._before = {name: process_s(pid) for name, pid in self._pids.items()}
        return self

    def stop(self):
        """used: {name: CPU seconds}; others_s: of processes that were not named."""
        self.used = {name: process_s(pid) - self._before[name] for name, pid in self._pids.items()}
        self.seconds = time.monotonic() - self._began
        self.others_s = max(machine_s()[0] - self._machine - sum(self.used.values()), 0.0)
        return self
