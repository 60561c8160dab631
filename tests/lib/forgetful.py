# SPDX-License-Identifier: MIT
"""A way to a broker that can be told to end as a broker does on its way down: its last answer to a metadata
request names no broker, and behind it comes the end of the connection."""

import socket
import struct
import threading

from . import net

_METADATA = 3
_FIRST_FLEXIBLE = 9    # version of the request from which on arrays are compact
_NO_BROKER = b"\x01"   # a compact array without an element


class Forgetful:
    """Listens on `port` and forwards to the port `target`.

    leaving: set it, and with its next answer about metadata it is gone.
    gone: an Event.
    """

    def __init__(self, port, target):
        self.leaving = False
        self.gone = threading.Event()
        self._port, self._target = port, target
        self.back()

    def back(self):
        """Is there (again)."""
        self.leaving = False
        self.gone.clear()
        self._listener = socket.create_server((net.LOOPBACK, self._port))
        self._open = []
        self._accepting = threading.Thread(target=self._accept, args=(self._listener, self._open), daemon=True)
        self._accepting.start()

    def close(self):
        self._stop_listening()
        for sock in self._open:
            _end(sock)
        self.gone.set()

    def _stop_listening(self):
        """The port is free after that: a socket lives as long as somebody accepts from it."""
        _end(self._listener)
        self._accepting.join()

    def _accept(self, listener, sockets):
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection((net.LOOPBACK, self._target))
            except OSError:
                return
            sockets += [client, server]
            asked = {}
            threading.Thread(target=_ask, args=(client, server, asked), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client, asked), daemon=True).start()

    def _answer(self, server, client, asked):
        for frame in _frames(server):
            version = asked.pop(struct.unpack_from(">i", frame)[0], None)
            if version is None or not self.leaving:
                _send(client, frame)
                continue
            self._stop_listening()
            _send(client, _without_brokers(frame, version))
            self.close()


def _ask(client, server, asked):
    for frame in _frames(client):
        _note(asked, frame)
        _send(server, frame)


def _end(sock):
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass    # It is no more connected, or closed.
    sock.close()


def _frames(sock):
    """What comes, frame by frame, until the end."""
    try:
        with sock.makefile("rb") as file:
            while length := file.read(4):
                yield file.read(struct.unpack(">i", length)[0])
    except (OSError, ValueError, struct.error):
        pass    # One of the two has gone.


def _send(sock, frame):
    try:
        sock.sendall(struct.pack(">i", len(frame)) + frame)
    except OSError:
        pass    # The same; the other direction ends, too.


def _without_brokers(frame, version):
    assert version >= _FIRST_FLEXIBLE, version
    begin = 4 + 1 + 4    # correlation id, no tags, throttle time
    return frame[:begin] + _NO_BROKER + frame[_end_of_brokers(frame, begin):]


def _note(asked, frame):
    """Remembers the version of a metadata request by its correlation id."""
    key, version, correlation = struct.unpack_from(">hhi", frame)
    if key == _METADATA:
        asked[correlation] = version


def _end_of_brokers(frame, at):
    count, at = _varint(frame, at)
    for _ in range(count - 1):
        length, at = _varint(frame, at + 4)        # node id, host
        length, at = _varint(frame, at + length - 1 + 4)    # port, rack
        at += max(length - 1, 0)
        assert frame[at] == 0, "tags"
        at += 1
    return at


def _varint(frame, at):
    """Unsigned. Returns it and where it ends."""
    value = shift = 0
    while True:
        byte = frame[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
