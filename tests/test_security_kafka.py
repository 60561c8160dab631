# SPDX-License-Identifier: MIT
"""Kafka with TLS, client certificates, SASL/PLAIN and SASL/SCRAM, against the real broker: tickd
stores over each; what is wrong is said once, in words to act on, and waited for; nothing is ever
said in plain text, and no password is ever shown.
"""

import re

import pytest

from lib import ca, daemon, kafka, librdkafka, net
from lib.ear import Ear
from lib.flow import Flow
from lib.need import need
from lib.pg import Database
from lib.wait import wait_until

USER = "tickd"
CHANGED = "changed"    # a user whose password a test changes
PASSWORD = "correct-horse-5521"
WRONG = "battery-staple-7743"
SECRETS = (PASSWORD, WRONG)
PLAIN_LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
TLS_RECORD = b"\x16\x03"    # a handshake record of TLS 1.x
# A client that is refused comes again within seconds; before it has, a storm cannot be told.
KNOCKS = 4
# The refusal and what follows from it: kafka_down, and an error or two of librdkafka's on the way.
LINES_OF_TROUBLE = 4


class Secured:
    """The broker, its certificates, and what clients need for each way in.

    Its plain listener is for the tests' own producers. OPEN takes everybody over TLS, MUTUAL wants a
    certificate of the client. SASL has the mechanisms PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512; SCRAM
    only the last two. EXPIRED, STRANGER and ELSEWHERE show a certificate that is what they are called.
    """

    def __init__(self, scratch):
        self.ca = ca.Authority(scratch)
        self.stranger = ca.Authority(scratch, "a stranger's CA")
        self.certificate = self.ca.issue("broker")
        self.client = self.ca.issue(USER)
        self.shown = {
            "OPEN": self.certificate, "MUTUAL": self.certificate,
            "SASL": self.certificate, "SCRAM": self.certificate,
            "EXPIRED": self.ca.issue("broker", expired=True),
            "STRANGER": self.stranger.issue("broker"),
            "ELSEWHERE": self.ca.issue("broker", hosts=("elsewhere.test",)),
        }
        protocols = {name: "SASL_SSL" if name in ("SASL", "SCRAM") else "SSL" for name in self.shown}
        self.cluster = kafka.KafkaCluster(scratch, security=kafka.Security(
            listeners=protocols, broker=self._properties(),
            format=[f"--add-scram=SCRAM-SHA-{bits}=[name={user},password={PASSWORD}]"
                    for bits in (256, 512) for user in (USER, CHANGED)]))

    def _properties(self):
        lines = {}
        for name, certificate in self.shown.items():
            prefix = f"listener.name.{name.lower()}."
            lines |= {prefix + "ssl.keystore.type": "PEM",
                      prefix + "ssl.keystore.location": certificate.both,
                      prefix + "ssl.truststore.type": "PEM",
                      prefix + "ssl.truststore.location": self.ca.cert}
            for mechanism in ("scram-sha-256", "scram-sha-512"):
                lines[f"{prefix}{mechanism}.sasl.jaas.config"] = SCRAM_LOGIN
        sasl = "listener.name.sasl."
        return lines | {
            "listener.name.mutual.ssl.client.auth": "required",
            sasl + "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            sasl + "plain.sasl.jaas.config": f'{PLAIN_LOGIN} user_{USER}="{PASSWORD}";',
            "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512",
        }

    def show_good_certificates(self):
        """As an operator would: new files, and the broker told so while it runs."""
        better = self.ca.issue("broker", hosts=(*ca.HERE, "elsewhere.test"))
        self.cluster.set_broker_config(**{
            f"listener.name.{name}.ssl.keystore.location": better.both
            for name in ("expired", "stranger", "elsewhere")})

    # --- what docs/configuration.md shows, one way in each

    def tls(self):
        return {"kafka.security.protocol": "ssl", "kafka.ssl.ca.location": self.ca.cert}

    def mutual(self, certificate=None):
        certificate = certificate or self.client
        return {**self.tls(), "kafka.ssl.certificate.location": certificate.cert,
                "kafka.ssl.key.location": certificate.key}

    def sasl(self, mechanism, user=USER, password=PASSWORD):
        return {**self.tls(), "kafka.security.protocol": "sasl_ssl",
                "kafka.sasl.mechanism": mechanism, "kafka.sasl.username": user,
                "kafka.sasl.password": password}


