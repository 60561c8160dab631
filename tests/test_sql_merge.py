# SPDX-License-Identifier: MIT
"""ingest_merge(): a batch of which some keys are taken or some rows are bad."""

import datetime
import io
import random
import threading

import psycopg2
import pytest

from lib.wait import wait_until

NOON = datetime.datetime(2025, 11, 15, 12, tzinfo=datetime.timezone.utc)
STEP = datetime.timedelta(microseconds=1)
MODES = ("spread", "first", "last")


def at(us):
    return NOON + us * STEP


def tick(us, price, symbol="BTC", volume=1.0, bid=None, ask=None, exchange="pacifica", snapshot=False):
    """A staged row without its seq."""
    return (snapshot, at(us), symbol, float(price), volume, bid, ask, exchange)


def quote(us, price, symbol="BTC", snapshot=True):
    """As `bbo` has it."""
    return tick(us, price, symbol, 0.0, price - 0.5, price + 0.5, snapshot=snapshot)


SPREAD_BPS = 1


def prices(us, price, symbol="BTC", mid=7.0, volume=1e6):
    """As `prices` has it."""
    return tick(us, price, symbol, volume, mid * (1 - SPREAD_BPS / 1e4), mid * (1 + SPREAD_BPS / 1e4),
                snapshot=True)


def canonical(us, price, symbol="BTC"):
    """Of somebody else: bid and ask, and no snapshot."""
    return tick(us, price, symbol, 1.0, price - 0.5, price + 0.25)


def _later(when, us):
    return when + us * STEP if us else when


