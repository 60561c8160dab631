# SPDX-License-Identifier: MIT
"""Loopback ports."""

import random
import socket

LOOPBACK = "127.0.0.1"

# Below the kernel's ephemeral range: a client that keeps knocking at a closed port inside that
# range can be given the same number as its own source port and then connects to itself.
_FIRST_PORT, _LAST_PORT = 10000, 32000


def free_port():
    """A port nobody listens on now. The user must cope with losing the race for it."""
    for _ in range(200):
        port = random.randint(_FIRST_PORT, _LAST_PORT)
        if _can_bind(port):
            return port
    raise RuntimeError("no free loopback port found")


def _can_bind(port):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def is_listening(port, host=LOOPBACK):
    """True if something accepts TCP connections there."""
    with socket.socket() as sock:
        sock.settimeout(1.0)
        return sock.connect_ex((host, port)) == 0