@pytest.fixture(scope="module")
def secured(scratch, need_kafka):
    made = Secured(scratch)
    try:
        made.cluster.start()
        yield made
    finally:
        made.cluster.close()


@pytest.fixture
def flows(pg, secured, tickd, show_log):
    """flows(name, listener, properties, env=None): a Flow with a database, topic and group of its
    own, created and not started. At the end no secret may stand in any log."""
    show_log(secured.cluster.brokers[0].log)
    made = []

    def make(name, listener, properties, env=None):
        database = Database(pg, pg.create_deployed())
        flow = Flow(database, secured.cluster, lambda config: tickd(config, env=env), topic=name,
                    group=name, **properties)
        flow.config["kafka.bootstrap.servers"] = secured.cluster.address_of(listener)
        made.append(flow.create_topic())
        return flow

    yield make
    for flow in made:
        if flow.daemon:
            without_secrets(flow.daemon.log_text())
        flow.db.close()
        pg.drop_database(flow.db.name)


@pytest.fixture(scope="module")
def scram_env():
    """The environment in which tickd can do SCRAM with this broker."""
    if librdkafka.can_scram():
        return {}
    need("KAFKA", librdkafka.missing())
    return librdkafka.environment()


def without_secrets(text):
    for secret in SECRETS:
        assert secret not in text, f"{secret} is shown:\n{text}"
    return text


def add_ticks(flow, count=60):
    flow.send_ticks(count)
    flow.flush()


def test_every_protected_way_is_used_through_restarts(secured, flows, scram_env):
    ways = [
        flows("way-mutual", "MUTUAL", secured.mutual()),
        flows("way-plain", "SASL", secured.sasl("PLAIN")),
        flows("way-scram-256", "SASL", secured.sasl("SCRAM-SHA-256"), scram_env),
        flows("way-scram-512", "SASL", secured.sasl("SCRAM-SHA-512"), scram_env),
    ]
    for flow in ways:
        flow.start()
        add_ticks(flow)
    for flow in ways:
        flow.wait_consumed()
    secured.cluster.restart()
    for flow in ways:
        add_ticks(flow)
    for flow in ways:
        flow.wait_consumed()
        flow.daemon.stop()
        flow.daemon.start()
        add_ticks(flow)
    for flow in ways:
        flow.wait_consumed()
        flow.check()


class Case:
    """A way in that does not work as it is, behind a proxy that counts the attempts."""

    def __init__(self, flow, proxy, words, env, certain):
        self.flow = flow
        self.proxy = proxy
        self.words = words    # of the cause, and of what to look at
        self.env = env
        self.certain = certain

    def wait_said(self):
        event = "level=error event=kafka_refused" if self.certain else "level=warn event=kafka_error"
        line = self.flow.daemon.wait_log(f"{event} .*hint=")
        assert all(word in line for word in self.words), line
        assert self.flow.daemon.logged('event=kafka_down .*error="the broker')
        self.flow.daemon.wait_log('event=state msg="waiting for broker"')
        self.flow.daemon.wait_until(lambda: self.proxy.accepted >= KNOCKS, "it to come again")

    def check_says_it_too(self, scratch):
        """What `tickd check` prints."""
        done = daemon.run("check", config=self.flow.config, scratch=scratch, env=self.env)
        failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
        assert done.returncode == 1 and len(failed) == 1, done.stdout + done.stderr
        assert all(word in failed[0] for word in self.words), failed[0]
        without_secrets(done.stdout + done.stderr)

    def check_said_once(self):
        said = self.flow.daemon.logged("level=(warn|error) event=kafka_")
        assert len([line for line in said if "hint=" in line]) in (1, 2), "\n".join(said)
        assert len(said) <= LINES_OF_TROUBLE, "\n".join(said)


