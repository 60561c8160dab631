# SPDX-License-Identifier: MIT
"""Faults at chosen moments: whatever dies, every tick is in the table once.

A proxy between tickd and PostgreSQL chooses the moment by what passes: the header of a COPY stream, the
COMMIT, its answer.
"""

import pytest

from lib.faults import COMMIT_DONE, MANY_ROWS, ROWS_ENDED, MidCopy, database_through, large_batches
from lib.flow import Flow
from lib.proxy import DOWN, RST, UP
from lib.wait import wait_until

pytestmark = pytest.mark.early


class Proxied(Flow):
    """A flow whose daemon reaches the database through a proxy."""

    def __init__(self, db, broker, tickd, proxy, **more):
        super().__init__(db, broker, tickd, **more)
        self.proxy = proxy
        database_through(self, proxy)
        self.config.update(linger_ms=5, batch_rows=100)


@pytest.fixture
def flow(db_private, mock, tickd, proxy_factory):
    proxy = proxy_factory(db_private.cluster.port)
    return Proxied(db_private, mock, tickd, proxy, partitions=2).create_topic()


def test_kill_9_in_mid_copy(flow):
    """The dead client's transaction is rolled back; its successor writes the same ticks once."""
    large_batches(flow)
    for _ in range(3):
        fault = MidCopy(flow)
        flow.daemon = flow.daemon.start() if flow.daemon else flow.start()
        flow.send_ticks(MANY_ROWS)
        flow.flush()
        fault.wait()
        flow.daemon.kill9()
        flow.proxy.heal()
    flow.daemon.start()
    flow.wait_consumed()
    flow.check()


def test_kill_9_at_random_moments(flow):
    flow.start()
    for _ in range(8):
        before = flow.db.count("ticks")
        flow.send_ticks(400)
        flow.flush()
        flow.daemon.wait_until(lambda: flow.db.count("ticks") > before, "progress")
        flow.daemon.restart()
    flow.wait_consumed()
    flow.check()


@pytest.mark.parametrize("mode", ["fast", "immediate", "kill"])
def test_database_restart_in_mid_copy(flow, mode):
    cluster = flow.db.cluster
    fault = MidCopy(large_batches(flow))
    flow.send_ticks(MANY_ROWS)
    flow.start()
    fault.wait()
    if mode == "kill":
        cluster.kill_postmaster()
    else:
        cluster.stop(mode)
    flow.proxy.heal()
    cluster.start()
    flow.wait_consumed()
    flow.check()


def test_backend_terminated_in_mid_copy(flow):
    fault = MidCopy(large_batches(flow), flow.db.cluster.terminate_backends)
    flow.send_ticks(MANY_ROWS)
    flow.start()
    fault.wait()
    flow.wait_consumed()
    flow.check()


def test_commit_whose_answer_is_lost_is_not_repeated(flow):
    """The server committed, the client never heard of it: the stored offsets tell."""
    fault = flow.proxy.after(DOWN, RST, pattern=COMMIT_DONE, before=True, skip=1)
    flow.send_ticks(500)
    flow.start()
    fault.wait()
    flow.daemon.wait_log("event=commit_resolved")
    flow.wait_consumed()
    flow.check()


def test_commit_that_never_arrived_is_sent_again(flow):
    fault = flow.proxy.after(UP, RST, pattern=ROWS_ENDED, before=True, skip=1)
    flow.send_ticks(500)
    flow.start()
    fault.wait()
    flow.wait_consumed()
    assert not flow.daemon.logged("event=commit_resolved")
    flow.check()


