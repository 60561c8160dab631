# SPDX-License-Identifier: MIT
"""Messages that cannot become rows, in any number, size and depth: each a dead letter, and the stream
goes on at its pace and in its memory."""

import datetime
import itertools
import json
import os
import random
import re

import pytest

from lib import schema
from lib.daemon import said_at
from lib.flow import Flow, canonical, now_ms

MAX_MESSAGE = 32768
MAX_TICKS = 100
DAY_MS = 86_400_000
MIB = 1 << 20

# How many messages of garbage, and of ticks to compare with.
GARBAGE = int(os.environ.get("TICKD_POISON_COUNT", "20000"))

_topics = itertools.count()


@pytest.fixture
def flow(db, kafka, tickd):
    name = f"poison-{next(_topics)}"
    return Flow(db, kafka, tickd, topic=name, group=name, partitions=3).create_topic()


def tick(**fields):
    """A canonical tick, good but for `fields`; a field that is None is left out."""
    whole = {"time": now_ms(), "symbol": "BTC", "price": 1.5, "volume": 1, **fields}
    return json.dumps({key: value for key, value in whole.items() if value is not None})


# One message of one bad item for each reason.
POISON = {
    "too_large": lambda: "[" + " " * MAX_MESSAGE + "]",
    "bad_utf8": lambda: b'{"symbol": "\xff"}',
    "bad_json": lambda: "{not json",
    "too_deep": lambda: "[" * 3000 + "]" * 3000,
    "nul_byte": lambda: tick(price="1\0"),
    "unknown_shape": lambda: '{"a": 1}',
    "too_many_ticks": lambda: json.dumps([{}] * (MAX_TICKS + 1)),
    "no_symbol": lambda: tick(symbol=None),
    "bad_symbol": lambda: tick(symbol=["BTC"]),
    "text_too_long": lambda: tick(symbol="B" * 21),
    "bad_exchange": lambda: tick(exchange=7),
    "no_price": lambda: tick(price=None),
    "bad_price": lambda: tick(price=-1),
    "bad_volume": lambda: tick(volume="much"),
    "bad_quote": lambda: tick(bid=0),
    "no_time": lambda: tick(time=None),
    "bad_time": lambda: tick(time="yesterday"),
    "time_too_early": lambda: tick(time="1999-12-31T23:59:59Z"),
    "too_old": lambda: tick(time=now_ms() - 3 * DAY_MS),
    "too_far_ahead": lambda: tick(time=now_ms() + DAY_MS),
    "unknown_symbol": lambda: tick(symbol="NOSUCH"),
    "inactive_symbol": lambda: tick(symbol="IDLE"),
}
NO_TIMESTAMP = -1    # Kafka's own word for a message without a time


def reasons_of_the_program():
    with open(os.path.join(schema.ROOT, "include", "reject.h"), encoding="utf-8") as file:
        return set(re.findall(r'X\(\w+, "(\w+)"', file.read()))


def test_every_reason_at_once_in_half_of_the_messages(flow):
    """Each is counted exactly, each payload is kept, and every good tick is stored; through kill -9."""
    assert set(POISON) == reasons_of_the_program() - {"database"}
    flow.db.query("INSERT INTO pairs (symbol, max_leverage, min_order_size, tick_size, category,"
                  " whale_threshold_usd, active) VALUES ('IDLE', 1, 1, 1, 'major', 1, false)")
    each = 40
    dice = random.Random(1)
    mix = [reason for reason in POISON for _ in range(each)]
    dice.shuffle(mix)
    expected = {}
    flow.start(max_message_bytes=MAX_MESSAGE, max_ticks_per_message=MAX_TICKS, max_age=86400)
    for number, reason in enumerate(mix):
        flow.send_ticks(1)
        more = {"timestamp_ms": NO_TIMESTAMP} if reason == "no_time" else {}
        sent = flow.send_raw(POISON[reason](), key="k", partition=dice.randrange(3), **more)
        expected[number] = (sent, reason)
        if number == len(mix) // 2:
            flow.flush()
            flow.daemon.restart()
    flow.wait_consumed()
    flow.check(rejected=len(mix))
    assert dict(flow.rows("SELECT reason, count(*) FROM rejected_ticks GROUP BY 1")) == {
        reason: each for reason in POISON}
    letters = {(part, offset): (reason, bytes(payload)) for part, offset, reason, payload in flow.rows(
        "SELECT kafka_partition, kafka_offset, reason, payload FROM rejected_ticks")}
    assert letters == {(sent.partition, sent.offset): (reason, sent.value)
                       for sent, reason in expected.values()}


# --- much of it

def drain(flow):
    """Starts tickd on what has been sent, waits until it is consumed; (messages a second, peak RSS)."""
    flow.flush()
    begin = sum(flow.next_offsets().values())
    flow.start(log_level="debug")
    flow.wait_consumed()
    done = sum(flow.next_offsets().values()) - begin
    peak = flow.daemon.child.peak_rss_bytes()
    flow.daemon.stop()
    took = (said_at(flow.daemon.logged("event=batch_done ")[-1])
            - said_at(flow.daemon.logged("event=kafka_assigned ")[0]))
    return done / took.total_seconds(), peak


