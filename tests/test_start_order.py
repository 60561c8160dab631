# SPDX-License-Identifier: MIT
"""Any start order: what is missing is waited for, said in the log, and taken up when it comes."""

import datetime

import pytest

from lib import schema
from lib.daemon import said_at
from lib.flow import Flow
from lib.pg import Database

pytestmark = pytest.mark.early

OWN_TABLES = ("pairs", "ticks", "ingest_offsets", "rejected_ticks")
SIBLINGS = ("orders", "positions", "whale_activities", "performance_metrics", "candles_15m_ohlcv")


@pytest.fixture
def flow(db_private, mock, tickd):
    return Flow(db_private, mock, tickd)


def finish(flow, count=100):
    """Ticks flow, and all of them arrive."""
    flow.send_ticks(count)
    flow.wait_consumed()
    flow.check()


def test_no_database(flow):
    flow.create_topic()
    cluster = flow.db.cluster
    cluster.stop()
    flow.start()
    flow.daemon.wait_log('event=state msg="waiting for database"')
    cluster.start()
    flow.daemon.wait_log("event=state msg=flowing")
    finish(flow)


def test_no_broker(flow):
    flow.create_topic()
    flow.broker.down()
    flow.start()
    flow.daemon.wait_log('event=state msg="waiting for broker"')
    flow.broker.up()
    flow.daemon.wait_log("event=state msg=flowing")
    finish(flow)


def test_no_topic(flow):
    flow.create_topic()
    flow.broker.topic_error(flow.topic, "UNKNOWN_TOPIC_OR_PART")
    flow.start()
    flow.daemon.wait_log("event=kafka_topic_missing")
    flow.daemon.wait_log('event=state msg="waiting for partitions"')
    flow.broker.topic_error(flow.topic, "NO_ERROR")
    flow.daemon.wait_log("event=state msg=flowing")
    finish(flow)


def test_no_schema(flow):
    """All that is missing is named in one message; nobody restarts anything when it comes."""
    flow.create_topic()
    cluster = flow.db.cluster
    flow.db = Database(cluster, cluster.create_database())
    flow.config["database_url"] = flow.db.dsn()
    flow.start()
    line = flow.daemon.wait_log("event=schema_incomplete")
    assert all(name in line for name in OWN_TABLES), line
    schema.deploy(cluster, flow.db.name)
    flow.daemon.wait_log("event=state msg=flowing")
    finish(flow)


def test_afternoon_of_the_outage(flow):
    """The database comes back with half its tables while ticks keep coming."""
    flow.create_topic()
    flow.start(pairs_refresh_ms=5000)
    flow.send_ticks(100)
    flow.wait_consumed()
    kept = flow.db.query("SELECT * FROM ingest_offsets")
    flow.db.cluster.stop("fast")
    mark = flow.daemon.mark()
    flow.db.cluster.start()
    flow.db.query("ALTER TABLE pairs RENAME TO pairs_lost;"
                  "ALTER TABLE ingest_offsets RENAME TO ingest_offsets_lost;"
                  "ALTER TABLE rejected_ticks RENAME TO rejected_ticks_lost;"
                  "DROP VIEW candles_15m_ohlcv;"
                  "DROP TABLE orders, positions, whale_activities, performance_metrics")
    flow.send_ticks(100)
    flow.flush()
    lines = flow.daemon.wait_until(
        lambda: [line for line in flow.daemon.logged("event=schema_(incomplete|warning)", mark)],
        "the missing tables to be named")
    said = "\n".join(flow.daemon.wait_until(
        lambda: (found := flow.daemon.logged("event=schema_", mark)) and
        all(name in "\n".join(found) for name in SIBLINGS) and found, "all missing tables"))
    assert all(name in said for name in ("pairs", "ingest_offsets", "rejected_ticks")), lines
    assert flow.db.query("SELECT * FROM ingest_offsets_lost") == kept, "nothing was written meanwhile"
    # The first, second and fourth failure are logged. However slow the machine, a pause is between two.
    asked = flow.daemon.wait_until(
        lambda: (found := flow.daemon.logged("event=service_failed .*request=pairs", mark))[2:] and found,
        "pairs to be asked for again")
    second, fourth = (said_at(line) for line in asked[1:3])
    assert fourth - second > datetime.timedelta(seconds=1), asked
    flow.db.query("ALTER TABLE pairs_lost RENAME TO pairs;"
                  "ALTER TABLE ingest_offsets_lost RENAME TO ingest_offsets;"
                  "ALTER TABLE rejected_ticks_lost RENAME TO rejected_ticks")
    flow.wait_consumed()
    flow.check()
    assert flow.daemon.logged("event=schema_warning", mark), "the siblings are still missing"


def test_missing_sibling_stops_nothing_unless_strict(flow):
    flow.create_topic()
    flow.db.query("DROP TABLE orders")
    flow.start()
    assert "orders" in flow.daemon.wait_log("event=schema_warning")
    finish(flow)
    flow.daemon.stop()
    flow.start(schema_check="strict")
    assert "orders" in flow.daemon.wait_log("event=schema_incomplete")


def test_plain_table_is_refused_unless_allowed(flow):
    flow.create_topic()
    if flow.db.query("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"):
        pytest.skip("this server has TimescaleDB: ticks is a hypertable")
    flow.start(require_hypertable="yes")
    assert "hypertable" in flow.daemon.wait_log("event=schema_incomplete")


def test_wrong_column_type_is_named(flow):
    flow.create_topic()
    flow.db.query("DROP VIEW candles_15m_ohlcv; ALTER TABLE ticks ALTER price TYPE numeric")
    flow.start()
    line = flow.daemon.wait_log("event=schema_incomplete")
    assert "ticks.price" in line and "numeric" in line


def test_revoked_privilege_is_named_and_waited_for(flow):
    flow.create_topic()
    flow.db.query("REVOKE INSERT ON rejected_ticks FROM tickd")
    flow.start()
    assert "rejected_ticks" in flow.daemon.wait_log("event=schema_incomplete")
    flow.db.query("GRANT INSERT ON rejected_ticks TO tickd")
    flow.daemon.wait_log("event=state msg=flowing")
    finish(flow)


def test_schema_dropped_under_it_and_restored(flow):
    flow.create_topic()
    flow.start()
    flow.send_ticks(50)
    flow.wait_consumed()
    mark = flow.daemon.mark()
    flow.db.query("ALTER TABLE ticks RENAME TO ticks_lost")
    flow.send_ticks(50)
    flow.flush()
    assert "ticks" in flow.daemon.wait_log("event=schema_incomplete", mark)
    flow.db.query("ALTER TABLE ticks_lost RENAME TO ticks")
    flow.wait_consumed()
    flow.check()
