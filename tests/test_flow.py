# SPDX-License-Identifier: MIT
"""The main job: messages in through Kafka, rows out in the table, each exactly once."""

import json
import os
import signal

import pytest

from lib import produce, replay
from lib.flow import Flow, canonical, now_ms
from lib.schema import ROOT

pytestmark = pytest.mark.early

DATA = os.path.join(ROOT, "tests", "data")


@pytest.fixture
def flow(db, mock, tickd):
    """A topic of a mock broker, a fresh database; flow.start() puts a tickd between them."""
    return Flow(db, mock, tickd, partitions=2).create_topic()


def expected_reasons(directory):
    """(payload, [what becomes of each item]) of every case file in a directory."""
    for name in sorted(os.listdir(directory)):
        if name.endswith(".json"):
            with open(os.path.join(directory, name), "rb") as payload, \
                    open(os.path.join(directory, name[:-5] + ".expect"), encoding="utf-8") as fate:
                yield payload.read(), [line.split() for line in fate.read().splitlines() if line]


# --- rows

def test_ticks_become_rows(flow):
    flow.send_ticks(1000)
    flow.start()
    flow.wait_consumed()
    flow.check()


def test_ticks_that_come_while_it_runs_become_rows(flow):
    flow.start()
    flow.daemon.wait_log("event=state msg=flowing")
    for _ in range(10):
        flow.send_ticks(50)
        flow.wait_consumed()
    flow.check()


def test_restart_goes_on_where_it_stopped(flow):
    for _ in range(3):
        flow.send_ticks(200)
        flow.start()
        flow.wait_consumed()
        flow.daemon.stop()
    flow.check()


def test_offsets_are_told_to_kafka_too(flow):
    flow.send_ticks(30)
    flow.start()
    flow.wait_consumed()
    ends = produce.end_offsets(flow.broker.bootstrap, flow.topic, 2)
    flow.daemon.wait_until(
        lambda: produce.committed(flow.broker.bootstrap, "tickd", flow.topic, 2) == ends,
        "Kafka's committed offsets to follow")


def test_partition_without_a_row_begins_at_kafkas_committed_offset(flow):
    flow.send_ticks(30)
    flow.start()
    flow.wait_consumed()
    ends = produce.end_offsets(flow.broker.bootstrap, flow.topic, 2)
    flow.daemon.wait_until(
        lambda: produce.committed(flow.broker.bootstrap, "tickd", flow.topic, 2) == ends,
        "Kafka's committed offsets to follow")
    flow.daemon.stop()
    flow.db.query("DELETE FROM ingest_offsets")
    flow.start()
    flow.daemon.wait_until(lambda: flow.next_offsets() == dict(enumerate(ends)), "rows made anew")
    assert flow.db.count("ticks") == 30


def test_latest_passes_over_what_is_there(flow):
    flow.send_ticks(30)
    flow.flush()
    flow.sent.clear()
    flow.start(start_from="latest")
    flow.daemon.wait_until(lambda: len(flow.next_offsets()) == 2, "start offsets")
    flow.send_ticks(20)
    flow.wait_consumed()
    flow.check()


# --- ties and repeats

def key_rows(flow):
    return flow.rows("SELECT (extract(epoch from time) * 1000000)::bigint, price FROM ticks"
                     " ORDER BY time")


def send_ties(flow, at, prices):
    for price in prices:
        flow.send_raw(canonical("BTC", price, at))


@pytest.mark.parametrize("restart", [False, True])
def test_spread_keeps_every_tick_of_a_tie(flow, restart):
    at = now_ms()
    send_ties(flow, at, [1, 2, 3])
    flow.start()
    flow.wait_consumed()
    if restart:
        flow.daemon.restart()
    send_ties(flow, at, [4, 5])
    flow.wait_consumed()
    assert key_rows(flow) == [(at * 1000 + i, i + 1.0) for i in range(5)]
    assert flow.counts() == (5, 5, 0, 0, 0)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("ties, kept", [("first", 1.0), ("last", 5.0)])