class Merger:
    """A session of role tickd that stages and merges."""

    def __init__(self, db):
        self.db = db
        self.conn = db.session(user="tickd")

    def stage(self, rows, seqs=None, moved=None):
        """rows in order of seq; sent in an order of their own. moved: by how many us ties moved each."""
        numbered = [(seq, snapshot, when, when and _later(when, us), *fields)
                    for seq, (snapshot, when, *fields), us in zip(seqs or range(len(rows)), rows,
                                                                  moved or [0] * len(rows))]
        random.Random(1).shuffle(numbered)
        lines = ["\t".join("\\N" if field is None else str(field) for field in row) for row in numbered]
        with self.conn.cursor() as cursor:
            cursor.execute("SELECT ingest_staging()")
            cursor.copy_expert("COPY tickd_staging (seq, snapshot, event_time, time, symbol, price, volume, bid,"
                               " ask, exchange) FROM STDIN", io.StringIO("\n".join(lines)))

    def merge(self, ties, rows, seqs=None, moved=None):
        """Stages, merges and commits; (seq, outcome, sqlstate) of the rows returned."""
        self.stage(rows, seqs, moved)
        with self.conn.cursor() as cursor:
            cursor.execute("SELECT seq, outcome, sqlstate, detail FROM ingest_merge(%s, %s)", (ties, SPREAD_BPS))
            returned = cursor.fetchall()
        self.conn.commit()
        assert all((row[2] is not None) == (row[3] is not None) == (row[1] == "rejected") for row in returned)
        return [row[:3] for row in returned]

    def table(self, symbol="BTC"):
        """(microseconds after noon, price) of the symbol's rows, in order."""
        rows = self.db.query("SELECT time, price FROM ticks WHERE symbol = %s ORDER BY time", (symbol,))
        return [((time - NOON) // STEP, price) for time, price in rows]


@pytest.fixture
def merger(db):
    made = Merger(db)
    yield made
    made.conn.close()


@pytest.mark.parametrize("ties", MODES)
def test_without_a_clash_all_is_stored(merger, ties):
    rows = [tick(us, us, symbol) for us in range(0, 3000, 1000) for symbol in ("BTC", "ETH", "kBONK")]
    assert merger.merge(ties, rows) == []
    for symbol in ("BTC", "ETH", "kBONK"):
        assert merger.table(symbol) == [(0, 0), (1000, 1000), (2000, 2000)]


def test_every_column_arrives(merger):
    merger.merge("spread", [tick(5, 1.25, "2Z", 2.5, 1.0, 1.5, "elsewhere"), tick(5, 3.5, "2Z", 0.1)])
    assert merger.db.query("SELECT time, symbol, price, volume, bid, ask, exchange FROM ticks ORDER BY time") == [
        (at(5), "2Z", 1.25, 2.5, 1.0, 1.5, "elsewhere"), (at(6), "2Z", 3.5, 0.1, None, None, "pacifica")]


def test_spread_takes_the_next_free_microsecond_in_order_of_seq(merger):
    merger.merge("spread", [tick(0, 1), tick(2, 2)])
    # 10 finds 1 free, 20 goes over the row at 2; 30 at 1 and 40 at 2 go behind all of them.
    assert merger.merge("spread", [tick(0, 10), tick(0, 20), tick(1, 30), tick(2, 40)]) == []
    assert merger.table() == [(0, 1), (1, 10), (2, 2), (3, 20), (4, 30), (5, 40)]


def test_spread_leaves_other_symbols_alone(merger):
    merger.merge("spread", [tick(0, 1, "BTC")])
    assert merger.merge("spread", [tick(0, 2, "BTC"), tick(0, 3, "ETH"), tick(1, 4, "ETH")]) == []
    assert merger.table("BTC") == [(0, 1), (1, 2)]
    assert merger.table("ETH") == [(0, 3), (1, 4)]


def test_spread_crosses_midnight(merger):
    """In a hypertable that is another chunk."""
    last = int(datetime.timedelta(hours=12) / STEP) - 1
    assert merger.merge("spread", [tick(last, 1), tick(last, 2), tick(last, 3)]) == []
    assert merger.table() == [(last, 1), (last + 1, 2), (last + 2, 3)]


def test_equal_trades_are_different_trades(merger):
    assert merger.merge("spread", [tick(0, 1), tick(0, 1)]) == []
    assert merger.merge("spread", [tick(0, 1)]) == []
    assert merger.table() == [(0, 1), (1, 1), (2, 1)]


@pytest.mark.parametrize("ties", MODES)
@pytest.mark.parametrize("make", [quote, prices])
def test_a_snapshot_equal_to_the_stored_one_is_a_repeat(merger, ties, make):
    merger.merge(ties, [make(0, 7)])
    assert merger.merge(ties, [make(0, 7)], seqs=[9]) == [(9, "repeat", None)]
    assert merger.table() == [(0, 7)]


@pytest.mark.parametrize("make", [quote, prices])
def test_a_tick_with_bid_and_ask_that_is_no_snapshot_does_not_hide_one(merger, make):
    merger.merge("spread", [make(0, 7), canonical(0, 8)])
    assert merger.merge("spread", [make(0, 7)]) == [(0, "repeat", None)]
    assert merger.table() == [(0, 7), (1, 8)]


def test_a_snapshot_is_no_repeat_of_what_was_none(merger):
    same = tick(0, 7, volume=5.0, bid=6.0, ask=8.0)
    merger.merge("spread", [same])
    assert merger.merge("spread", [(True, *same[1:])]) == []
    assert merger.table() == [(0, 7), (1, 7)]


@pytest.mark.parametrize("first, second", [(quote, prices), (prices, quote)])
def test_snapshots_of_both_channels_are_the_last_of_their_instant(merger, first, second):
    merger.merge("spread", [first(0, 7), second(0, 8)])
    assert merger.merge("spread", [second(0, 8), first(0, 7)]) == [(0, "repeat", None)]


@pytest.mark.parametrize("mid", [1e-9, 0.1, 95993.66, 123456789.123, 1e12])
@pytest.mark.parametrize("bps", [0.1, 1, 12.5, 9999])
def test_a_spread_is_recognised_at_any_price(db, mid, bps):
    values = (mid * (1 - bps / 10000), mid * (1 + bps / 10000), bps)
    assert db.query("SELECT ingest_may_be_snapshot(1, 1, %s, %s, %s)", values) == [(True,)]


@pytest.mark.parametrize("bid, ask", [(1e308, 1.7e308), (5e-324, 1.0), (None, 1.7e308), (5e-324, None)])
def test_the_ends_of_what_a_number_can_be_are_no_error(merger, bid, ask):
    merger.merge("spread", [tick(0, 7, bid=bid, ask=ask)])
    assert merger.merge("spread", [quote(0, 7)]) == []


@pytest.mark.parametrize("change", ["price", "volume", "bid", "ask", "exchange"])
def test_a_snapshot_that_differs_in_one_field_is_none(merger, change):
    fields = {"price": 7.0, "volume": 0.0, "bid": 6.0, "ask": 8.0, "exchange": "pacifica"}
    merger.merge("spread", [tick(0, snapshot=True, **fields)])
    fields[change] = "elsewhere" if change == "exchange" else 6.5
    assert merger.merge("spread", [tick(0, snapshot=True, **fields)]) == []
    assert len(merger.table()) == 2


def test_a_quote_with_one_side_only_is_recognised(merger):
    one_sided = tick(0, 7, volume=0.0, bid=7.0, snapshot=True)
    merger.merge("spread", [one_sided])
    assert merger.merge("spread", [one_sided]) == [(0, "repeat", None)]


def test_the_newest_snapshot_of_the_instant_tells_a_repeat(merger):
    """Spread over the microseconds after the instant, with trades among them."""
    merger.merge("spread", [quote(0, 7), tick(0, 100), quote(0, 8), tick(0, 101)])
    assert merger.merge("spread", [quote(0, 8)]) == [(0, "repeat", None)]
    # 7 is not the newest any more: the price went there and back.
    assert merger.merge("spread", [quote(0, 7), quote(0, 7)]) == [(1, "repeat", None)]
    assert merger.table() == [(0, 7), (1, 100), (2, 8), (3, 101), (4, 7)]


def test_a_quote_behind_a_hole_belongs_to_another_instant(merger):
    merger.merge("spread", [quote(0, 7), quote(2, 8)])
    assert merger.merge("spread", [quote(0, 8)]) == []
    assert merger.table() == [(0, 7), (1, 8), (2, 8)]


def test_a_repeat_that_ties_had_moved_is_seen_as_one(merger):
    """Whoever staged it knew of the trade before it, but not of what the table has at their instant."""
    merger.merge("spread", [quote(0, 7)])
    assert merger.merge("spread", [tick(0, 100), quote(0, 7), tick(0, 101)], moved=[0, 1, 2]) == [
        (1, "repeat", None)]
    assert merger.table() == [(0, 7), (1, 100), (2, 101)]


def test_what_ties_had_moved_leaves_no_hole_behind_a_bad_row(merger):
    merger.db.query("ALTER TABLE ticks ADD CHECK (price < 1000)")
    assert merger.merge("spread", [tick(0, 1), tick(0, 5000), tick(0, 2)], moved=[0, 1, 2]) == [
        (1, "rejected", "23514")]
    assert merger.table() == [(0, 1), (1, 2)]


def test_repeats_are_kept_when_not_staged_as_snapshots(merger):
    merger.merge("spread", [quote(0, 7)])
    assert merger.merge("spread", [quote(0, 7, snapshot=False)]) == []
    assert merger.table() == [(0, 7), (1, 7)]


def test_first_keeps_what_was_there(merger):
    merger.merge("first", [tick(0, 1)])
    assert merger.merge("first", [tick(0, 2), tick(5, 3), tick(5, 4), tick(5, 5)]) == [
        (0, "dropped", None), (2, "dropped", None), (3, "dropped", None)]
    assert merger.table() == [(0, 1), (5, 3)]


def test_last_keeps_what_came_last(merger):
    merger.merge("last", [tick(0, 1), tick(1, 1)])
    assert merger.merge("last", [tick(0, 2), tick(5, 3), tick(5, 4), tick(5, 5), tick(9, 6)]) == [
        (0, "replaced", None), (1, "dropped", None), (2, "dropped", None)]
    assert merger.table() == [(0, 2), (1, 1), (5, 5), (9, 6)]


def test_last_replaces_one_row_only_however_many_come(merger):
    """Three newcomers on a stored key: two dropped, one in its place; no row more or less."""
    merger.merge("last", [tick(0, 1)])
    assert merger.merge("last", [tick(0, 2), tick(0, 3), tick(0, 4)]) == [
        (0, "dropped", None), (1, "dropped", None), (2, "replaced", None)]
    assert merger.table() == [(0, 4)]


def test_last_writes_every_column_but_the_key(merger):
    merger.merge("last", [tick(0, 1, volume=1.0, bid=0.5, ask=1.5, exchange="a")])
    merger.merge("last", [tick(0, 2, volume=3.0, exchange="b")])
    assert merger.db.query("SELECT price, volume, bid, ask, exchange FROM ticks") == [(2, 3, None, None, "b")]


@pytest.mark.parametrize("ties", MODES)
def test_bad_rows_are_returned_one_by_one_and_the_others_stored(merger, ties):
    rows = [tick(0, 1),
            tick(0, 2, symbol="NOPE"),
            tick(0, 3, symbol="longer than twenty bytes"),
            tick(1, 4),
            (False, None, "BTC", 5.0, 1.0, None, None, "x"),
            (False, at(1), None, 6.0, 1.0, None, None, "x"),
            (False, at(2), "BTC", None, 1.0, None, None, "x"),
            (False, at(2), "BTC", 7.0, None, None, None, "x"),
            (False, at(2), "BTC", 7.0, 1.0, None, None, "x" * 51),
            (False, "infinity", "BTC", 8.0, 1.0, None, None, "x"),
            (True, "-infinity", "BTC", 8.0, 1.0, None, None, "x"),
            (True, "294276-12-31 23:59:59.999999+00", "NOPE", 8.0, 1.0, None, None, "x"),
            tick(2, 9)]
    assert merger.merge(ties, rows) == [
        (1, "rejected", "23503"), (2, "rejected", "22001"), (4, "rejected", "23502"), (5, "rejected", "23502"),
        (6, "rejected", "23502"), (7, "rejected", "23502"), (8, "rejected", "22001"), (9, "rejected", "22008"),
        (10, "rejected", "22008"), (11, "rejected", "22008")]
    assert merger.table() == [(0, 1), (1, 4), (2, 9)]


@pytest.mark.parametrize("row", [(False, "infinity", "BTC", 8.0, 1.0, None, None, "x"),
                                 (False, None, "BTC", 8.0, 1.0, None, None, "x"),
                                 (False, at(0), None, 8.0, 1.0, None, None, "x")])
def test_a_bad_row_alone_is_not_overlooked(merger, row):
    assert [outcome for _, outcome, _ in merger.merge("spread", [row])] == ["rejected"]


def test_what_the_database_says_of_a_bad_row_is_passed_on(merger):
    merger.stage([tick(0, 1, symbol="NOPE")])
    with merger.conn.cursor() as cursor:
        cursor.execute("SELECT detail FROM ingest_merge('spread')")
        detail = cursor.fetchone()[0]
    assert "violates foreign key constraint" in detail
    assert "(symbol)=(NOPE) is not present" in detail


def test_a_bad_row_leaves_its_microsecond_to_the_next(merger):
    merger.db.query("ALTER TABLE ticks ADD CHECK (price < 1000)")
    assert merger.merge("spread", [tick(0, 1), tick(0, 5000), tick(0, 2)]) == [(1, "rejected", "23514")]
    assert merger.table() == [(0, 1), (1, 2)]


def test_last_falls_back_to_the_last_good_row(merger):
    merger.db.query("ALTER TABLE ticks ADD CHECK (price < 1000)")
    merger.merge("last", [tick(0, 1)])
    assert merger.merge("last", [tick(0, 2), tick(0, 3), tick(0, 5000)]) == [
        (0, "dropped", None), (1, "replaced", None), (2, "rejected", "23514")]
    assert merger.table() == [(0, 3)]


def test_a_row_refused_by_a_trigger_of_the_operator_is_rejected(merger):
    merger.db.query("""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF new.price > 1000 THEN RAISE EXCEPTION 'too dear'; END IF; RETURN new; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON ticks FOR EACH ROW EXECUTE FUNCTION refuse()""")
    assert merger.merge("spread", [tick(0, 1), tick(0, 5000)]) == [(1, "rejected", "P0001")]


def test_errors_that_are_not_about_a_row_end_the_merge(merger):
    merger.stage([tick(0, 1), tick(0, 2)])
    merger.db.query("REVOKE INSERT ON ticks FROM tickd")
    with merger.conn.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("SELECT * FROM ingest_merge('spread')")
    merger.conn.rollback()
    assert merger.table() == []


@pytest.mark.parametrize("ties", MODES)
def test_a_unique_index_that_is_not_ours_ends_the_merge(merger, ties):
    """No other microsecond would help, and no tick may be dropped for it."""
    merger.db.query("CREATE UNIQUE INDEX ON ticks (price, time)")
    merger.stage([tick(0, 1, "BTC"), tick(0, 1, "ETH")])
    with merger.conn.cursor() as cursor, pytest.raises(psycopg2.errors.UniqueViolation):
        cursor.execute("SELECT * FROM ingest_merge(%s)", (ties,))
    merger.conn.rollback()


@pytest.mark.parametrize("ties", ["", "SPREAD", "newest", None])
def test_unknown_ties_are_refused(merger, ties):
    merger.stage([tick(0, 1)])
    with merger.conn.cursor() as cursor, pytest.raises(psycopg2.Error) as refused:
        cursor.execute("SELECT * FROM ingest_merge(%s)", (ties,))
    assert refused.value.pgcode == "TK002"


def test_nothing_staged_is_nothing_done(merger):
    assert merger.merge("spread", []) == []


def test_staging_is_emptied_by_merge_and_by_commit(merger):
    merger.merge("spread", [tick(0, 1)])
    merger.stage([tick(1, 2)])
    merger.conn.commit()
    assert merger.merge("spread", [tick(2, 3)]) == []
    with merger.conn.cursor() as cursor:
        merger.stage([tick(3, 4)])
        cursor.execute("SELECT * FROM ingest_merge('spread')")
        cursor.execute("SELECT * FROM ingest_merge('spread')")
    merger.conn.commit()
    assert merger.table() == [(0, 1), (2, 3), (3, 4)]


def test_what_is_rolled_back_leaves_nothing(merger):
    merger.stage([tick(0, 1), tick(0, 2)])
    with merger.conn.cursor() as cursor:
        cursor.execute("SELECT * FROM ingest_merge('spread')")
    merger.conn.rollback()
    assert merger.table() == []


def test_waits_for_a_key_that_another_session_is_about_to_take(merger):
    other = merger.db.session()
    with other.cursor() as cursor:
        cursor.execute("INSERT INTO ticks (time, symbol, price, volume) VALUES (%s, 'BTC', 1, 1)", (at(0),))
    returned = []
    thread = threading.Thread(target=lambda: returned.append(merger.merge("spread", [tick(0, 2), tick(0, 3)])))
    thread.start()
    wait_until(lambda: merger.db.count("pg_stat_activity", "wait_event_type = 'Lock' AND datname = %s",
                                       (merger.db.name,)), "the merge to wait")
    other.commit()
    thread.join()
    other.close()
    assert returned == [[]]
    assert merger.table() == [(0, 1), (1, 2), (2, 3)]


def test_a_clash_that_comes_up_in_the_middle_is_resolved_too(merger):
    """Free when looked at, taken when inserted: even then a batch without ties is not refused."""
    other = merger.db.session()
    with other.cursor() as cursor:
        cursor.execute("INSERT INTO ticks (time, symbol, price, volume) VALUES (%s, 'BTC', 1, 1)", (at(0),))
    returned = []
    thread = threading.Thread(target=lambda: returned.append(merger.merge("first", [tick(0, 2), tick(5, 3)])))
    thread.start()
    wait_until(lambda: merger.db.count("pg_stat_activity", "wait_event_type = 'Lock' AND datname = %s",
                                       (merger.db.name,)), "the merge to wait")
    other.commit()
    thread.join()
    other.close()
    assert returned == [[(0, "dropped", None)]]
    assert merger.table() == [(0, 1), (5, 3)]


def queries_of(db, count):
    """Rows of ticks and its indexes fetched by a merge of `count` ties on one key."""
    merger = Merger(db)
    merger.merge("spread", [tick(0, price) for price in range(count)])
    merger.conn.close()
    db.query("SELECT pg_stat_force_next_flush()")
    return db.one("SELECT coalesce(sum(idx_scan + idx_tup_fetch), 0) FROM pg_stat_all_tables"
                  " WHERE relname = 'ticks' OR relname LIKE '%_chunk'")


def test_many_ties_on_one_key_do_not_look_at_each_other(db):
    """348 is the most that recorded data had. 2,000 ties looking at all before them were 2 million."""
    assert queries_of(db, 2000) < 20_000


# --- against a model: the rules, one tick at a time

class Model:
    """What a tickd that never restarted would have: {symbol: {us: fields}}."""

    def __init__(self):
        self.ticks = {}
        self.snapshots = set()  # keys of rows that are snapshots, which the table does not tell
        self.stored = 0

    def merge(self, ties, rows):
        returned = {}
        holders = {}
        for seq, (snapshot, when, symbol, *fields) in enumerate(rows):
            returned[seq] = self._place(ties, seq, snapshot, (when - NOON) // STEP, symbol, fields,
                                        holders, returned)
        self.stored += len(rows) - sum(outcome is not None for outcome in returned.values())
        return [(seq, *outcome) for seq, outcome in returned.items() if outcome]

    def _place(self, ties, seq, snapshot, us, symbol, fields, holders, returned):
        if symbol == "NOPE":
            return ("rejected", "23503")
        table = self.ticks.setdefault(symbol, {})
        slot = us
        while ties == "spread" and slot in table:
            slot += 1
        quotes = [table[each] for each in range(us, slot if ties == "spread" else us + 1)
                  if (symbol, each) in self.snapshots]
        if snapshot and quotes and quotes[-1] == fields:
            return ("repeat", None)
        if slot not in table:
            outcome = None
        elif ties == "first":
            return ("dropped", None)
        elif (symbol, slot) in holders:
            loser = holders[symbol, slot]
            outcome, returned[loser] = returned[loser], ("dropped", None)
        else:
            outcome = ("replaced", None)
        table[slot] = fields
        (self.snapshots.add if snapshot else self.snapshots.discard)((symbol, slot))
        holders[symbol, slot] = seq
        return outcome

    def rows(self):
        return {(symbol, us, *fields) for symbol, table in self.ticks.items() for us, fields in table.items()}


def random_row(dice, bad, instants):
    price = dice.choice((1.0, 2.0))
    symbol = dice.choice(("BTC", "BTC", "BTC", "ETH", "SOL", *(["NOPE"] if bad else [])))
    return dice.choice((tick, canonical, quote, prices))(dice.randrange(instants), price, symbol)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ties", MODES)
def test_agrees_with_the_model(merger, ties, seed):
    dice = random.Random(f"{ties} {seed}")
    model = Model()
    for _ in range(25):
        bad = dice.random() < 0.3
        rows = [random_row(dice, bad, 12 if ties == "spread" else 2) for _ in range(dice.randrange(12))]
        assert merger.merge(ties, rows) == model.merge(ties, rows), rows
        stored = {(symbol, (time - NOON) // STEP, *fields) for time, symbol, *fields in merger.db.query(
            "SELECT time, symbol, price, volume, bid, ask, exchange FROM ticks")}
        assert stored == model.rows(), rows
        assert len(stored) == model.stored
        if ties == "spread" and len(stored) > 60:
            merger.db.query("DELETE FROM ticks")
            model.ticks.clear()
            model.snapshots.clear()
            model.stored = 0


class Memory:
    """What tickd remembers of recent keys, without a limit."""

    def __init__(self):
        self.taken = set()
        self.seen = {}

    def place(self, row):
        """How far ties move the row; None: it repeats the snapshot before it."""
        snapshot, when, symbol, *fields = row
        key = symbol, when
        if snapshot and self.seen.get(key) == fields:
            return None
        if snapshot:
            self.seen[key] = fields
        slot = when
        while (symbol, slot) in self.taken:
            slot += STEP
        self.taken.add((symbol, slot))
        return (slot - when) // STEP


@pytest.mark.parametrize("seed", range(6))
def test_whoever_restarts_stores_what_one_that_never_did_would(merger, seed):
    dice = random.Random(f"restarts {seed}")
    lasting, memory = Memory(), Memory()
    expected = set()
    for _ in range(30):
        if dice.random() < 0.4:
            memory = Memory()
        staged, moved, repeats = [], [], []
        for _ in range(dice.randrange(1, 12)):
            make, symbol = dice.choice((tick, canonical, quote, prices)), dice.choice(("BTC", "BTC", "ETH"))
            row = make(dice.choice((0, 0, 1000, 2000)), dice.choice((1, 2)), symbol)
            should, does = lasting.place(row), memory.place(row)
            if should is not None:
                expected.add((row[1] + should * STEP, symbol, *row[3:]))
            if does is None:
                assert should is None
                continue
            if should is None:
                repeats.append((len(staged), "repeat", None))
            staged.append(row)
            moved.append(does)
        assert merger.merge("spread", staged, moved=moved) == repeats
        assert set(merger.db.query("SELECT time, symbol, price, volume, bid, ask, exchange FROM ticks")) == expected
