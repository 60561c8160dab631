# SPDX-License-Identifier: MIT
"""In systemd's place: the socket that NOTIFY_SOCKET names, and what it was told."""

import os
import socket
import time

from .wait import DEADLINE_S, wait_until

_LONGEST = 4096


class Listener:
    """Keeps each message as a dict of its fields, with `at`, the monotonic time it was taken."""

    def __init__(self, scratch):
        self.path = os.path.join(scratch.dir("notify"), "socket")
        self._messages = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(self.path)

    @property
    def environment(self):
        return {"NOTIFY_SOCKET": self.path}

    def close(self):
        self._socket.close()

    def messages(self, field=None, since=0):
        """All that have come, or those with that field; without the first `since` of all."""
        self._take()
        return [message for message in self._messages[since:] if field is None or field in message]

    def mark(self):
        """How many have come, as a position for `since`."""
        return len(self.messages())

    def said(self, field, since=0):
        """The values of a field, in order."""
        return [message[field] for message in self.messages(field, since)]

    def wait(self, field, value=None, since=0, timeout=DEADLINE_S):
        """Waits for a message with that field (and value): the first one."""
        return wait_until(
            lambda: [message for message in self.messages(field, since)
                     if value in (None, message[field])],
            f"{field}={value or ''}", timeout, detail=lambda: str(self.messages()[-20:]))[0]

    def _take(self):
        while True:
            try:
                text = self._socket.recv(_LONGEST).decode()
            except BlockingIOError:
                return
            fields = dict(line.split("=", 1) for line in text.splitlines())
            self._messages.append({**fields, "at": time.monotonic()})
