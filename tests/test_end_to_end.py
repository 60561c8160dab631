# SPDX-License-Identifier: MIT
"""The main job against a real Apache Kafka broker: all shapes, garbage, kills, restarts."""

import itertools
import json

import pytest

from lib import produce
from lib.flow import Flow, canonical, now_ms

_topics = itertools.count()


@pytest.fixture
def flow(db, kafka, tickd):
    number = next(_topics)
    return Flow(db, kafka, tickd, topic=f"ticks-{number}", group=f"tickd-{number}",
                partitions=3).create_topic()


def send_mixed(flow, count):
    """Good canonical ticks with garbage, control frames and unknown symbols between them.

    Returns (rejected, ignored).
    """
    rejected = ignored = 0
    for i in range(count):
        flow.send_ticks(3)
        if i % 10 == 3:
            flow.send_raw("{not json", key="BTC", partition=i % 3)
            rejected += 1
        if i % 10 == 5:
            flow.send_raw(canonical("NOSUCH", 1, now_ms()), key="NOSUCH", partition=i % 3)
            rejected += 1
        if i % 10 == 7:
            flow.send_raw(json.dumps({"channel": "pong"}), partition=i % 3)
            ignored += 1
    return rejected, ignored


def test_every_message_is_accounted_for_through_kill_9(flow):
    rejected = ignored = 0
    flow.start()
    for _ in range(4):
        before = sum(flow.next_offsets().values())
        more = send_mixed(flow, 100)
        rejected, ignored = rejected + more[0], ignored + more[1]
        flow.flush()
        flow.daemon.wait_until(lambda: sum(flow.next_offsets().values()) > before, "progress")
        flow.daemon.restart()
    flow.wait_consumed()
    flow.check(rejected=rejected, ignored=ignored)


def test_every_compression_is_read(flow):
    flow.start()
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        client = produce.Producer(flow.broker.bootstrap, compression_type=codec, linger_ms=50)
        flow._producer = client
        flow.send_ticks(200)
        flow.flush()
    flow.wait_consumed()
    flow.check()


def test_holes_in_the_offsets_are_no_gap(flow):
    """Transactions leave control records and aborted messages in the log."""
    flow._producer = client = produce.Producer(flow.broker.bootstrap, transactional_id="t")
    client.transaction(True, lambda: flow.send_ticks(30))
    client.transaction(False, lambda: flow.send_raw(canonical("BTC", 666, now_ms())))
    client.transaction(True, lambda: flow.send_ticks(30))
    flow.start()
    flow.daemon.wait_until(lambda: flow.db.count("ticks") == 60, "what was committed")
    flow.check()


def test_broker_restart_is_survived(db, kafka_factory, tickd):
    kafka = kafka_factory()
    flow = Flow(db, kafka, tickd, partitions=3).create_topic()
    flow.start()
    flow.send_ticks(300)
    flow.wait_consumed()
    for stop in (kafka.stop, kafka.kill):
        mark = flow.daemon.mark()
        stop()
        flow.daemon.wait_log("event=kafka_down", mark)
        kafka.start()
        flow.daemon.wait_log("event=kafka_up", mark)
        flow.send_ticks(300)
        flow.wait_consumed()
    flow.check()


def test_members_come_and_go(flow):
    """Each rebalance moves partitions while ticks flow; nothing is lost, nothing twice."""
    flow.start()
    others = []
    for number in range(6):
        flow.send_ticks(300)
        flow.flush()
        if number % 2 == 0:
            others.append(flow.new_daemon())
            others[-1].wait_log("event=kafka_assigned")
        elif number % 4 == 1:
            others[-1].kill9()
        else:
            others[-1].stop()
    flow.send_ticks(300)
    flow.wait_consumed()
    flow.check()
