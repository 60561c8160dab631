# SPDX-License-Identifier: MIT
"""What the compose stack's own scripts do: against a real broker's classes and a real PostgreSQL."""

import os
import shutil
import signal
import subprocess

import confluent_kafka
import confluent_kafka.admin
import pytest

from lib import kafka, net, proc, produce
from lib.flow import canonical, now_ms
from lib.schema import DEPLOY, PASSWORD, ROOT, migrate
from lib.wait import wait_until

pytestmark = pytest.mark.early

TOOLS = {
    "kafka-storage.sh": "kafka.tools.StorageTool",
    "kafka-server-start.sh": "kafka.Kafka",
}


class Stack:
    """The broker as deploy/kafka-start makes it, on ports of its own."""

    def __init__(self, base):
        self.base = base
        self.port = net.free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.log = os.path.join(base, "log")
        self.child = None
        self.env = {
            "PATH": os.environ["PATH"],
            "KAFKA_BIN": self._write_tools(),
            "KAFKA_CONFIG": self._write_config(),
            "KAFKA_USERS": os.path.join(base, "secrets", "kafka_users"),
            "KAFKA_TLS": os.path.join(base, "secrets", "kafka_tls"),
        }
        self._make_secrets()

    def _write(self, name, text, mode=0o644):
        path = os.path.join(self.base, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def _make_secrets(self):
        """By the script that makes them for compose, but for the broker's name."""
        os.mkdir(os.path.join(self.base, "scripts"))
        script = shutil.copy(os.path.join(ROOT, "scripts", "secrets"),
                             os.path.join(self.base, "scripts"))
        subprocess.run([script], env={**os.environ, "KAFKA_NAMES": "IP:127.0.0.1"}, check=True,
                       stdout=subprocess.DEVNULL)

    def client(self, name):
        """librdkafka's properties for a user."""
        with open(self.env["KAFKA_USERS"], encoding="utf-8") as file:
            users = dict(line.split() for line in file)
        return {"security.protocol": "sasl_ssl", "sasl.mechanism": "PLAIN",
                "ssl.ca.location": os.path.join(self.base, "secrets", "kafka_ca"),
                "sasl.username": name, "sasl.password": users[name]}

    def _write_tools(self):
        """The commands of Kafka's distribution, of which there are only the classes here."""
        directory = os.path.join(self.base, "bin")
        os.mkdir(directory)
        for name, main in TOOLS.items():
            self._write(f"bin/{name}", "#!/bin/sh\nexec java -XX:+UseSerialGC -Xmx256m -cp "
                        f"'{kafka.libs()}/*' {main} \"$@\"\n", 0o755)
        return directory

    def _write_config(self):
        with open(os.path.join(DEPLOY, "kafka.properties"), encoding="utf-8") as file:
            text = file.read()
        for old, new in (("CLIENT://:9092", f"CLIENT://127.0.0.1:{self.port}"),
                         ("kafka:9092", self.bootstrap),
                         ("localhost:9093", f"localhost:{net.free_port()}"),
                         ("localhost:9094", f"localhost:{net.free_port()}"),
                         ("/var/lib/kafka/data", os.path.join(self.base, "data"))):
            assert old in text, old
            text = text.replace(old, new)
        return self._write("kafka.properties", text)

    def start(self):
        self.child = proc.Child([os.path.join(DEPLOY, "kafka-start")], log=self.log, env=self.env,
                                cwd=self.base, name="kafka-start")
        wait_until(lambda: net.is_listening(self.port), "the broker's port",
                   detail=lambda: proc.tail(self.log),
                   abort=lambda: None if self.child.alive else "kafka-start has ended")

    def stop(self):
        self.child.send(signal.SIGTERM)
        self.child.wait(60)


@pytest.fixture
def stack(scratch, request):
    missing = kafka.missing()
    if missing:
        pytest.skip(missing)
    stack = Stack(scratch.dir("stack"))
    request.addfinalizer(lambda: stack.child and stack.child.kill())
    return stack


def test_broker_lets_in_who_has_a_password_and_keeps_its_storage(stack, db, tickd):
    stack.start()
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": stack.bootstrap,
                                               **stack.client("feed")})
    for made in admin.create_topics([confluent_kafka.admin.NewTopic("ticks", 4)]).values():
        made.result()
    producer = produce.Producer(stack.bootstrap, **stack.client("feed"))
    producer.send("ticks", canonical("BTC", 1.5, now_ms(), 1), key="BTC", partition=3)
    producer.flush()
    config = {"database_url": db.dsn(), "require_hypertable": "no", "linger_ms": 20,
              "kafka.bootstrap.servers": stack.bootstrap,
              **{f"kafka.{name}": value for name, value in stack.client("tickd").items()}}
    daemon = tickd(config)
    daemon.wait_until(lambda: db.count("ticks") == 1, "the tick")
    stack.stop()
    stack.start()
    producer.send("ticks", canonical("BTC", 1.5, now_ms() + 1, 2), key="BTC", partition=3)
    producer.flush()
    daemon.wait_until(lambda: db.count("ticks") == 2, "the tick after the restart")