def test_first_and_last_keep_one_tick_of_a_tie(flow, ties, kept, restart):
    at = now_ms()
    if ties == "last":
        flow.db.query("GRANT UPDATE ON ticks TO tickd")
    send_ties(flow, at, [1, 2, 3])
    flow.start(ties=ties)
    flow.wait_consumed()
    if restart:
        flow.daemon.restart()
    send_ties(flow, at, [4, 5])
    flow.wait_consumed()
    assert key_rows(flow) == [(at * 1000, kept)]
    assert flow.counts() == (5, 1, 0, 0, 4)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("keep", ["no", "yes"])
def test_repeated_snapshot_is_ignored_unless_kept(flow, keep, restart):
    frame = json.dumps({"channel": "bbo", "data": {
        "s": "BTC", "t": now_ms(), "b": "100.5", "B": "1", "a": "101.5", "A": "2", "i": 1, "li": 2}})
    flow.send_raw(frame)
    flow.start(keep_repeats=keep)
    flow.wait_consumed()
    if restart:
        flow.daemon.restart()
    flow.send_raw(frame)
    flow.send_raw(frame)
    flow.wait_consumed()
    stored = 3 if keep == "yes" else 1
    assert flow.rows("SELECT price, bid, ask FROM ticks") == [(101.0, 100.5, 101.5)] * stored
    assert flow.counts() == (3, stored, 0, 3 - stored, 0)


def test_repeat_that_ties_have_moved_is_ignored_after_kill_9(flow):
    """The new process knows the trade of that instant, so it moves the quote behind it; that the quote
    is one the table has, only the merge can see, and only by the time at which it happened."""
    at = now_ms()
    quote = json.dumps({"channel": "bbo", "data": {
        "s": "BTC", "t": at, "b": "100.5", "B": "1", "a": "101.5", "A": "2", "i": 1, "li": 2}})
    flow.send_raw(quote)
    # Of somebody else: its bid and ask do not make it the last quote.
    flow.send_raw(canonical("BTC", 6.0, at, bid=5.5, ask=7.5))
    flow.start()
    flow.wait_consumed()
    flow.daemon.kill9()
    send_ties(flow, at, [7])
    flow.send_raw(quote)
    send_ties(flow, at, [8])
    flow.daemon.start()
    flow.wait_consumed()
    assert key_rows(flow) == [(at * 1000 + i, price) for i, price in enumerate((101.0, 6.0, 7.0, 8.0))]
    assert flow.counts() == (5, 4, 0, 1, 0)
    done = replay.run("verify", "--topic", flow.topic, "--group", "tickd", "--database",
                      flow.db.dsn("postgres"), "--bootstrap", flow.broker.bootstrap)
    assert done.code == replay.DONE, done.out + done.err


@pytest.mark.parametrize("ties", ["spread", "last"])
def test_large_batch_that_clashes_is_merged_in_slices(flow, ties):
    """All keys are taken, by rows of a run before, and the batch is as large as several slices."""
    if ties == "last":
        flow.db.query("GRANT UPDATE ON ticks TO tickd")
    flow.config.update(ties=ties, batch_rows=20000, linger_ms=2000)
    base_ms = now_ms() - 600_000
    for _ in range(2):
        flow.send_ticks(1700, symbols=("BTC",), base_ms=base_ms)
        flow.start()
        flow.wait_consumed()
        flow.daemon.stop()
    if ties == "spread":
        flow.check()
        return
    kept = flow.rows("SELECT volume::int FROM ticks ORDER BY 1")
    # Two ticks a millisecond, in each of the two runs.
    assert kept == [(number,) for number in range(1702, 3401, 2)]
    assert flow.counts() == (3400, 850, 0, 0, 2550)


def test_equal_trades_are_different_trades(flow):
    trade = {"s": "ETH", "p": "2000.5", "a": "0.25", "t": now_ms(), "d": "open_long", "tc": "normal"}
    flow.send_raw(json.dumps({"channel": "trades", "data": [trade, trade]}))
    flow.start()
    flow.wait_consumed()
    assert flow.counts() == (1, 2, 0, 0, 0)
    assert flow.db.count("ticks", "price = 2000.5 AND volume = 0.25 AND bid IS NULL") == 2


# --- dead letters

@pytest.mark.parametrize("kind", ["decode/reject", "decode/mixed", "decode/ignore",
                                  "validate/reject"])
