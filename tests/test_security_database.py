# SPDX-License-Identifier: MIT
"""PostgreSQL with TLS and passwords: tickd stores over sslmode=verify-full with a CA of the test's own
and a scram-sha-256 password; what is wrong is said once, in words to act on, and waited for; nothing
is ever said in plain text, and no password is ever shown.
"""

import os

import pytest

from lib import ca, daemon, net, pg
from lib.ear import Ear
from lib.flow import Flow
from lib.pg import Database
from lib.wait import wait_until

PASSWORD = "correct-horse-5521"
WRONG = "battery-staple-7743"
# What a client says that wants TLS: a length and a number, nothing else.
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
NO_TLS = b"N"
# Attempts of the two connections together; before that, a storm cannot be told.
ATTEMPTS = 6
HBA = """\
host    all postgres 127.0.0.1/32 trust
hostssl all tickd    127.0.0.1/32 scram-sha-256
"""


class Secured:
    """A server that lets tickd in over TLS and with a password only; the CA and its certificates."""

    def __init__(self, scratch):
        self.ca = ca.Authority(scratch)
        stranger = ca.Authority(scratch, "a stranger's CA")
        user = pg.server_user()
        self.certificates = {
            "good": self.ca.issue("db", owner=user),
            "expired": self.ca.issue("db", owner=user, expired=True),
            "elsewhere": self.ca.issue("db", owner=user, hosts=("elsewhere.test",)),
            "stranger": stranger.issue("db", owner=user),
        }
        self.server = pg.Cluster(scratch, password_encryption="'scram-sha-256'")
        self.db = None    # of the test

    def start(self):
        self.server.start()
        with open(os.path.join(self.server.data, "pg_hba.conf"), "w", encoding="ascii") as file:
            file.write(HBA)

    def make_good(self):
        self.set(ssl="on")
        self.show("good")
        self.set_password(PASSWORD)

    def set(self, **settings):
        """Settings of the server, taken by a reload."""
        for name, value in settings.items():
            self.server.query(f"ALTER SYSTEM SET {name} = '{value}'")
        before = self._loaded()
        self.server.query("SELECT pg_reload_conf()")
        wait_until(lambda: self._loaded() != before, "the reload")

    def show(self, name):
        chosen = self.certificates[name]
        self.set(ssl_cert_file=chosen.cert, ssl_key_file=chosen.key)

    def set_password(self, password):
        self.server.query(f"ALTER ROLE tickd PASSWORD '{password}'")

    def url(self, password=PASSWORD, port=None):
        """What docs/configuration.md shows."""
        return (f"postgresql://tickd:{password}@{net.LOOPBACK}:{port or self.server.port}/"
                f"{self.db.name}?sslmode=verify-full&sslrootcert={self.ca.cert}")

    def _loaded(self):
        # The postmaster answers with a child made after it has read the files.
        return self.server.query("SELECT pg_conf_load_time()")


@pytest.fixture(scope="module")
def server(scratch):
    if pg.missing():
        pytest.skip(pg.missing())
    made = Secured(scratch)
    try:
        made.start()
        yield made
    finally:
        made.server.close()


@pytest.fixture
def secured(server, show_log):
    """As it should be, with a database of the test's own."""
    show_log(server.server.log)
    server.db = Database(server.server, server.server.create_deployed())
    server.make_good()
    yield server
    server.db.close()


@pytest.fixture
def flow(secured, mock, tickd):
    """Its tickd is to be started; at the end no password may stand in its log."""
    flow = Flow(secured.db, mock, tickd, database_url=secured.url()).create_topic()
    yield flow
    if flow.daemon:
        without_secrets(flow.daemon.log_text())


def without_secrets(text):
    assert PASSWORD not in text and WRONG not in text, text
    return text


def add_ticks(flow, count=60):
    flow.send_ticks(count)
    flow.flush()


def encrypted(flow):
    """Of each of tickd's sessions: whether it is encrypted."""
    return [row[0] for row in flow.db.query(
        "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'tickd'")]


def test_tls_and_password_through_restarts(secured, flow):
    flow.start()
    add_ticks(flow)
    flow.wait_consumed()
    assert encrypted(flow) == [True, True]
    secured.server.restart()
    add_ticks(flow)
    flow.wait_consumed()
    flow.daemon.stop()
    flow.daemon.start()
    add_ticks(flow)
    flow.wait_consumed()
    assert encrypted(flow) == [True, True]
    flow.check()


WRONGS = {
    "wrong CA": (lambda s: s.show("stranger"), lambda s: s.show("good"),
                 ("certificate verify failed", "sslrootcert")),
    "expired": (lambda s: s.show("expired"), lambda s: s.show("good"),
                ("certificate verify failed", "has expired")),
    "wrong name": (lambda s: s.show("elsewhere"), lambda s: s.show("good"),
                   ("elsewhere.test", "does not match host name", "subjectAltName")),
    "no TLS": (lambda s: s.set(ssl="off"), lambda s: s.set(ssl="on"),
               ("does not support SSL", "ssl = on")),
    "wrong password": (lambda s: s.set_password(WRONG), lambda s: s.set_password(PASSWORD),
                       ("28P01", "the role")),
}


@pytest.mark.parametrize("wrong", WRONGS)
def test_refusal_is_said_once_and_waited_for_until_the_server_is_mended(
        secured, flow, scratch, proxy_factory, wrong):
    spoil, mend, words = WRONGS[wrong]
    proxy = proxy_factory(secured.server.port)    # counts the attempts
    flow.config["database_url"] = secured.url(port=proxy.port)
    spoil(secured)
    flow.start()
    line = flow.daemon.wait_log("event=database_connect_failed")
    assert "level=error" in line and all(word in line for word in words), line
    flow.daemon.wait_log('event=state msg="waiting for database"')
    add_ticks(flow)

    done = daemon.run("check", config=flow.config, scratch=scratch)
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL  database ")]
    assert done.returncode == 1 and len(failed) == 1, done.stdout + done.stderr
    assert words[-1] in failed[0], failed[0]
    without_secrets(done.stdout + done.stderr)

    before = proxy.accepted
    wait_until(lambda: proxy.accepted >= before + ATTEMPTS, "it to come again")
    mend(secured)
    flow.wait_consumed()
    flow.check()
    said = flow.daemon.logged("event=database_connect_failed")
    assert len(said) == 1, "\n".join(said)


def test_nothing_is_said_in_plain_text(secured, flow):
    """A server without TLS is asked for TLS, and is told nothing: no name, no password."""
    ear = Ear(NO_TLS)
    try:
        flow.config["database_url"] = secured.url(port=ear.port)
        flow.start()
        wait_until(lambda: len(ear.heard) >= ATTEMPTS, "tickd to knock")
    finally:
        ear.close()
    assert set(ear.heard) == {SSL_REQUEST}


def test_password_is_not_shown(secured, scratch, tmp_path):
    secret = tmp_path / "url"
    secret.write_text(secured.url() + "\n")
    secret.chmod(0o400)
    for argument in ("--print-config", "-t"):
        done = daemon.run(argument, config={"database_url": secured.url()}, scratch=scratch)
        assert done.returncode == 0
        without_secrets(done.stdout + done.stderr)
        done = daemon.run(argument, config={}, scratch=scratch,
                          env={"TICKD_DATABASE_URL_FILE": str(secret)})
        assert done.returncode == 0
        without_secrets(done.stdout + done.stderr)