def test_nothing_but_garbage_is_not_much_slower_than_ticks(flow):
    """Every message is a dead letter: more for the database to write than a tick, and no more than that."""
    flow.config["linger_ms"] = 100
    flow.send_ticks(GARBAGE)
    rate, peak = drain(flow)
    assert flow.counts() == (GARBAGE, GARBAGE, 0, 0, 0)
    kinds = ["bad_json", "unknown_shape", "no_symbol", "bad_price", "unknown_symbol"]
    for number in range(GARBAGE):
        flow.send_raw(POISON[kinds[number % len(kinds)]](), partition=number % 3)
    garbage_rate, garbage_peak = drain(flow)
    assert flow.counts() == (2 * GARBAGE, GARBAGE, GARBAGE, 0, 0)
    assert dict(flow.rows("SELECT reason, count(*) FROM rejected_ticks GROUP BY 1")) == {
        kind: GARBAGE // len(kinds) for kind in kinds}
    assert flow.db.one("SELECT count(DISTINCT (kafka_partition, kafka_offset)) FROM rejected_ticks") == GARBAGE
    assert garbage_rate > 0.4 * rate, f"garbage {garbage_rate:.0f}/s, ticks {rate:.0f}/s"
    assert garbage_peak < peak + 32 * MIB
    flow.check_rows()


def test_messages_of_a_megabyte(flow):
    """Ticks, garbage, and what is too large even to look at, all in bounded memory."""
    flow.start()
    flow.send_ticks(300)
    flow.wait_consumed()
    many = [json.loads(canonical("ETH", 5.0 + i, 1763225137000 + i)) for i in range(9000)]
    garbage = '{"price": "' + "9" * (MIB - 20) + '"'
    large = "[" + " " * (2 * MIB) + "]"
    for number in range(12):
        flow.send_ticks(10)
        flow.send_raw(garbage, partition=number % 3)
        flow.send_raw(large, partition=number % 3)
    flow.send_raw(json.dumps(many), partition=1)
    flow.wait_consumed()
    assert flow.db.count("ticks", "symbol = 'ETH' AND time < '2025-11-16'") == len(many)
    assert flow.rows("SELECT reason, count(*), min(payload_bytes), max(payload_bytes), min(length(payload)),"
                     " max(length(payload)) FROM rejected_ticks GROUP BY 1 ORDER BY 1") == [
        ("bad_json", 12, len(garbage), len(garbage), len(garbage), len(garbage)),
        ("too_large", 12, len(large), len(large), MIB, MIB)]
    assert flow.daemon.child.peak_rss_bytes() < 128 * MIB
    flow.db.query("DELETE FROM ticks WHERE symbol = 'ETH' AND time < '2025-11-16'")
    flow.check_rows()


@pytest.mark.parametrize("opening, closing", [("[", "]"), ('{"a":', "}")], ids=["arrays", "objects"])
def test_deep_nesting(flow, opening, closing):
    """As deep as the parser goes it is data; deeper, and unclosed however deep, it is a dead letter."""
    deepest = "1" if opening != "[" else ""

    def nested(depth):
        return (f'{{"time": {now_ms()}, "symbol": "BTC", "price": 7, "x": '
                + opening * depth + deepest + closing * depth + "}")

    for depth in (10, 1000, 2000):
        flow.send_raw(nested(depth))
    for depth in (2100, 10_000, 100_000):
        flow.send_raw(nested(depth))
        flow.send_raw(opening * depth)
    flow.send_ticks(30)
    flow.start()
    flow.wait_consumed()
    assert flow.rows("SELECT reason, count(*) FROM rejected_ticks GROUP BY 1") == [("too_deep", 6)]
    assert flow.db.query("DELETE FROM ticks WHERE price = 7 RETURNING 1") == [(1,)] * 3
    flow.check_rows()


# --- times

def chunk_days(flow):
    """How many chunks `ticks` has, None on a server without TimescaleDB."""
    if not flow.db.query("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"):
        return None
    return flow.db.count("timescaledb_information.chunks", "hypertable_name = 'ticks'")


WILD_TIMES = ["9999-12-31T23:59:59Z", "infinity", "-infinity", "Infinity", "NaN", "now", "epoch",
              "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "294276-12-31T23:59:59Z", "4713-01-01 BC",
              253402300799, 253402300799000, 2**63 - 1, -2**63, 2**53, -1, 0, 1e18, "1e18", 2**64,
              "9223372036854775807", "-9223372036854775808", "2038-01-19T03:14:08Z"]


def test_wild_times_make_no_chunk_and_no_row(flow):
    flow.send_ticks(30)
    for when in WILD_TIMES:
        flow.send_raw(tick(time=when))
    flow.start()
    flow.wait_consumed()
    flow.check(rejected=len(WILD_TIMES))
    allowed = {"bad_time", "time_too_early", "too_far_ahead"}
    seen = {reason for reason, in flow.rows("SELECT DISTINCT reason FROM rejected_ticks")}
    assert seen <= allowed | {"bad_json"}, seen
    assert chunk_days(flow) in (None, 1, 2)


def midnights(count):
    today = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0,
                                                                 microsecond=0)
    return [int((today - datetime.timedelta(days=day)).timestamp() * 1000) for day in range(count)]


def test_midnight_with_several_writers_at_once(flow):
    """Three processes with two sessions each make the chunks of six days, all at the same time."""
    flow.config.update(writers=2, batch_rows=50, linger_ms=1, lock_timeout_ms=1000)
    flow.partitions = 6
    flow.topic += "-six"
    flow.config["topics"] = flow.topic
    flow.create_topic()
    symbols = ("BTC", "ETH", "SOL", "XRP", "DOGE", "LINK")
    writers = [flow.start() for _ in range(3)]
    for each in writers:
        each.wait_log("event=kafka_assigned .*partitions=2")
    days = midnights(6)
    for _ in range(3):
        for midnight in days:
            # A millisecond has twelve of them: from just before midnight to just after.
            flow.send_ticks(120, symbols=symbols, base_ms=midnight - 5)
        flow.flush()
    flow.wait_consumed()
    flow.check()
    for each in writers:
        each.stop()
        assert " messages=0 " not in each.logged("event=stopped")[0], "one of them had nothing to do"
    assert chunk_days(flow) in (None, len(days) + 1)