def test_consumer_that_lost_its_partitions_is_fenced(flow):
    """The first stalls in mid-COPY and is believed dead; the second takes over, finds keys taken by the
    first, ends its session, and writes everything; the first wakes up and must change nothing."""
    flow.config["stalled_session_ms"] = 1000
    flow.send_ticks(MANY_ROWS)
    fault = MidCopy(large_batches(flow))
    first = flow.start()
    fault.wait()
    first.child.pause()
    second = flow.start(database_url=flow.direct_url)
    flow.send_ticks(400)
    flow.wait_consumed()
    flow.check()
    second.wait_log("event=stalled_session_ended")
    mark = first.mark()
    first.child.resume()
    flow.proxy.heal()
    first.wait_log("event=kafka_(revoked|assigned)", mark)
    flow.send_ticks(100)
    flow.daemon = second
    flow.wait_consumed()
    flow.check()


def test_two_consumers_share_the_partitions(flow):
    flow.start()
    flow.daemon.wait_log("event=state msg=flowing")
    other = flow.new_daemon(database_url=flow.direct_url)
    other.wait_log("event=state msg=flowing")
    flow.send_ticks(600)
    flow.wait_consumed()
    flow.check()
    flow.daemon.stop()
    flow.daemon = other
    flow.send_ticks(300)
    flow.wait_consumed()
    flow.check()


def test_database_set_back_to_an_older_state_is_followed(flow):
    """A restored dump: rows and offsets are both old, and tickd reads again from there."""
    flow.send_ticks(300)
    flow.start()
    flow.wait_consumed()
    flow.db.query("CREATE TABLE old_offsets AS SELECT * FROM ingest_offsets;"
                  "CREATE TABLE old_ticks AS SELECT * FROM ticks")
    flow.send_ticks(300)
    flow.wait_consumed()
    flow.db.query("TRUNCATE ticks, ingest_offsets; INSERT INTO ticks SELECT * FROM old_ticks;"
                  "INSERT INTO ingest_offsets SELECT * FROM old_offsets")
    flow.db.cluster.restart("fast")
    flow.daemon.wait_log("event=rewind")
    flow.wait_consumed()
    flow.check()


def test_all_brokers_gone_and_back(flow):
    flow.send_ticks(200)
    flow.start()
    flow.wait_consumed()
    flow.broker.down()
    flow.daemon.wait_log("event=kafka_down")
    flow.broker.up()
    flow.send_ticks(200)
    flow.wait_consumed()
    flow.check()


def test_lock_on_ticks_delays_and_nothing_else(flow):
    flow.config["lock_timeout_ms"] = 300
    flow.start()
    flow.daemon.wait_log("event=state msg=flowing")
    holder = flow.db.session()
    with holder.cursor() as cursor:
        cursor.execute("LOCK TABLE ticks IN EXCLUSIVE MODE")
        flow.send_ticks(300)
        flow.flush()
        flow.daemon.wait_log("event=commit_failed .*sqlstate=55P03")
    holder.close()
    flow.wait_consumed()
    flow.check()


def test_offset_no_longer_in_the_log_stops_the_partition_and_says_so(flow):
    flow.send_ticks(300)
    flow.start()
    flow.wait_consumed()
    flow.daemon.stop()
    flow.db.query("UPDATE ingest_offsets SET next_offset = 1000000 WHERE kafka_partition = 0")
    flow.start()
    line = flow.daemon.wait_log("event=offset_gap")
    assert "next_offset=1000000" in line and "partition=0" in line
    flow.daemon.wait_log("event=state msg=\"degraded")
    assert flow.db.count("ingest_gaps") == 0


def test_offset_gap_is_jumped_and_recorded_if_configured(flow):
    flow.send_ticks(300)
    flow.start()
    flow.wait_consumed()
    flow.daemon.stop()
    flow.db.query("DELETE FROM ticks")
    flow.db.query("UPDATE ingest_offsets SET next_offset = 1000000, messages = 0, stored = 0")
    flow.start(on_offset_gap="earliest")
    wait_until(lambda: flow.db.count("ingest_gaps") == 2, "the jumps to be recorded")
    flow.daemon.wait_until(flow.consumed, "the topic to be read again")
    flow.daemon.wait_until(lambda: flow.db.count("ticks") == 300, "all rows")
    flow.check()
