# SPDX-License-Identifier: MIT
"""What is in the images does its work as a container runs it: a read-only root, a numeric user, no privileges.

For scripts/image-check, which says where the roots are; there is nothing to test without.
"""

import os
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from lib import ca, net
from lib.daemon import environment
from lib.flow import Flow
from lib.schema import PASSWORD
from lib.web import Web

USER = 65532
WAIT_S = 60
# In a mount namespace of its own: $1 the root, $2 "SOURCE TARGET" of one file more or "", then the command.
ENTER = """set -e
root=$1 source=${2% *} target=${2#* }
mount --bind "$root" "$root"
mkdir -p "$root/proc" "$root/dev"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
if [ -n "$source" ]; then
    touch "$root$target"
    mount --bind "$source" "$root$target"
fi
mount -o remount,bind,ro "$root"
shift 2
exec setpriv --bounding-set=-all,+sys_chroot,+setuid,+setgid --no-new-privs chroot --userspec=65532:65532 "$root" "$@"
"""


def root_of(variable):
    path = os.environ.get(variable)
    if not path:
        pytest.skip("not in an image (make image-check)")
    return path


def enter(root, argv, mounted=""):
    return ["unshare", "--mount", "sh", "-c", ENTER, "enter", root, mounted, *argv]


@pytest.fixture
def in_image():
    """in_image(argv): the same in tickd's image, without the configuration file of the fixture."""
    root = root_of("TICKD_IMAGE_ROOT")

    def wrap(argv, mounted=""):
        arguments = argv[3:] if argv[1:2] == ["-c"] else argv[1:]
        return enter(root, ["/usr/bin/tickd", *arguments], mounted)
    return wrap


def run(argv, env):
    return subprocess.run(argv, env=environment(env), text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def variables(config):
    """A configuration as environment."""
    return {"TICKD_" + name.upper().replace(".", "_"): str(value) for name, value in config.items()}


def test_ticks_flow_and_health_says_so(db, mock, tickd, in_image):
    web = Web()
    flow = Flow(db, mock, tickd, http_listen=web.listen).create_topic()
    flow.send_ticks(1000)
    env = variables(flow.config)
    flow.daemon = tickd({}, env=env, wrap=in_image)
    flow.wait_consumed()
    flow.check()
    with open(f"/proc/{flow.daemon.pid}/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert status["Uid"].split() == [str(USER)] * 4
    assert int(status["CapPrm"], 16) == 0 and status["NoNewPrivs"] == "1"
    flow.daemon.wait_until(lambda: web.get("/readyz").status == 200, "ready")
    done = run(in_image(["tickd", "health"]), env)
    assert done.returncode == 0, done.stdout
    flow.daemon.stop()
    assert run(in_image(["tickd", "health"]), env).returncode == 1


class TlsServer:
    """Takes one client over TLS; `outcome` is "" when it has accepted our certificate, else why not."""

    def __init__(self, certificate):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.both)
        self._listener = socket.create_server((net.LOOPBACK, 0))
        self.port = self._listener.getsockname()[1]
        self.outcome = None
        self._listener.settimeout(WAIT_S)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        try:
            client, _ = self._listener.accept()
            client.settimeout(WAIT_S)
            with self._context.wrap_socket(client, server_side=True) as secure:
                secure.recv(1)  # the first request
            self.outcome = ""
        except OSError as problem:
            self.outcome = str(problem)
        finally:
            self._listener.close()

    def wait(self):
        self._thread.join(2 * WAIT_S)
        return self.outcome


@pytest.mark.parametrize("known", [True, False])
def test_public_authorities_are_found_without_a_word(scratch, in_image, known):
    """With another authority in the place of all public ones: it is asked."""
    authority = ca.Authority(scratch)
    server = TlsServer(authority.issue("broker"))
    bundle = shutil.copy(authority.cert if known else ca.Authority(scratch, "another").cert,
                         scratch.dir("bundle"))
    os.chmod(bundle, 0o644)
    said = run(in_image(["tickd", "check"], f"{bundle} /etc/ssl/certs/ca-certificates.crt"), {
        "TICKD_DATABASE_URL": f"host={net.LOOPBACK} port={net.free_port()}",
        "KAFKA_BOOTSTRAP_SERVERS": f"{net.LOOPBACK}:{server.port}", "TICKD_KAFKA_SECURITY_PROTOCOL": "ssl"})
    outcome = server.wait()
    assert (outcome == "") is known, f"{outcome}: {said.stdout}"
    assert known or "unknown ca" in outcome


def test_migrate_deploys_and_verifies(pg_private, scratch):
    root = root_of("TICKD_MIGRATE_ROOT")
    name = pg_private.create_database()
    secret = os.path.join(scratch.dir("secret"), "tickd_password")
    with open(secret, "w", encoding="utf-8") as file:
        file.write(PASSWORD)
    os.chmod(secret, 0o444)
    for _ in range(2):
        done = run(enter(root, ["/usr/bin/migrate"], f"{secret} /tmp/secret"), {
            "PGHOST": net.LOOPBACK, "PGPORT": str(pg_private.port), "PGUSER": "postgres", "PGDATABASE": name,
            "TICKD_PASSWORD_FILE": "/tmp/secret"})
        assert done.returncode == 0, done.stdout
        assert "deployed and verified" in done.stdout
    assert pg_private.query("SELECT count(*) FROM ticks", dbname=name) == [(0,)]
