# SPDX-License-Identifier: MIT
"""tests/pg_live.c at work: pg.c on a real connection, by commands and events."""

import os
import subprocess
import threading

from . import proc, programs
from .daemon import environment
from .wait import wait_until


class Live:
    """Owns the process. Events are strings as pg_live.c prints them."""

    def __init__(self, scratch, dsn, statement_timeout_ms=30000, connect_timeout_ms=10000, names=None,
                 env=None):
        """names: lib.dns.Names to live among."""
        argv = [programs.path("pg_live"), dsn, str(statement_timeout_ms), str(connect_timeout_ms)]
        self.log = os.path.join(scratch.dir("live"), "log")
        self.events = []
        self._process = proc.Child(names.wrap(argv) if names else argv, log=self.log, name="pg_live",
                                   env=environment(env), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.popen.stdout:
            self.events.append(line.decode().rstrip("\n"))

    def send(self, command):
        self._process.popen.stdin.write(command.encode() + b"\n")
        self._process.popen.stdin.flush()

    def wait(self, prefix, count=1):
        """The count-th event that begins so, as soon as it has come."""
        def found():
            events = [event for event in self.events if event.startswith(prefix)]
            return events[count - 1] if len(events) >= count else None
        return wait_until(found, f"event {prefix!r} number {count}", detail=self._detail,
                          abort=lambda: None if self._process.alive else "pg_live ended")

    def ask(self, command, answer="reply "):
        """Sends a command and waits for what answers it."""
        count = sum(event.startswith(answer) for event in self.events)
        self.send(command)
        return self.wait(answer, count + 1)

    def fields(self, command):
        """Reply to a command as a dict, its outcome as 'outcome'."""
        words, _, error = self.ask(command)[len("reply "):].partition(" error=")
        outcome, *pairs = words.split(" ")
        # A value may hold blanks: what has no key belongs to the one before.
        found = {"outcome": outcome, "error": error}
        for pair in pairs:
            key, equals, value = pair.partition("=")
            if equals and key in ("sqlstate", "tag", "copy", "sent", "value"):
                last = key
                found[key] = value
            else:
                found[last] += " " + pair
        return found

    def wait_log(self, text, count=1):
        """Waits until the log holds the text that often."""
        wait_until(lambda: self.logged().count(text) >= count, f"{text!r} in the log",
                   detail=lambda: proc.tail(self.log))

    def logged(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def rss_bytes(self):
        return self._process.rss_bytes()

    def threads(self):
        return self._process.threads()

    def quit(self):
        """Ends by itself; fails unless with code 0."""
        self.send("quit")
        assert self._process.wait() == 0, proc.tail(self.log)

    def close(self):
        """Clean-up from any state."""
        self._process.end()
        self._reader.join(10)
        self._process.popen.stdin.close()
        self._process.popen.stdout.close()

    def _detail(self):
        return "\n".join(["events:", *self.events[-20:], proc.tail(self.log)])
