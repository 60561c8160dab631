# SPDX-License-Identifier: MIT
"""In db-writer's place: its names through the real binary, its database, both side by side, and back."""

import datetime
import json
import threading

import confluent_kafka
import psycopg2
import psycopg2.extras
import pytest

from lib import pg, produce
from lib.flow import canonical, now_ms
from lib.schema import migrate
from lib.wait import DEADLINE_S, wait_until
from lib.web import Web

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
SYMBOLS = ("BTC", "ETH", "SOL")
GROUP = "db-writer"


class DbWriter(threading.Thread):
    """What the old service did: batches into ticks, taken keys ignored, its place in Kafka's group."""

    def __init__(self, broker, url, group=GROUP, topic="ticks"):
        super().__init__()
        self._consumer = confluent_kafka.Consumer({
            "bootstrap.servers": broker.bootstrap, "group.id": group, "auto.offset.reset": "earliest",
            "enable.auto.commit": False, "session.timeout.ms": 6000, "log_level": 3})
        self._consumer.subscribe([topic])
        self._conn = psycopg2.connect(url)
        self._ending = threading.Event()
        self.inserted = 0
        self.failed = None
        self.start()

    def run(self):
        try:
            while not self._ending.is_set():
                messages = self._consumer.consume(50, timeout=0.1)
                if messages:
                    self._write([json.loads(message.value()) for message in messages])
                    self._consumer.commit(asynchronous=False)
        except Exception as problem:  # pylint: disable=broad-except
            self.failed = problem
        finally:
            self._consumer.close()
            self._conn.close()

    def _write(self, ticks):
        rows = [(EPOCH + datetime.timedelta(milliseconds=tick["time"]), tick["symbol"], tick["price"],
                 tick["volume"]) for tick in ticks]
        with self._conn, self._conn.cursor() as cursor:
            psycopg2.extras.execute_values(
                cursor, "INSERT INTO ticks (time, symbol, price, volume) VALUES %s ON CONFLICT DO NOTHING",
                rows, page_size=len(rows))
            self.inserted += cursor.rowcount

    def stop(self):
        self._ending.set()
        self.join(DEADLINE_S)
        assert not self.is_alive() and self.failed is None, self.failed


@pytest.fixture
def db_writer(request):
    """db_writer(broker, url, group=...): a running one, stopped at the end."""
    def make(*arguments, **more):
        made = DbWriter(*arguments, **more)
        request.addfinalizer(made._ending.set)
        return made
    return make


class Feed:
    """Numbered ticks, each at an instant of its own, to one partition."""

    def __init__(self, broker, topic="ticks"):
        self._producer = produce.Producer(broker.bootstrap)
        self._topic = topic
        self._base_ms = now_ms() - 60000
        self.sent = 0

    def send(self, count):
        for _ in range(count):
            symbol = SYMBOLS[self.sent % len(SYMBOLS)]
            self._producer.send(self._topic, canonical(symbol, 1.5, self._base_ms + self.sent, self.sent), symbol)
            self.sent += 1
        self._producer.flush()
        return self


def environment(broker, url, **more):
    """The five names as a compose file has them, and what this bed needs: no port of everybody's, a plain table."""
    return {"DATABASE_URL": url.replace("postgresql://", "postgresql+asyncpg://"),
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "BATCH_SIZE": "100", "WRITE_INTERVAL_SEC": "0.05",
            "LOG_LEVEL": "DEBUG", "TICKD_HTTP_LISTEN": "off", "TICKD_REQUIRE_HYPERTABLE": "no", **more}


def without_file(argv):
    """Of what the fixture starts, all but the configuration file."""
    assert argv[1] == "-c"
    return [argv[0], *argv[3:]]


def numbers(db):
    """The numbers of the stored ticks, in order, as often as they are there."""
    return [number for number, in db.query("SELECT volume::int FROM ticks ORDER BY volume")]


def wait_for(db, count, daemon=None):
    wait = daemon.wait_until if daemon else wait_until
    wait(lambda: db.count("ticks") >= count, f"{count} ticks")
    assert numbers(db) == list(range(count))


# --- its names

def test_five_names_and_no_file_are_enough(db, mock, tickd):
    mock.create_topic("ticks")
    feed = Feed(mock).send(1050)
    daemon = tickd({}, env=environment(mock, db.dsn()), wrap=without_file)
    wait_for(db, feed.sent, daemon)
    # A transaction is a batch.
    largest = db.one("SELECT max(rows) FROM (SELECT count(*) AS rows FROM ticks GROUP BY xmin::text) AS batch")
    assert largest == 100
    assert daemon.logged("level=debug event=batch_done .*rows=100 ")