@pytest.fixture
def cases(secured, flows, proxy_factory, scram_env):
    """Each started; the listener that one knocks at is behind a proxy of its own."""
    def make(name, port, properties, *words, env=None, certain=True):
        flow = flows(name, "SASL", properties, env)
        proxy = proxy_factory(port)
        flow.config["kafka.bootstrap.servers"] = f"{net.LOOPBACK}:{proxy.port}"
        flow.start()
        return Case(flow, proxy, words, env, certain)

    broker = secured.cluster.brokers[0]
    ports = broker.ports
    stranger = secured.stranger.issue(USER)
    made = {
        "expired": make("expired", ports["EXPIRED"], secured.tls(), "certificate has expired",
                        "renew it"),
        "wrong CA": make("stranger", ports["STRANGER"], secured.tls(), "not signed by a CA",
                         "kafka.ssl.ca.location", "issuer=/CN=a stranger's CA"),
        "wrong name": make("elsewhere", ports["ELSEWHERE"], secured.tls(), "another host name",
                           "subjectAltName"),
        "no certificate": make("nobody", ports["MUTUAL"], secured.tls(), "wants a certificate",
                               "kafka.ssl.certificate.location"),
        "foreign certificate": make("foreigner", ports["MUTUAL"], secured.mutual(stranger),
                                    "does not accept tickd's certificate", "ssl.truststore"),
        "wrong password": make("password", ports["SASL"], secured.sasl("SCRAM-SHA-512", CHANGED, WRONG),
                               "user name or the password", "kafka.sasl.password", env=scram_env),
        "wrong mechanism": make("mechanism", ports["SCRAM"], secured.sasl("PLAIN"),
                                "does not offer this SASL mechanism", "kafka.sasl.mechanism",
                                "SCRAM-SHA-256"),
        "no TLS": make("tls", broker.internal_port, secured.sasl("PLAIN"), "during the TLS handshake",
                       "kafka.security.protocol", certain=False),
        "no SASL": make("sasl", ports["MUTUAL"], {**secured.mutual(), **secured.sasl("PLAIN")},
                        "does not use SASL", "kafka.bootstrap.servers"),
    }
    return made


def test_refusal_is_said_once_and_waited_for_until_the_broker_is_mended(secured, cases, scratch):
    for case in cases.values():
        case.wait_said()
        case.check_says_it_too(scratch)
    ports = secured.cluster.brokers[0].ports
    secured.show_good_certificates()
    secured.cluster.set_scram_password(CHANGED, "SCRAM-SHA-512", WRONG)
    # The others have got another port: now it is one where they are welcome.
    cases["no certificate"].proxy.target = (net.LOOPBACK, ports["OPEN"])
    cases["foreign certificate"].proxy.target = (net.LOOPBACK, ports["OPEN"])
    for name in ("wrong mechanism", "no TLS", "no SASL"):
        cases[name].proxy.target = (net.LOOPBACK, ports["SASL"])
    for case in cases.values():
        add_ticks(case.flow)
    for case in cases.values():
        case.flow.wait_consumed()
        case.flow.check()
        case.check_said_once()


def test_scram_with_a_library_that_is_too_old_is_told_apart(secured, flows):
    """The password is right; librdkafka before 2.6.1 and Kafka 4 do not get along all the same."""
    if librdkafka.can_scram():
        pytest.skip("this machine's librdkafka can do SCRAM with Kafka 4")
    flow = flows("old-library", "SASL", secured.sasl("SCRAM-SHA-256"))
    flow.start()
    assert "librdkafka before 2.6.1" in flow.daemon.wait_log("event=kafka_refused")


@pytest.mark.parametrize("protocol", ["ssl", "sasl_ssl"])
def test_nothing_is_said_in_plain_text(secured, flows, protocol):
    """A port that does not speak TLS hears the beginnings of handshakes and nothing else."""
    ear = Ear()
    try:
        flow = flows(f"ear-{protocol}", "SASL",
                     secured.sasl("PLAIN") if protocol == "sasl_ssl" else secured.tls())
        flow.config["kafka.bootstrap.servers"] = f"{net.LOOPBACK}:{ear.port}"
        flow.start()
        wait_until(lambda: len(ear.heard) >= KNOCKS, "tickd to knock")
    finally:
        ear.close()
    heard = [words for words in ear.heard if words]
    assert len(heard) >= KNOCKS
    for words in heard:
        assert words.startswith(TLS_RECORD), words
        assert PASSWORD.encode() not in words and USER.encode() not in words


def test_password_is_not_shown(secured, scratch, tmp_path):
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o400)
    config = {"kafka.bootstrap.servers": secured.cluster.address_of("SASL"), **secured.sasl("PLAIN")}
    done = daemon.run("--print-config", config=config, scratch=scratch)
    assert re.search(r"^kafka\.sasl\.password = \*\*\*", done.stdout, re.MULTILINE), done.stdout
    without_secrets(done.stdout + done.stderr)
    del config["kafka.sasl.password"]
    for argument in ("--print-config", "-t"):
        done = daemon.run(argument, config=config, scratch=scratch,
                          env={"TICKD_KAFKA_SASL_PASSWORD_FILE": str(secret)})
        assert done.returncode == 0
        without_secrets(done.stdout + done.stderr)
