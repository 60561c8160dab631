# SPDX-License-Identifier: MIT
"""Names that resolve as the test says: a tiny DNS server and a private /etc/resolv.conf.

A program started through wrap() runs in a mount namespace of its own in which /etc/resolv.conf
names this server; the machine is not touched. Needs root, and a root directory that is a mount
point (a chroot's is not, and its mounts could leak out), so missing() may say why not.
"""

import os
import random
import socket
import struct
import subprocess
import threading
import time

_PORT = 53
_TYPE_A = 1
_NOERROR, _SERVFAIL, _NXDOMAIN = 0, 2, 3
_TTL_S = 0

_IN_NAMESPACE = ('mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/nsswitch.conf'
                 ' && shift 2 && exec "$@"')


def missing():
    """Why this cannot be had on this machine, or None."""
    if os.getuid() != 0:
        return "a private resolv.conf needs root"
    for path in ("/etc/resolv.conf", "/etc/nsswitch.conf"):
        if not os.path.exists(path):
            return f"no {path} to mount over"
    tried = subprocess.run(["unshare", "--mount", "true"], check=False, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return None if tried.returncode == 0 else "no mount namespace can be made here"


class Names:
    """Owns the server's socket and thread. `hosts` maps a name to an IPv4 address or a list."""

    def __init__(self, scratch, hosts=None, options="timeout:1 attempts:1"):
        self.hosts = dict(hosts or {})
        self.silent = False    # True: no answer at all
        self.failing = False    # True: SERVFAIL
        self.delay_s = 0.0
        self.queries = []
        self._sock, self.address = _bind()
        base = scratch.dir("dns")
        self._resolv_conf = _write(base, "resolv.conf",
                                   f"nameserver {self.address}\noptions {options}\n")
        self._nsswitch = _write(base, "nsswitch.conf", "hosts: files dns\npasswd: files\ngroup: files\n")
        self._thread = threading.Thread(target=self._serve, name="dns", daemon=True)
        self._thread.start()

    def wrap(self, argv):
        """The command line that runs argv, with the same pid, among these names."""
        return ["unshare", "--mount", "sh", "-c", _IN_NAMESPACE, "sh", self._resolv_conf,
                self._nsswitch, *argv]

    def close(self):
        """Ends the thread. Any number of times."""
        if self._sock is not None:
            sock, self._sock = self._sock, None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knock:
                knock.sendto(b"", (self.address, _PORT))
            self._thread.join(10)
            sock.close()

    def _serve(self):
        sock = self._sock
        while True:
            query, sender = sock.recvfrom(512)
            if self._sock is None:
                return
            name, kind, question = _parse(query)
            self.queries.append(name)
            if self.silent:
                continue
            time.sleep(self.delay_s)
            sock.sendto(self._answer(query, name, kind, question), sender)

    def _answer(self, query, name, kind, question):
        found = self.hosts.get(name)
        addresses = [found] if isinstance(found, str) else list(found or [])
        code = _SERVFAIL if self.failing else _NOERROR if found else _NXDOMAIN
        records = addresses if kind == _TYPE_A and code == _NOERROR else []
        # Response, recursion desired and available.
        head = struct.pack(">2sHHHHH", query[:2], 0x8180 | code, 1, len(records), 0, 0)
        return head + question + b"".join(
            struct.pack(">HHHIH4s", 0xC00C, _TYPE_A, 1, _TTL_S, 4, socket.inet_aton(address))
            for address in records)


def _parse(query):
    """Name, type and the bytes of the first question."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("ascii", "replace"))
        at += 1 + query[at]
    kind = struct.unpack(">H", query[at + 1:at + 3])[0]
    return ".".join(labels).lower(), kind, query[12:at + 5]


def _bind():
    """A loopback address of its own, because resolv.conf cannot name a port."""
    while True:
        address = f"127.{random.randint(64, 127)}.{random.randint(1, 250)}.{random.randint(1, 250)}"
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.bind((address, _PORT))
            return sock, address
        except PermissionError:
            sock.close()
            raise
        except OSError:
            sock.close()


def _write(base, name, text):
    path = os.path.join(base, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return path