def refusal(bootstrap, properties):
    """What a client is told that asks for the topics, or None if it is told them."""
    heard = []
    admin = confluent_kafka.admin.AdminClient({
        "bootstrap.servers": bootstrap, "log_level": 0, "error_cb": heard.append, **properties})
    try:
        admin.list_topics(timeout=10)
        return None
    except confluent_kafka.KafkaException:
        admin.poll(0)
        return " ".join(map(str, heard))


def test_broker_keeps_out_who_has_no_password(stack):
    stack.start()
    good = stack.client("feed")
    assert refusal(stack.bootstrap, good) is None
    wrong = {**good, "sasl.password": PASSWORD}
    assert "Authentication failed" in refusal(stack.bootstrap, wrong)
    unknown = {**good, "sasl.username": "nobody"}
    assert "Authentication failed" in refusal(stack.bootstrap, unknown)
    without = {"security.protocol": "ssl", "ssl.ca.location": good["ssl.ca.location"]}
    assert "Disconnected" in refusal(stack.bootstrap, without)
    assert refusal(stack.bootstrap, {"security.protocol": "plaintext"})
    in_plain_text = {**good, "security.protocol": "sasl_plaintext"}
    assert refusal(stack.bootstrap, in_plain_text)


def test_topic_is_made_by_the_first_user(tmp_path):
    """With a kafka-topics.sh that shows what it was called with: the tools are not among the classes."""
    tool = tmp_path / "kafka-topics.sh"
    tool.write_text('#!/bin/sh\necho "$@"\nstat -c %a "$4"\ncat "$4"\n')
    tool.chmod(0o755)
    (tmp_path / "users").write_text(f"feed {PASSWORD}1\ntickd {PASSWORD}2\n")
    done = subprocess.run([os.path.join(DEPLOY, "kafka-topic")], text=True, stdout=subprocess.PIPE,
                          env={"PATH": os.environ["PATH"], "KAFKA_BIN": str(tmp_path),
                               "KAFKA_USERS": str(tmp_path / "users")}, check=True)
    called, mode, *properties = done.stdout.splitlines()
    assert called.startswith("--bootstrap-server kafka:9092 --command-config ")
    assert called.endswith(" --create --if-not-exists --topic ticks --partitions 4 --replication-factor 1")
    assert mode == "600"
    assert f'username="feed" password="{PASSWORD}1";' in properties[-1]
    assert not os.path.exists(called.split()[3])


# --- migrate

def test_migrate_deploys_verifies_and_can_be_run_again(pg_private, scratch):
    name = pg_private.create_database()
    for _ in range(2):
        done = migrate(pg_private, name, scratch)
        assert done.returncode == 0, done.stdout
        assert "deployed and verified" in done.stdout
        assert PASSWORD not in done.stdout
    assert pg_private.query("SELECT count(*) FROM ticks", dbname=name) == [(0,)]
    stored, = pg_private.query("SELECT rolpassword FROM pg_authid WHERE rolname = 'tickd'")[0]
    assert stored.startswith("SCRAM-SHA-256$")


def test_migrate_reads_its_secrets_before_it_does_anything(pg_private, scratch):
    name = pg_private.create_database()
    for path, said in (("/nonexistent/secret", "/nonexistent/secret: cannot be read"),
                       ("/dev/null", "/dev/null: is empty")):
        for variable in ("PGPASSWORD_FILE", "TICKD_PASSWORD_FILE"):
            done = migrate(pg_private, name, scratch, **{variable: path})
            assert done.returncode == 1
            assert said in done.stdout
    assert pg_private.query("SELECT to_regnamespace('sqitch')::text", dbname=name) == [(None,)]


def test_migrate_takes_a_deleted_pair_for_the_operators_wish(pg_private, scratch):
    name = pg_private.create_database()
    assert migrate(pg_private, name, scratch).returncode == 0
    pg_private.query("DELETE FROM pairs WHERE symbol = 'kBONK'", dbname=name)
    done = migrate(pg_private, name, scratch)
    assert done.returncode == 0, done.stdout
    assert "no trouble to tickd: pairs_seed: pairs lacks kBONK" in done.stdout
    assert pg_private.query("SELECT count(*) FROM pairs WHERE symbol = 'kBONK'", dbname=name) == [(0,)]


