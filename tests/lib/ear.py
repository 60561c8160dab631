# SPDX-License-Identifier: MIT
"""A server that speaks no protocol: it listens, answers one thing, and keeps what it was told."""

import socket
import threading

from . import net

_CHUNK = 64 * 1024
_TIMEOUT_S = 5


class Ear:
    """Listens on a loopback port. `heard` has the bytes of each connection, in order.

    answer: sent when the first bytes of a connection have come; then it is listened to until the
    client ends, and for a few seconds at most.
    """

    def __init__(self, answer=b""):
        self.heard = []
        self._answer = answer
        self._listener = socket.create_server((net.LOOPBACK, 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="ear", daemon=True)
        self._thread.start()

    def close(self):
        # close() alone would leave accept() waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                client.settimeout(_TIMEOUT_S)
                self.heard.append(self._listen(client))

    def _listen(self, client):
        words = b""
        try:
            while data := client.recv(_CHUNK):
                if not words and self._answer:
                    client.sendall(self._answer)
                words += data
                if not self._answer:
                    break
        except OSError:
            pass    # It was silent for long, or has gone.
        return words