def test_every_case_file_ends_where_it_should(flow, kind):
    """Each bad message has a dead letter with its reason; its good neighbours are stored."""
    flow.db.query("INSERT INTO pairs (symbol, max_leverage, min_order_size, tick_size, category,"
                  " whale_threshold_usd, active) VALUES ('IDLE', 1, 1, 1, 'major', 1, false)")
    stamp = 1763225137000 if kind == "decode/mixed" else now_ms()
    fates, payloads = {}, {}
    for payload, items in expected_reasons(os.path.join(DATA, kind)):
        flow.send_ticks(1)
        message = flow.send_raw(payload, key="BTC", timestamp_ms=stamp)
        flow.flush()
        fates[message.offset] = items
        payloads[message.offset] = payload
    flow.start(max_message_bytes=65536, max_ticks_per_message=1000, max_age=315360000)
    flow.wait_consumed()

    letters = flow.db.query("SELECT kafka_offset, item, reason, key, payload, payload_bytes"
                            " FROM rejected_ticks WHERE kafka_partition = 0 ORDER BY 1, 2")
    reasons = {(offset, item): reason for offset, item, reason, *_ in letters}
    expected = {(offset, item): fate[1] for offset, items in fates.items()
                for item, fate in enumerate(items) if fate[0] == "reject"}
    known = {row[0] for row in flow.db.query("SELECT symbol FROM pairs")}
    for (offset, item), fate in [((o, i), f) for o, items in fates.items()
                                 for i, f in enumerate(items)]:
        if fate[0] == "tick" and fate[2] not in known:
            expected[offset, item] = "unknown_symbol"
    assert reasons == expected
    kept = {offset: bytes(payload) for offset, _, _, _, payload, _ in letters if payload is not None}
    assert kept == {offset: payloads[offset] for offset, _ in expected}
    assert all(bytes(key) == b"BTC" and size == len(payloads[offset])
               for offset, _, _, key, _, size in letters)
    missing = set(flow.sent) - {int(v) for v, in flow.rows("SELECT volume FROM ticks")}
    assert not missing, f"neighbours of bad messages are missing: {sorted(missing)[:5]}"


def test_tombstone_is_a_dead_letter(flow):
    flow.send_raw(None, key="BTC")
    flow.start()
    flow.wait_consumed()
    assert flow.rows("SELECT reason, payload, key FROM rejected_ticks")[0][:2] == ("bad_json", None)


def test_bad_tick_of_an_array_does_not_reject_its_siblings(flow):
    at = now_ms()
    ticks = [json.loads(canonical("BTC", price, at + i)) for i, price in enumerate([1, 0, 3, -1])]
    flow.send_raw(json.dumps(ticks))
    flow.start()
    flow.wait_consumed()
    assert flow.rows("SELECT price FROM ticks ORDER BY 1") == [(1.0,), (3.0,)]
    letters = flow.rows("SELECT item, reason, payload IS NULL FROM rejected_ticks ORDER BY item")
    assert letters == [(1, "bad_price", False), (3, "bad_price", True)]
    assert flow.counts() == (1, 2, 2, 0, 0)


def test_times_out_of_range_are_dead_letters_with_their_reason(flow):
    day_ms = 86_400_000
    for at in (now_ms() - 3 * day_ms, now_ms() + day_ms, 946684799999, now_ms()):
        flow.send_raw(canonical("BTC", 1, at))
    flow.start(max_age=86400)
    flow.wait_consumed()
    reasons = flow.rows("SELECT reason FROM rejected_ticks ORDER BY kafka_offset")
    assert reasons == [("too_old",), ("too_far_ahead",), ("time_too_early",)]
    assert flow.counts() == (4, 1, 3, 0, 0)


def test_row_the_database_refuses_is_a_dead_letter_and_its_neighbours_are_stored(flow):
    flow.db.query("ALTER TABLE ticks ADD CHECK (price <> 666)")
    at = now_ms()
    for i in range(50):
        flow.send_raw(canonical("BTC", 666 if i in (7, 31) else 100 + i, at + i, i))
    flow.start()
    flow.wait_consumed()
    letters = flow.rows("SELECT reason, detail, payload FROM rejected_ticks ORDER BY kafka_offset")
    assert [reason for reason, _, _ in letters] == ["database", "database"]
    assert all("23514" in detail and b"666" in bytes(payload) for _, detail, payload in letters)
    assert flow.counts() == (50, 48, 2, 0, 0)