def test_migrate_fails_if_the_schema_does_not_verify(pg_private, scratch):
    name = pg_private.create_database()
    assert migrate(pg_private, name, scratch).returncode == 0
    pg_private.query("DROP TABLE ingest_gaps CASCADE", dbname=name)
    done = migrate(pg_private, name, scratch)
    assert done.returncode != 0
    assert "ingest_gaps" in done.stdout


def test_migrate_says_that_there_is_no_database(pg_private, scratch):
    done = migrate(pg_private, "postgres", scratch, PGPORT=str(net.free_port()), MIGRATE_WAIT_S="0")
    assert done.returncode == 1
    assert "no database" in done.stdout
    assert migrate(pg_private, "", scratch).returncode == 2


# --- migrate, in a database that another stack has made

THEIRS = ("pairs", "ticks", "orders", "whale_activities", "performance_metrics", "candles_15m_ohlcv")


@pytest.fixture
def nexwave(pg_private):
    """The name of a database as a stack with db-writer has it (tests/data/nexwave.sql)."""
    name = pg_private.create_database()
    pg_private.psql_file("tests/data/nexwave.sql", name)
    return name


def picture(cluster, name):
    """Columns, constraints, indexes and rows of all that is theirs."""
    def ask(sql):
        return cluster.query(sql, dbname=name)
    return {table: (
        ask("SELECT attname, atttypid::regtype::text, atttypmod, attnotnull FROM pg_attribute"
            f" WHERE attrelid = '{table}'::regclass AND attnum > 0 ORDER BY attnum"),
        ask("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            f" WHERE conrelid = '{table}'::regclass ORDER BY 1"),
        ask(f"SELECT indexdef FROM pg_indexes WHERE tablename = '{table}' ORDER BY 1"),
        ask(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"),
    ) for table in THEIRS}


def test_migrate_alone_leaves_an_older_stack_as_it_is(pg_private, nexwave, scratch):
    before = picture(pg_private, nexwave)
    done = migrate(pg_private, nexwave, scratch)
    assert done.returncode != 0
    assert "already exists" in done.stdout
    assert "ADOPT=1" in done.stdout
    assert picture(pg_private, nexwave) == before


def test_adopt_takes_over_what_is_there_and_changes_nothing_in_it(pg_private, nexwave, scratch):
    before = picture(pg_private, nexwave)
    for _ in range(2):
        done = migrate(pg_private, nexwave, scratch, ADOPT="1")
        assert done.returncode == 0, done.stdout
        assert "deployed and verified" in done.stdout
        assert picture(pg_private, nexwave) == before
        # What is only the other services' may be different, and is said.
        assert "no trouble to tickd: orders: orders lacks" in done.stdout
    assert pg_private.query("SELECT count(*) FROM positions", dbname=nexwave) == [(0,)]
    assert pg_private.query("SELECT count(*) FROM pg_trigger WHERE tgname = 'pairs_notify'",
                            dbname=nexwave) == [(1,)]


@pytest.mark.parametrize("damage, said", [
    ("ALTER TABLE ticks DROP CONSTRAINT pk_ticks", 'PRIMARY KEY ("time", symbol)'),
    ("ALTER TABLE ticks DROP COLUMN bid", "bid double precision"),
    ("ALTER TABLE pairs RENAME active TO enabled", "active boolean not null default true"),
])
def test_adopt_refuses_what_tickd_cannot_use(pg_private, nexwave, scratch, damage, said):
    pg_private.query(damage, dbname=nexwave)
    before = picture(pg_private, nexwave)
    done = migrate(pg_private, nexwave, scratch, ADOPT="1")
    assert done.returncode == 1
    assert said in done.stdout
    assert "mend what is wrong" in done.stdout
    assert picture(pg_private, nexwave) == before
    assert pg_private.query("SELECT to_regclass('ingest_offsets')::text", dbname=nexwave) == [(None,)]


def test_adopt_goes_on_when_what_was_wrong_is_mended(pg_private, nexwave, scratch):
    pg_private.query("DROP INDEX ix_ticks_symbol", dbname=nexwave)
    assert migrate(pg_private, nexwave, scratch, ADOPT="1").returncode == 1
    pg_private.query("CREATE INDEX ix_ticks_symbol ON ticks (symbol, time DESC)", dbname=nexwave)
    done = migrate(pg_private, nexwave, scratch, ADOPT="1")
    assert done.returncode == 0, done.stdout


def test_adopt_makes_everything_in_an_empty_database(pg_private, scratch):
    name = pg_private.create_database()
    done = migrate(pg_private, name, scratch, ADOPT="1")
    assert done.returncode == 0, done.stdout
    assert pg_private.query("SELECT count(*) FROM pairs", dbname=name) == [(30,)]