def test_write_interval_is_how_long_a_row_waits(db, mock, tickd):
    """For a minute: not at all while nothing but the batch's size can end its wait."""
    mock.create_topic("ticks")
    web = Web()
    daemon = tickd({}, wrap=without_file, env=environment(
        mock, db.dsn(), WRITE_INTERVAL_SEC="60", TICKD_HTTP_LISTEN=web.listen))
    feed = Feed(mock).send(99)

    def pending():
        return web.json("/status") and sum(web.metrics().labels("tickd_pending_rows", "batch").values())

    daemon.wait_until(lambda: pending() == 99, "99 rows that wait")
    assert db.count("ticks") == 0
    feed.send(1)
    wait_for(db, 100, daemon)


@pytest.mark.parametrize("name, levels", [
    ("DEBUG", {"debug", "info"}), ("NOTSET", {"debug", "info"}), ("info", {"info"}), ("WARNING", set()),
    ("ERROR", set()), ("CRITICAL", set()), ("FATAL", set())])
def test_log_level_is_python_s(db, mock, tickd, name, levels):
    mock.create_topic("ticks")
    Feed(mock).send(1)
    daemon = tickd({}, env=environment(mock, db.dsn(), LOG_LEVEL=name), wrap=without_file)
    wait_for(db, 1, daemon)
    daemon.kill9()
    # Of the two that a quiet start has.
    found = {level for level in ("debug", "info") if daemon.logged(f"level={level} ")}
    assert found == levels


# --- its place

@pytest.fixture
def stack(pg_private, scratch, kafka):
    """A database as the old stack has it, without ticks, and a broker."""
    name = pg_private.create_database()
    pg_private.psql_file("tests/data/nexwave.sql", name)
    pg_private.query("TRUNCATE ticks", dbname=name)
    db = pg.Database(pg_private, name)
    yield db, kafka, scratch
    db.close()


def settings(topic, **more):
    return {"TICKD_TOPICS": topic, "TICKD_GROUP": topic, **more}


def test_takes_over_where_db_writer_stopped_and_gives_back(stack, db_writer, tickd):
    db, kafka, scratch = stack
    topic = kafka.create_topic("taken-over")
    url = db.dsn("postgres")
    feed = Feed(kafka, topic).send(300)
    old = db_writer(kafka, url, topic, topic)
    wait_for(db, 300)
    # While it runs.
    done = migrate(db.cluster, db.name, scratch, ADOPT="1")
    assert done.returncode == 0, done.stdout
    feed.send(50)
    wait_for(db, 350)
    old.stop()

    feed.send(250)
    daemon = tickd({}, env=environment(kafka, url, **settings(topic)), wrap=without_file)
    wait_for(db, 600, daemon)
    assert db.one("SELECT sum(stored)::int FROM ingest_offsets") == 250
    daemon.stop()

    feed.send(100)
    old = db_writer(kafka, url, topic, topic)
    wait_for(db, 700)
    old.stop()
    assert old.inserted == 100

    # And once more, as the manual says.
    db.query("DELETE FROM ingest_offsets WHERE group_id = %s", (topic,))
    feed.send(100)
    daemon.start()
    wait_for(db, 800, daemon)
    assert db.one("SELECT sum(stored)::int FROM ingest_offsets") == 100


def test_rollback_after_a_kill_stores_nothing_twice(stack, db_writer, tickd):
    db, kafka, scratch = stack
    topic = kafka.create_topic("rolled-back")
    url = db.dsn("postgres")
    assert migrate(db.cluster, db.name, scratch, ADOPT="1").returncode == 0
    feed = Feed(kafka, topic).send(500)
    daemon = tickd({}, env=environment(kafka, url, **settings(topic), TICKD_KAFKA_SESSION_TIMEOUT_MS="6000"),
                   wrap=without_file)
    daemon.wait_until(lambda: db.count("ticks") > 0, "the first ticks")
    daemon.kill9()
    wait_until(lambda: not db.cluster.backends(), "its sessions to end")  # what was sent may yet be committed
    stored = db.count("ticks")
    feed.send(100)
    old = db_writer(kafka, url, topic, topic)
    wait_for(db, 600)
    old.stop()
    assert old.inserted == 600 - stored


def test_both_write_side_by_side(stack, db_writer, tickd):
    db, kafka, scratch = stack
    topic = kafka.create_topic("side-by-side")
    url = db.dsn("postgres")
    assert migrate(db.cluster, db.name, scratch, ADOPT="1").returncode == 0
    feed = Feed(kafka, topic)
    old = db_writer(kafka, url, topic, topic)
    daemon = tickd({}, env=environment(kafka, url, **settings(topic, TICKD_GROUP=topic + "-trial", TICKD_TIES="first")),
                   wrap=without_file)

    def accounted():
        return db.query("SELECT coalesce(sum(stored), 0)::int, coalesce(sum(dropped), 0)::int FROM ingest_offsets")[0]

    for _ in range(10):
        feed.send(100)
        wait_until(lambda: db.count("ticks") >= feed.sent, "the ticks")
    daemon.wait_until(lambda: sum(accounted()) == feed.sent, "tickd to have read all")
    old.stop()
    stored, dropped = accounted()
    assert numbers(db) == list(range(feed.sent))
    assert stored + old.inserted == feed.sent
    assert dropped == old.inserted