# --- pairs

def add_pair(db, symbol):
    db.query("INSERT INTO pairs (symbol, max_leverage, min_order_size, tick_size, category,"
             " whale_threshold_usd) VALUES (%s, 1, 1, 1, 'major', 1)", (symbol,))


def test_symbol_added_a_moment_ago_is_known(flow):
    """The cache does not know it, and no notification tells: one early refresh finds it."""
    flow.start(pairs_refresh_ms=3600000)
    flow.daemon.wait_log("event=state msg=flowing")
    flow.db.query("SET session_replication_role = replica")  # no trigger, no NOTIFY
    add_pair(flow.db, "NEW")
    flow.send_raw(canonical("NEW", 1, now_ms()))
    flow.send_raw(canonical("NOSUCH", 1, now_ms()))
    flow.wait_consumed()
    assert flow.counts() == (2, 1, 1, 0, 0)
    assert flow.rows("SELECT reason FROM rejected_ticks") == [("unknown_symbol",)]


def test_pair_made_inactive_is_rejected_with_its_own_reason(flow):
    flow.start(pairs_refresh_ms=3600000)
    flow.send_raw(canonical("BTC", 1, now_ms()))
    flow.wait_consumed()
    flow.db.query("UPDATE pairs SET active = false WHERE symbol = 'BTC'")
    flow.daemon.wait_log("event=pairs_loaded .*active=29")
    flow.send_raw(canonical("BTC", 2, now_ms() + 1))
    flow.wait_consumed()
    assert flow.rows("SELECT reason FROM rejected_ticks") == [("inactive_symbol",)]


def test_pair_deleted_behind_the_cache_leaves_no_orphan(flow):
    flow.start(pairs_refresh_ms=3600000)
    flow.daemon.wait_log("event=state msg=flowing")
    flow.db.query("SET session_replication_role = replica")
    flow.db.query("DELETE FROM pairs WHERE symbol = 'CRV'")
    for i in range(10):
        flow.send_raw(canonical("CRV" if i % 2 else "BTC", 1 + i, now_ms() + i))
    flow.wait_consumed()
    assert flow.counts() == (10, 5, 5, 0, 0)
    assert flow.rows("SELECT DISTINCT reason FROM rejected_ticks") == [("unknown_symbol",)]
    assert flow.db.count("ticks t", "NOT EXISTS (SELECT FROM pairs p WHERE p.symbol = t.symbol)") == 0


# --- living with an operator

def test_term_drains_and_ends_with_0(flow):
    """What is still filling when the signal comes is committed, not left for the next run."""
    flow.send_ticks(50, symbols=("BTC",))
    flow.flush()
    flow.start(linger_ms=60000, batch_rows=40)
    flow.daemon.wait_until(lambda: flow.db.count("ticks") == 40, "the full batch")
    flow.daemon.stop()
    flow.check()


def test_second_signal_ends_at_once(flow, pg_private):
    flow.start(database_url=pg_private.dsn("nosuch"), shutdown_timeout_ms=600000)
    flow.daemon.wait_log("event=started")
    flow.daemon.child.send(signal.SIGTERM)
    flow.daemon.wait_log("event=stopping|event=stopped")
    if flow.daemon.alive:
        flow.daemon.child.send(signal.SIGTERM)
    assert flow.daemon.wait_exit() == 0


def test_hup_takes_new_limits_and_names_what_needs_a_restart(flow):
    flow.start(linger_ms=60000)
    flow.daemon.wait_log("event=state msg=flowing")
    flow.daemon.reload({**flow.config, "linger_ms": 10, "log_level": "debug", "group": "other"})
    line = flow.daemon.wait_log("event=reloaded")
    assert "changed=2" in line and "group" in line
    flow.send_ticks(10)
    flow.wait_consumed()
    flow.check()


def test_hup_with_a_bad_file_changes_nothing(flow):
    flow.start()
    flow.daemon.wait_log("event=state msg=flowing")
    flow.daemon.reload({**flow.config, "linger_ms": "soon"})
    assert "linger_ms" in flow.daemon.wait_log("event=reload_failed")
    flow.send_ticks(10)
    flow.wait_consumed()
    flow.check()
