# SPDX-License-Identifier: MIT
"""A Debian with a systemd of its own (systemd-nspawn), in which tickd's package is installed, and its units.

The guest shares the machine's network, so servers on loopback are reached from inside. Its root
directory is made by scripts/sandbox-check, which names it in TICKD_GUEST_ROOT.
"""

import os
import subprocess

from . import daemon, proc
from .wait import DEADLINE_S, wait_until

_BOOTED = ("running", "degraded", "starting")
_HALT_S = 30.0


def missing():
    """Why there can be no guest, or None."""
    return None if os.environ.get("TICKD_GUEST_ROOT") else "no TICKD_GUEST_ROOT: make sandbox-check"


class Guest:
    """Owns the running guest. Files under `root` are its files."""

    def __init__(self, scratch):
        self.root = os.environ["TICKD_GUEST_ROOT"]
        self.log = os.path.join(scratch.dir("guest"), "console")
        self._child = None

    def boot(self):
        """Returns when its systemd answers; what it starts may not be there yet."""
        self._child = proc.Child(
            ["systemd-nspawn", "--quiet", "--boot", "--directory", self.root, "--register=no",
             "--keep-unit", "--console=pipe", "--machine", f"tickd-{os.getpid()}"], log=self.log)
        wait_until(lambda: self.systemctl("is-system-running", check=False).strip() in _BOOTED,
                   "a booted guest", abort=lambda: None if self._child.alive else "nspawn ended",
                   detail=lambda: proc.tail(self.log))
        return self

    def halt(self):
        """An orderly shutdown of all that runs in it."""
        self._child.end(timeout=_HALT_S)

    def reboot(self):
        self.halt()
        return self.boot()

    def run(self, *argv, check=True):
        """Runs a command inside; what it prints."""
        init = self._init()
        if init is None:
            return ""
        done = subprocess.run(
            ["nsenter", "--target", str(init), "--mount", "--uts", "--ipc", "--pid", "--cgroup",
             "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", *map(str, argv)],
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=2 * DEADLINE_S, check=False)
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}"
        return done.stdout

    def systemctl(self, *arguments, **more):
        return self.run("systemctl", *arguments, **more)

    def write(self, path, text, mode=0o644):
        """A file inside, with its directory."""
        full = self.root + path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(full, mode)

    def remove(self, path):
        if os.path.exists(self.root + path):
            os.remove(self.root + path)

    def _init(self):
        """Its process 1, as this machine numbers it."""
        children = f"/proc/{self._child.pid}/task/{self._child.pid}/children"
        try:
            with open(children, encoding="ascii") as file:
                return next(map(int, file.read().split()), None)
        except FileNotFoundError:
            return None


class Unit:
    """A unit of the guest, in a daemon's place (lib.daemon.Tickd): its settings, secret and state."""

    def __init__(self, guest, instance=None):
        self.guest = guest
        self.name = f"tickd@{instance}.service" if instance else "tickd.service"
        self._config = f"/etc/tickd/{instance or 'tickd'}.conf"
        self._secret = f"/etc/credstore/tickd.{instance + '.' if instance else ''}database_url"
        self._cursor = guest.run("journalctl", "--lines=0", "--show-cursor").split("cursor: ")[1].strip()

    def configure(self, config):
        """The connection's URL is a credential, the rest stands in the unit's configuration file."""
        config = {"http_listen": "off", **config}
        self.guest.write(self._secret, config.pop("database_url") + "\n", 0o600)
        self.guest.write(self._config, daemon.config_text(config), 0o640)
        self.guest.run("systemd-tmpfiles", "--create", "--prefix=/etc/tickd")
        return self

    def drop_in(self, text):
        """Settings of the unit for a while; None: as it is installed."""
        path = f"/run/systemd/system/{self.name}.d/test.conf"
        if text is None:
            self.guest.run("rm", "-f", path)
        else:
            self.guest.run("sh", "-c", f'mkdir -p {os.path.dirname(path)} && printf %s "$0" >{path}', text)
        self.guest.systemctl("daemon-reload")

    def systemctl(self, verb, *options, **more):
        return self.guest.systemctl(verb, *options, self.name, **more)

    def show(self, prop):
        return self.guest.systemctl("show", "--value", "--property", prop, self.name, check=False).strip()

    def pid(self):
        """As the guest numbers it."""
        return int(self.show("MainPID"))

    def status(self):
        """Fields of /proc/PID/status."""
        text = self.guest.run("cat", f"/proc/{self.pid()}/status")
        return dict(line.split(":\t", 1) for line in text.splitlines())

    def journal(self):
        """What it and systemd have said of it since this object was made."""
        return self.guest.run("journalctl", "--no-pager", "--output=cat", "--after-cursor", self._cursor,
                              "--unit", self.name)

    def wait(self, prop, value, timeout=DEADLINE_S):
        self.wait_until(lambda: self.show(prop) == value, f"{prop}={value}", timeout)

    def wait_until(self, condition, what, timeout=DEADLINE_S):
        return wait_until(condition, what, timeout, detail=lambda: "\n".join(
            [self.systemctl("status", "--no-pager", check=False), *self.journal().splitlines()[-40:]]))

    def reset(self):
        """Stopped, with nothing of a test left."""
        self.systemctl("stop", check=False)
        self.systemctl("reset-failed", check=False)
        self.drop_in(None)
        for path in (self._config, self._secret):
            self.guest.remove(path)
