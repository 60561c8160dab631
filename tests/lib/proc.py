# SPDX-License-Identifier: MIT
"""Child processes that cannot outlive the test run.

Every child is started here. It is signalled only by its own pid, and three nets catch it: the
fixture that owns it, stop_all() at the end of the run, and the kernel's parent-death signal.
The last one acts when the *thread* that started the child ends, so start children from the
main thread.
"""

import ctypes
import os
import signal
import subprocess
import time

from .wait import Timeout, wait_until

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_CLOCK_TICK = os.sysconf("SC_CLK_TCK")

_living = set()


class Child:
    """One child process: owns it from start to reaping."""

    def __init__(self, argv, *, log=None, env=None, cwd=None, user=None, stdin=subprocess.DEVNULL,
                 stdout=None, death_signal=signal.SIGKILL, name=None):
        """Starts argv. stderr (and stdout, unless given) are appended to the file `log`."""
        self.argv = [str(arg) for arg in argv]
        self.name = name or os.path.basename(self.argv[0])
        self.log = log
        parent = os.getpid()

        def before_exec():
            # Runs after the change of user, which would clear the setting.
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(127)

        identity = {"user": user, "group": user, "extra_groups": []} if user else {}
        sink = open(log, "ab") if log else subprocess.DEVNULL
        try:
            self.popen = subprocess.Popen(
                self.argv, env=env, cwd=cwd, stdin=stdin, stderr=sink, preexec_fn=before_exec,
                stdout=sink if stdout is None else stdout, start_new_session=True, **identity)
        finally:
            if log:
                sink.close()
        self.pid = self.popen.pid
        _living.add(self)

    @property
    def alive(self):
        """True until the process has ended; a stopped (SIGSTOP) process is alive."""
        if self.popen.poll() is None:
            return True
        _living.discard(self)
        return False

    @property
    def returncode(self):
        """Exit code, -N for death by signal N, None while alive."""
        return self.popen.poll()

    def send(self, signum):
        """Sends a signal; no error if the process has ended meanwhile."""
        if self.alive:
            self.popen.send_signal(signum)

    def pause(self):
        """SIGSTOP, and waits until the process is stopped."""
        self.send(signal.SIGSTOP)
        wait_until(lambda: self.state() in ("T", "Z", ""), f"{self.name} to be stopped")

    def resume(self):
        """SIGCONT."""
        self.send(signal.SIGCONT)

    def wait(self, timeout=60.0):
        """Returns the exit code. Kills the process and fails if it does not end in time."""
        try:
            code = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Timeout(f"{self.name} (pid {self.pid}) did not end within {timeout:g} s\n"
                          + tail(self.log)) from None
        _living.discard(self)
        return code

    def kill(self):
        """SIGKILL and reap. Works on a stopped process too."""
        if self.alive:
            self.popen.kill()
            self.popen.wait()
        _living.discard(self)

    def end(self, signum=signal.SIGTERM, timeout=30.0):
        """For clean-up: asks with signum, insists with SIGKILL, never raises."""
        if not self.alive:
            return
        self.resume()
        self.send(signum)
        try:
            self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        _living.discard(self)

    def state(self):
        """One letter as in ps(1): R S D T Z ...; '' when there is no such process any more."""
        stat = _stat(self.pid)
        return stat[0] if stat else ""

    def cpu_seconds(self):
        """User and system time used so far."""
        stat = _stat(self.pid)
        return (int(stat[11]) + int(stat[12])) / _CLOCK_TICK

    def rss_bytes(self):
        """Resident memory now."""
        return self._status("VmRSS") * 1024

    def peak_rss_bytes(self):
        """The most resident memory there was at one time."""
        return self._status("VmHWM") * 1024

    def threads(self):
        return self._status("Threads")

    def fd_count(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def _status(self, key):
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(key + ":"):
                    return int(line.split()[1])
        raise KeyError(key)


def cpu_share(child, seconds):
    """CPU used by the child over the next `seconds`, as a share of one core."""
    cpu, start = child.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    return (child.cpu_seconds() - cpu) / (time.monotonic() - start)


def tail(path, lines=60):
    """The last lines of a log file, for failure messages."""
    if not path or not os.path.exists(path):
        return "(no log)"
    with open(path, "rb") as file:
        text = file.read()[-64 * 1024:].decode("utf-8", "replace")
    return "\n".join([f"--- {path}"] + text.splitlines()[-lines:])


def living():
    """The children still alive, as a list."""
    return [child for child in list(_living) if child.alive]


def stop_all():
    """Last net at the end of the run: kills every child that is still there."""
    for child in living():
        child.kill()


def pid_exists(pid):
    """True if a process with that id exists and is not a zombie."""
    stat = _stat(pid)
    return bool(stat) and stat[0] not in ("Z", "X")


def _stat(pid):
    """Fields of /proc/<pid>/stat from `state` on, or None. The name before may hold blanks."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
