# SPDX-License-Identifier: MIT
"""Loopback ports."""

import fcntl
import os
import random
import socket
import tempfile

LOOPBACK = "127.0.0.1"

# Below the kernel's ephemeral range: a client that keeps knocking at a closed port inside that
# range can be given the same number as its own source port and then connects to itself.
_FIRST_PORT, _LAST_PORT = 10000, 32000

_drawn = set()
_locks = None


def free_port():
    """A port nobody listens on now, and that no test draws again while this process lives, so that a
    server finds it free after a restart. The user must cope with losing it to a stranger."""
    for _ in range(200):
        port = random.randint(_FIRST_PORT, _LAST_PORT)
        if _reserve(port) and _can_bind(port):
            return port
    raise RuntimeError("no free loopback port found")


def _reserve(port):
    """A lock on one byte of a file that all test runs of this user share: its end is the process's."""
    global _locks
    if _locks is None:
        path = os.path.join(tempfile.gettempdir(), f"tickd-test-ports-{os.getuid()}")
        _locks = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if port in _drawn:
        return False
    try:
        fcntl.lockf(_locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _drawn.add(port)
    return True


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
