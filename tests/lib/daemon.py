# SPDX-License-Identifier: MIT
"""The program under test: tickd, started with a configuration of the test's own."""

import datetime
import os
import re
import signal
import subprocess

from . import proc, programs
from .wait import DEADLINE_S, wait_until

# What a sanitizer prints when it has found something.
_SANITIZER = re.compile(r"ERROR: (Address|Leak)Sanitizer|runtime error:")
_STOP_S = 60.0


def environment(extra=None):
    """A clean one: nothing of the user's that tickd, libpq or librdkafka would read."""
    kept = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
    clean = {key: os.environ[key] for key in kept if key in os.environ}
    clean.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    return {**clean, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", **(extra or {})}


def config_text(options):
    """The configuration file of a dict: option = value; a dict as value is a [section]."""
    lines = [f"{key} = {value}" for key, value in options.items() if not isinstance(value, dict)]
    for section, inner in options.items():
        if isinstance(inner, dict):
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in inner.items())]
    return "\n".join(lines) + "\n"


def said_at(line):
    """The time of a line of the log, which is in logfmt."""
    return datetime.datetime.fromisoformat(line.split()[0][len("ts="):].replace("Z", "+00:00"))


def run(*arguments, env=None, config=None, scratch=None, timeout=DEADLINE_S):
    """Runs tickd to its end (check, -t, --print-config ...): subprocess.CompletedProcess.

    config: a dict of options or the text of a file; needs scratch to be written to.
    """
    argv = [programs.path("tickd")]
    if config is not None:
        argv += ["-c", _write_config(scratch.dir("config"), config)]
    done = subprocess.run([*argv, *map(str, arguments)], env=environment(env), text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, check=False)
    assert not _SANITIZER.search(done.stderr), done.stderr
    return done


class Tickd:
    """Owns one daemon over its restarts: its directory, its log (all runs in one file), its process."""

    def __init__(self, scratch, config, arguments=(), env=None, wrap=None, binary=None):
        """config: dict of options, or text. wrap: a function from argv to argv (lib.dns, prlimit)."""
        self.base = scratch.dir("tickd")
        self.log = os.path.join(self.base, "stderr")
        self.config = config
        self._arguments = [str(argument) for argument in arguments]
        self._env = env
        self._wrap = wrap or (lambda argv: argv)
        self._binary = binary
        self._asked_to_end = False
        self.began = 0    # the log's end when it was started last
        self.child = None
        open(self.log, "ab").close()

    # --- life

    def start(self, binary=None, env=None):
        """Starts the process; does not wait. Returns self. binary, env: others for this one time."""
        path = _write_config(self.base, self.config)
        binary = binary or self._binary or programs.path("tickd")
        self._asked_to_end = False
        self.began = self.mark()
        self.child = proc.Child(self._wrap([binary, "-c", path, *self._arguments]), log=self.log,
                                env=environment(env or self._env), cwd=self.base, name="tickd")
        return self

    def stop(self, timeout=_STOP_S):
        """SIGTERM; it must end by itself with exit code 0 and with nothing leaked.

        A process that is still being loaded has no handler yet, so its first line is awaited.
        """
        self.child.resume()
        self.wait_log("event=started", self.began)
        self._asked_to_end = True
        self.child.send(signal.SIGTERM)
        code = self.child.wait(timeout)
        assert code == 0, f"tickd ended with {code} after SIGTERM\n{proc.tail(self.log)}"
        self.check_log()

    def kill9(self):
        self._asked_to_end = True
        self.child.kill()

    def restart(self):
        """Ends it with SIGKILL if it runs, and starts it again."""
        if self.alive:
            self.kill9()
        return self.start()

    def reload(self, config=None):
        """SIGHUP, after writing another configuration if one is given."""
        if config is not None:
            self.config = config
            _write_config(self.base, config)
        self.child.send(signal.SIGHUP)

    def wait_exit(self, timeout=_STOP_S):
        """For a test that expects it to end by itself: the exit code."""
        self._asked_to_end = True
        return self.child.wait(timeout)

    def finish(self, orderly):
        """Clean-up. orderly: the test passed, so that a bad end is a failure of its own."""
        if self.child is None:
            return
        if self.alive and orderly:
            self.stop()
        self.child.kill()
        if orderly:
            self.check_log()
            assert self._asked_to_end, (f"tickd ended by itself with {self.child.returncode}\n"
                                        f"{proc.tail(self.log)}")

    # --- what is seen of it

    @property
    def alive(self):
        return self.child is not None and self.child.alive

    @property
    def pid(self):
        return self.child.pid

    def log_text(self, since=0):
        """Everything logged after the position `since`."""
        with open(self.log, "rb") as file:
            file.seek(since)
            return file.read().decode("utf-8", "replace")

    def mark(self):
        """The log's end now, as a position for `since`."""
        return os.path.getsize(self.log)

    def logged(self, pattern, since=0):
        """The lines that match the regular expression, as a list."""
        expression = re.compile(pattern)
        return [line for line in self.log_text(since).splitlines() if expression.search(line)]

    def recorded(self):
        """What the flight recorder wrote, once and whole."""
        begin = "event=flight_recorder msg=begin\n"
        end = "level=error event=flight_recorder msg=end\n"
        text = self.log_text()
        assert text.count(begin) == text.count(end) == 1, text
        return text.partition(begin)[2].partition(end)[0]

    def wait_log(self, pattern, since=0, timeout=DEADLINE_S):
        """Waits for such a line and returns the first one; gives up when the process ends."""
        return self.wait_until(lambda: self.logged(pattern, since), f"log line {pattern!r}",
                               timeout)[0]

    def wait_until(self, condition, what, timeout=DEADLINE_S):
        """As lib.wait.wait_until; gives up when the process ends, shows its log."""
        return wait_until(condition, what, timeout, detail=lambda: proc.tail(self.log),
                          abort=lambda: None if self.alive else
                          f"tickd ended with {self.child.returncode}")

    def check_log(self):
        """Fails if a sanitizer has reported anything."""
        text = self.log_text()
        found = _SANITIZER.search(text)
        assert not found, text[max(0, found.start() - 200):found.start() + 8000]


def _write_config(base, config):
    path = os.path.join(base, "tickd.conf")
    if isinstance(config, dict):
        # Several run at once, and most are not asked anything.
        config = {**config, "http_listen": config.get("http_listen", "off")}
    with open(path, "w", encoding="utf-8") as file:
        file.write(config if isinstance(config, str) else config_text(config))
    # It may hold secrets.
    os.chmod(path, 0o600)
    return path
