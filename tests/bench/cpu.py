# SPDX-License-Identifier: MIT
"""Who used the CPU: seconds of processes and their threads to the nanosecond, of the machine to the tick."""

import ctypes
import os
import time

_LIBC = ctypes.CDLL(None)
_TICKS = os.sysconf("SC_CLK_TCK")


def _read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None


def process_s(pid):
    """Of a living process, with all the threads it ever had: those of a Java machine come and go."""
    clock = ctypes.c_int()
    failed = _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock))
    if failed:
        raise ProcessLookupError(failed, f"no clock of process {pid}")
    return time.clock_gettime(clock.value)


def threads_s(pid):
    """{name: seconds} of the living threads, without those that did next to nothing."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        used = _read(f"/proc/{pid}/task/{thread}/schedstat")
        name = _read(f"/proc/{pid}/task/{thread}/comm")
        if used and name:
            name = name.strip()
            found[name] = found.get(name, 0.0) + int(used.split()[0]) / 1e9
    return {name: seconds for name, seconds in found.items() if seconds > 0.001}


def machine_s():
    """(seconds in which this machine's CPUs worked, seconds in which its host gave them to others)."""
    return machine_of(_read("/proc/stat"))


def machine_of(stat):
    """The same of the text of /proc/stat."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, stat.split("\n", 1)[0].split()[1:9])
    return (user + nice + system + irq + softirq) / _TICKS, steal / _TICKS


class Meter:
    """What a load uses, from start(), before its process begins, to stop(), while that still lives."""

    def __init__(self, **pids):
        """pids: of processes that are running already, of which only the rest counts."""
        self._pids = pids

    def start(self):
        self._began = time.monotonic()
        self._busy, self._steal = machine_s()
        self._before = {name: process_s(pid) for name, pid in self._pids.items()}
        return self

    def stop(self, **begun):
        """begun: {name: CPU seconds} of those that have begun since.

        cpu_s: {name: seconds} of all of these; others and steal: cores that were busy with anything
        else, and that the host gave to another machine, at the mean.
        """
        used = {name: process_s(pid) - self._before[name] for name, pid in self._pids.items()}
        used |= begun
        busy, steal = machine_s()
        seconds = time.monotonic() - self._began
        return {"cpu_s": used, "steal": (steal - self._steal) / seconds,
                "others": max(busy - self._busy - sum(used.values()), 0.0) / seconds}
