# SPDX-License-Identifier: MIT
"""The database takes nothing while Kafka brings ten times the usual load: memory stays as it is, the
group keeps its member, the log stays short, and afterwards the backlog is written at full speed.
"""

import itertools
import os

import pytest

from lib.faults import Load
from lib.flow import Flow, now_ms
from lib.wait import wait_until

RATE = 2500
OUTAGE_S = int(os.environ.get("TICKD_OUTAGE_S", "9"))
MIB = 1 << 20
DAY_MS = 86_400_000

# An outage lasts longer than this: who did not poll meanwhile would be thrown out.
MAX_POLL_MS = 6000
LINES_MAX = 30 + OUTAGE_S

# More than tickd holds: two batches, and what librdkafka fetches ahead.
FILL = 25_000
BACKLOG = RATE * OUTAGE_S + FILL
# Of the slower of two undisturbed drains, before and after: machines have other work.
CATCH_UP = 0.5

_topics = itertools.count()


@pytest.fixture
def flow(db_private, kafka, tickd):
    name = f"pressure-{next(_topics)}"
    made = Flow(db_private, kafka, tickd, topic=name, group=name, partitions=3, linger_ms=100,
                connect_timeout_ms=2000, statement_timeout_ms=4000, lock_timeout_ms=1000)
    made.config["kafka.max.poll.interval.ms"] = made.config["kafka.session.timeout.ms"] = MAX_POLL_MS
    made.db.query(NOTE)
    return made.create_topic()


class LockedTable:
    """Somebody holds a lock on ticks."""

    def __init__(self, db):
        self.session = db.session()
        with self.session.cursor() as cursor:
            cursor.execute("LOCK TABLE ticks IN EXCLUSIVE MODE")

    def end(self):
        self.session.close()


class FrozenServer:
    """SIGSTOP to all of its processes: connections stay open, nothing is answered."""

    def __init__(self, db):
        self.cluster = db.cluster
        self.cluster.pause()

    def end(self):
        self.cluster.resume()


class StoppedServer:
    """Connections are refused."""

    def __init__(self, db):
        self.cluster = db.cluster
        self.cluster.stop("immediate")

    def end(self):
        self.cluster.start()


# When offsets were stored, by the database's own clock.
NOTE = """
    CREATE TABLE noted (id serial, began timestamptz DEFAULT now(), at timestamptz DEFAULT clock_timestamp(),
                        messages bigint);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        INSERT INTO noted (messages) VALUES (NEW.next_offset - OLD.next_offset);
        RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER UPDATE ON ingest_offsets FOR EACH ROW EXECUTE FUNCTION note();
    ALTER TABLE ingest_offsets ENABLE ALWAYS TRIGGER note"""


def last_noted(flow):
    return flow.db.one("SELECT coalesce(max(id), 0) FROM noted")


def drain_rate(flow, noted):
    """Messages a second from commit to commit after that: the median, for the machine may pause between two."""
    flow.wait_consumed()
    return flow.db.one("""
        WITH commits AS (SELECT max(at) AS at, sum(messages) AS messages FROM noted WHERE id > %s GROUP BY began),
             gaps AS (SELECT messages, extract(epoch FROM at - lag(at) OVER (ORDER BY at)) AS seconds FROM commits)
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY (messages / seconds)::float8) FROM gaps""", (noted,))


def drain_undisturbed(flow, days_ago):
    """As much as an outage holds up, written by a tickd that has just been started."""
    flow.send_ticks(BACKLOG, base_ms=now_ms() - days_ago * DAY_MS)
    flow.flush()
    noted = last_noted(flow)
    flow.start()
    return drain_rate(flow, noted)


@pytest.mark.parametrize("outage", [LockedTable, FrozenServer, StoppedServer])
def test_database_that_takes_nothing_under_ten_times_the_load(flow, outage):
    rate = drain_undisturbed(flow, days_ago=2)
    flow.daemon.wait_log("event=state msg=flowing")
    noted, mark = last_noted(flow), flow.daemon.mark()
    trouble = outage(flow.db)
    try:
        flow.send_ticks(FILL, base_ms=now_ms() - DAY_MS)
        sent = len(flow.sent)
        with Load(flow, RATE):
            wait_until(lambda: len(flow.sent) - sent >= RATE * OUTAGE_S // 3, "queues to be full",
                       timeout=10 * OUTAGE_S)
            full = flow.daemon.child.rss_bytes()
            wait_until(lambda: len(flow.sent) - sent >= RATE * OUTAGE_S, "the outage to be over",
                       timeout=10 * OUTAGE_S)
        grown = flow.daemon.child.rss_bytes() - full
        assert grown < 4 * MIB, f"grew by {grown} bytes when its queues were full"
        assert len(flow.daemon.logged("", mark)) < LINES_MAX
    finally:
        trouble.end()
    caught_up = drain_rate(flow, noted)
    flow.check()
    assert not flow.daemon.logged("event=(kafka_revoked|kafka_assigned|kafka_down)", mark)
    lines = len(flow.daemon.logged("", mark))
    assert lines < LINES_MAX
    flow.daemon.stop()
    again = drain_undisturbed(flow, days_ago=3)
    print(f"{outage.__name__}: {caught_up:.0f}/s after, {rate:.0f}/s and {again:.0f}/s without, +{grown} bytes,"
          f" {full / MIB:.1f} MiB, {lines} lines")
    assert caught_up > CATCH_UP * min(rate, again)
