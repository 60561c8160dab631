# SPDX-License-Identifier: MIT
"""writers = N: several connections that write, each fenced for its own share of the partitions."""

import pytest

from lib.flow import Flow

SYMBOLS = ("BTC", "ETH", "SOL", "XRP")


@pytest.fixture
def flow(db, kafka, tickd, request):
    """A topic of four partitions, one symbol in each, and three writers."""
    name = "writers-" + request.node.name.replace("[", "-").replace("]", "")
    flow = Flow(db, kafka, tickd, topic=name, partitions=4, group=name[:57], writers=3)
    return flow.create_topic()


def test_each_partition_is_written_once(flow):
    flow.send_ticks(4000, SYMBOLS)
    flow.start()
    flow.wait_consumed()
    flow.check()
    assert len(flow.sessions()) == 3


def test_more_writers_than_partitions(flow):
    flow.start(writers=7)
    flow.send_ticks(400, SYMBOLS)
    flow.wait_consumed()
    flow.check()
    flow.daemon.stop()


def test_killed_again_and_again(flow):
    flow.start()
    for _ in range(5):
        before = sum(flow.next_offsets().values())
        flow.send_ticks(800, SYMBOLS)
        flow.flush()
        flow.daemon.wait_until(lambda: sum(flow.next_offsets().values()) > before, "progress")
        flow.daemon.restart()
    flow.wait_consumed()
    flow.check()


def test_one_lost_connection_concerns_one_writer(flow):
    flow.start()
    flow.send_ticks(400, SYMBOLS)
    flow.wait_consumed()
    first, *others = flow.sessions()
    flow.rows("SELECT pg_terminate_backend(%s)", (first,))
    flow.daemon.wait_log("event=database_down .*name=ingest-")
    flow.send_ticks(400, SYMBOLS)
    flow.wait_consumed()
    assert set(others) <= set(flow.sessions())
    flow.check()


def test_a_writer_that_waits_does_not_hold_up_the_others(flow):
    """Partition 0's offset is locked: its writer waits, the other partitions go on."""
    flow.start()
    flow.send_ticks(40, SYMBOLS)
    flow.wait_consumed()
    with flow.db.session() as locker:
        locker.cursor().execute(
            "SELECT FROM ingest_offsets WHERE topic = %s AND kafka_partition = 0 FOR UPDATE",
            (flow.topic,))
        before = flow.next_offsets()
        flow.send_ticks(400, SYMBOLS)
        flow.flush()
        flow.daemon.wait_until(
            lambda: all(flow.next_offsets()[number] == before[number] + 100 for number in (1, 2)),
            "the partitions of the other writers")
        assert flow.next_offsets()[0] == before[0]
    flow.wait_consumed()
    flow.check()


def test_members_come_and_go(flow):
    """Shares change with every assignment; none is given up before each of its writers has let go."""
    flow.start()
    for _ in range(3):
        other = flow.new_daemon()
        other.wait_log("event=state msg=flowing")
        flow.send_ticks(800, SYMBOLS)
        flow.wait_consumed()
        other.stop()
    flow.send_ticks(800, SYMBOLS)
    flow.wait_consumed()
    flow.check()
