# SPDX-License-Identifier: MIT
"""The foreign key once a batch: what its trigger guarantees row by row holds all the same.

Most tests play the transaction of a batch step by step, as src/copy.c sends it, against sessions
that delete pairs or make triggers at each moment between. On a plain table, on partitions, and on a
hypertable where the server offers TimescaleDB.
"""

import datetime
import io
import itertools
import re
import threading

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import pytest

from lib import daemon, schema
from lib.flow import Flow, canonical, now_ms
from lib.pg import Database
from lib.wait import wait_until

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL session_replication_role = replica"
CHECK = "SET LOCAL session_replication_role = DEFAULT; SELECT ingest_check_pairs(%s)"
DAY = datetime.datetime(2025, 11, 15, tzinfo=datetime.timezone.utc)
NEW_PAIR = ("INSERT INTO pairs (symbol, max_leverage, min_order_size, tick_size, category, whale_threshold_usd)"
            " VALUES (%s, 1, 1, 1, 'emerging', 1)")
ORPHANS = "SELECT count(*) FROM ticks LEFT JOIN pairs USING (symbol) WHERE pairs.symbol IS NULL"
PARTITIONED = """
    DROP TABLE ticks CASCADE;
    CREATE TABLE ticks (
        time timestamptz NOT NULL, symbol varchar(20) NOT NULL REFERENCES pairs (symbol), price float NOT NULL,
        volume float NOT NULL, bid float, ask float, exchange varchar(50) NOT NULL DEFAULT 'pacifica',
        PRIMARY KEY (time, symbol)) PARTITION BY RANGE (time);
    CREATE TABLE ticks_old PARTITION OF ticks FOR VALUES FROM (MINVALUE) TO ('2025-11-16 00:00+00')
        PARTITION BY RANGE (time);
    CREATE TABLE ticks_older PARTITION OF ticks_old FOR VALUES FROM (MINVALUE) TO ('2025-11-16 00:00+00');
    CREATE TABLE ticks_new PARTITION OF ticks FOR VALUES FROM ('2025-11-17 00:00+00') TO (MAXVALUE);
    GRANT SELECT, INSERT, UPDATE (price, volume, bid, ask, exchange) ON ticks TO tickd"""
FUNCTION = """CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO noted VALUES (NEW.symbol); RETURN NEW; END $$;
    CREATE TABLE noted (symbol text); GRANT INSERT ON noted TO tickd"""


def hypertable(request):
    """A database with the schema on TimescaleDB; skips if there is none."""
    cluster = request.getfixturevalue("pg_timescale")
    return Database(cluster, cluster.create_deployed())


@pytest.fixture(name="layout", params=["plain", "partitioned", "hypertable"])
def layout_fixture(request):
    """A database whose ticks is of that kind, with one row in it."""
    database = hypertable(request) if request.param == "hypertable" else request.getfixturevalue("db")
    if request.param == "partitioned":
        database.query(PARTITIONED)
    # So that the chunk is there: who makes one keeps others from changing pairs.
    database.query("INSERT INTO ticks VALUES (%s, 'ETH', 1, 1)", (DAY + datetime.timedelta(hours=1),))
    database.kind = request.param
    yield database
    database.close()


def leaf(database):
    """A table that holds rows of ticks and is not ticks itself; skips if there is none."""
    found = database.query("SELECT DISTINCT tableoid::regclass::text FROM ticks WHERE tableoid <> 'ticks'::regclass")
    if not found:
        pytest.skip("ticks is one table")
    return found[0][0]


class Batch:
    """One transaction of role tickd."""

    _hours = itertools.count()

    def __init__(self, database):
        self.conn = database.session(user="tickd", autocommit=True)
        self.pid = self.conn.info.backend_pid

    def run(self, sql, args=None):
        with self.conn.cursor() as cursor:
            cursor.execute(sql, args)

    def copy(self, *symbols, time=DAY):
        """Begins, and puts in a row of each."""
        second = next(self._hours)
        lines = [f"{time + datetime.timedelta(microseconds=second)}\t{symbol}\t1\t1" for symbol in symbols]
        self.run(BEGIN)
        with self.conn.cursor() as cursor:
            cursor.copy_expert("COPY ticks (time, symbol, price, volume) FROM STDIN", io.StringIO("\n".join(lines)))
        return self

    def check(self, *symbols):
        self.run(CHECK, (list(symbols),))
        return self

    def commit(self):
        self.run("COMMIT")
        return self

    def rollback(self):
        self.run("ROLLBACK")

    def close(self):
        self.conn.close()


@pytest.fixture(name="batch")
def batch_fixture(layout):
    made = Batch(layout)
    yield made
    made.close()


class Later:
    """A call in a thread of its own; what it raises is kept."""

    def __init__(self, function, *args):
        self.error = None
        self._thread = threading.Thread(target=self._run, args=(function, args), daemon=True)
        self._thread.start()

    def _run(self, function, args):
        try:
            function(*args)
        except psycopg2.Error as error:
            self.error = error

    def join(self):
        self._thread.join(60)
        assert not self._thread.is_alive(), "it still waits"
        return self.error


def wait_blocked(database, pid):
    wait_until(lambda: database.one("SELECT cardinality(pg_blocking_pids(%s)) > 0", (pid,)), "session to wait")


# --- a pair that goes

def test_batch_with_its_pairs_is_stored(layout, batch):
    batch.copy("BTC", "ETH").check("BTC", "ETH").commit()
    assert layout.count("ticks") == 3


def test_pair_deleted_before_the_check_is_missed(layout, batch):
    batch.copy("BTC", "SOL", "ETH")
    layout.query("DELETE FROM pairs WHERE symbol IN ('SOL', 'BTC')")
    with pytest.raises(psycopg2.errors.ForeignKeyViolation, match="BTC, SOL"):
        batch.check("SOL", "ETH", "BTC")
    batch.rollback()
    assert layout.count("ticks") == 1


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_pair_that_is_being_deleted_is_waited_for(layout, batch, ending):
    deleter = layout.session()
    with deleter.cursor() as cursor:
        cursor.execute("DELETE FROM pairs WHERE symbol = 'BTC'")
    batch.copy("BTC", "ETH")
    checking = Later(batch.check, "BTC", "ETH")
    wait_blocked(layout, batch.pid)
    getattr(deleter, ending)()
    deleter.close()
    error = checking.join()
    if ending == "rollback":
        assert error is None
        batch.commit()
    else:
        assert isinstance(error, psycopg2.errors.ForeignKeyViolation)
        batch.rollback()
    assert layout.one(ORPHANS) == 0
    assert layout.count("ticks") == (3 if ending == "rollback" else 1)


LEVELS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("change", ["DELETE FROM pairs WHERE symbol = 'BTC'",
                                    "UPDATE pairs SET symbol = 'XBT' WHERE symbol = 'BTC'"])
def test_pair_of_a_checked_batch_cannot_go(layout, batch, change, level):
    other = layout.session()
    other.set_session(isolation_level=level)
    with other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ticks")  # from here on it sees no new rows, at the higher levels
        batch.copy("BTC").check("BTC")
        changing = Later(cursor.execute, change)
        wait_blocked(layout, other.info.backend_pid)
        batch.commit()
        assert isinstance(changing.join(), (psycopg2.errors.ForeignKeyViolation,
                                            psycopg2.errors.SerializationFailure))
    other.close()
    assert layout.one(ORPHANS) == 0
    assert layout.count("ticks", "symbol = 'BTC'") == 1


def test_pair_of_a_batch_that_is_rolled_back_can_go(layout, batch):
    batch.copy("BTC").check("BTC")
    other = layout.session(autocommit=True)
    with other.cursor() as cursor:
        deleting = Later(cursor.execute, "DELETE FROM pairs WHERE symbol = 'BTC'")
        wait_blocked(layout, other.info.backend_pid)
        batch.rollback()
        assert deleting.join() is None
    other.close()
    assert layout.count("pairs", "symbol = 'BTC'") == 0


def test_other_columns_of_a_locked_pair_can_be_changed(layout, batch):
    batch.copy("BTC").check("BTC")
    layout.query("SET statement_timeout = '20s'; UPDATE pairs SET active = false WHERE symbol = 'BTC'")
    batch.commit()


def test_rows_of_a_pair_keep_it_afterwards(layout, batch):
    """Also in a chunk that was made while triggers were off."""
    batch.copy("BTC", time=DAY + datetime.timedelta(days=30)).check("BTC").commit()
    with pytest.raises(psycopg2.errors.ForeignKeyViolation):
        layout.query("DELETE FROM pairs WHERE symbol = 'BTC'")
    with pytest.raises(psycopg2.errors.ForeignKeyViolation):
        layout.query("INSERT INTO ticks VALUES (%s, 'NOPE', 1, 1)", (DAY + datetime.timedelta(days=30, hours=1),))


def test_without_the_check_there_would_be_orphans(layout, batch):
    """Else the others would prove nothing."""
    batch.copy("NOPE").commit()
    assert layout.one(ORPHANS) == 1


class Writers:
    """Sessions that write, each in a thread, a batch a day of the days to come, whatever becomes of it."""

    def __init__(self, database, count, days):
        self.errors = []
        self._database = database
        self._days = days
        self._threads = [Later(self._write, number) for number in range(count)]

    def _write(self, number):
        batch = Batch(self._database)
        for day in range(1, self._days + 1):
            try:
                batch.copy(f"N{number}", "ETH", "BTC", time=DAY + datetime.timedelta(days=day, hours=number))
                batch.check(f"N{number}", "ETH", "BTC").commit()
            except psycopg2.Error as error:
                self.errors.append(error)
                batch.rollback()
        batch.close()

    def join(self):
        """What went wrong, of each kind once."""
        for thread in self._threads:
            thread.join()
        return {type(error) for error in self.errors}


def deadlocks(database):
    return database.one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")


def test_no_deadlock_where_a_chunk_is_made_and_a_pair_deleted(layout):
    """By several writers at a time, while somebody deletes and adds pairs of theirs."""
    if layout.kind == "partitioned":
        pytest.skip("COPY makes no partitions")
    for number in range(3):
        layout.query(NEW_PAIR, (f"N{number}",))
    writers = Writers(layout, 3, days=15)
    changer = layout.session(user="postgres", autocommit=True)
    errors = set()
    with changer.cursor() as cursor:
        for number in range(60):
            symbol = f"N{number % 3}"
            try:
                cursor.execute("DELETE FROM pairs WHERE symbol = %s", (symbol,))
                cursor.execute(NEW_PAIR, (symbol,))
            except psycopg2.Error as error:
                errors.add(type(error))
    changer.close()
    assert writers.join() <= {psycopg2.errors.ForeignKeyViolation}
    assert errors <= {psycopg2.errors.ForeignKeyViolation}
    assert deadlocks(layout) == 0
    assert layout.one(ORPHANS) == 0


def test_no_deadlock_where_a_partition_is_made(layout):
    if layout.kind != "partitioned":
        pytest.skip("there are none")
    layout.query("DROP TABLE ticks_new")
    for number in range(3):
        layout.query(NEW_PAIR, (f"N{number}",))
    make_partition(layout, 1)
    writers = Writers(layout, 3, days=15)
    for day in range(2, 16):
        make_partition(layout, day)
    # A day may not have been there yet.
    assert writers.join() <= {psycopg2.errors.CheckViolation}
    assert deadlocks(layout) == 0
    assert layout.one(ORPHANS) == 0


def make_partition(database, day):
    start = DAY + datetime.timedelta(days=day)
    database.query(f"CREATE TABLE ticks_{day} PARTITION OF ticks FOR VALUES FROM ('{start}') TO"
                   f" ('{start + datetime.timedelta(days=1)}')")


# --- a trigger that comes

MAKE_TRIGGER = {
    "row": "CREATE TRIGGER note AFTER INSERT ON {} FOR EACH ROW EXECUTE FUNCTION note()",
    "statement": "CREATE TRIGGER note BEFORE INSERT OR DELETE ON {} FOR EACH STATEMENT EXECUTE FUNCTION note()",
    "always": "CREATE TRIGGER note AFTER INSERT ON {0} FOR EACH ROW EXECUTE FUNCTION note();"
              " ALTER TABLE {0} ENABLE ALWAYS TRIGGER note",
    "replica": "CREATE TRIGGER note AFTER INSERT ON {0} FOR EACH ROW EXECUTE FUNCTION note();"
               " ALTER TABLE {0} ENABLE REPLICA TRIGGER note",
    "disabled": "CREATE TRIGGER note AFTER INSERT ON {0} FOR EACH ROW EXECUTE FUNCTION note();"
                " ALTER TABLE {0} DISABLE TRIGGER note",
    "key": "CREATE TABLE exchanges (name varchar(50) PRIMARY KEY); INSERT INTO exchanges VALUES ('pacifica');"
           " ALTER TABLE {} ADD FOREIGN KEY (exchange) REFERENCES exchanges",
    "deferrable": "ALTER TABLE {} ADD UNIQUE (symbol, time) DEFERRABLE",
    "off": "ALTER TABLE {} DISABLE TRIGGER ALL",
}


@pytest.mark.parametrize("made", MAKE_TRIGGER)
def test_trigger_that_was_switched_off_is_noticed(layout, batch, made):
    if layout.kind == "hypertable" and made == "deferrable":
        pytest.skip("a hypertable takes no deferrable constraint")
    layout.query(FUNCTION)
    layout.query(MAKE_TRIGGER[made].format("ticks"))
    batch.copy("BTC")
    with pytest.raises(psycopg2.Error) as caught:
        batch.check("BTC")
    assert caught.value.pgcode == "TK003"


def test_trigger_of_a_chunk_is_noticed_where_it_would_fire(layout, batch):
    layout.query(FUNCTION)
    layout.query(MAKE_TRIGGER["row"].format(leaf(layout)))
    batch.copy("BTC", time=DAY + datetime.timedelta(days=30)).check("BTC").commit()
    batch.copy("BTC")
    with pytest.raises(psycopg2.Error) as caught:
        batch.check("BTC")
    assert caught.value.pgcode == "TK003"


@pytest.mark.parametrize("event", ["UPDATE", "DELETE", "TRUNCATE"])
def test_triggers_of_other_events_do_not_matter(layout, batch, event):
    if layout.kind == "hypertable" and event == "TRUNCATE":
        pytest.skip("a hypertable takes no such trigger")
    layout.query(FUNCTION)
    layout.query(f"CREATE TRIGGER note BEFORE {event} ON ticks FOR EACH STATEMENT EXECUTE FUNCTION note()")
    batch.copy("BTC").check("BTC").commit()


def test_event_trigger_is_noticed_where_a_chunk_was_made(layout, batch):
    layout.query("CREATE FUNCTION ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;"
                 " CREATE EVENT TRIGGER ddl ON ddl_command_end EXECUTE FUNCTION ddl()")
    batch.copy("BTC").check("BTC").commit()
    batch.copy("BTC", time=DAY + datetime.timedelta(days=30))
    if layout.kind != "hypertable":
        batch.check("BTC").commit()
        return
    with pytest.raises(psycopg2.Error) as caught:
        batch.check("BTC")
    assert caught.value.pgcode == "TK003"
    batch.rollback()
    layout.query("ALTER EVENT TRIGGER ddl DISABLE")
    batch.copy("BTC", time=DAY + datetime.timedelta(days=30)).check("BTC").commit()


def test_trigger_waits_for_the_batch(layout, batch):
    """No trigger comes between COPY and COMMIT, so none is missed by rows that are already in."""
    layout.query(FUNCTION)
    batch.copy("BTC")
    tables = ["ticks"] if layout.kind == "plain" else ["ticks", leaf(layout)]
    for table in tables:
        maker = layout.session()
        with maker.cursor() as cursor:
            cursor.execute("SET lock_timeout = 100")
            with pytest.raises(psycopg2.errors.LockNotAvailable):
                cursor.execute(MAKE_TRIGGER["row"].format(table))
        maker.close()
    batch.check("BTC").commit()


def test_check_refuses_a_snapshot_that_may_be_old(layout, batch):
    batch.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
    with pytest.raises(psycopg2.Error) as caught:
        batch.check("BTC")
    assert caught.value.pgcode == "TK003"


# --- what tickd makes of it

REASONS = {
    "": "once a batch: it is safe here; batches of fewer than 128 rows go row by row",
    FUNCTION + "; " + MAKE_TRIGGER["row"].format("ticks"): "row by row: trigger note on ticks would be switched off",
    MAKE_TRIGGER["key"].format("ticks"): r"row by row: trigger \S+ on ticks would be switched off",
    MAKE_TRIGGER["deferrable"].format("ticks"): r"row by row: trigger \S+ on ticks would be switched off",
    MAKE_TRIGGER["off"].format("ticks"): r"row by row: trigger \S+ on ticks would be switched off",
    PARTITIONED: "once a batch",
    PARTITIONED + "; " + FUNCTION + "; " + MAKE_TRIGGER["row"].format("ticks_older"):
        "row by row: trigger note on ticks_older would be switched off",
    "REVOKE UPDATE (updated_at) ON pairs FROM tickd":
        r"row by row: role tickd may not lock pairs \(no UPDATE on any column\)",
    "REVOKE EXECUTE ON FUNCTION ingest_check_pairs FROM tickd":
        r"row by row: role tickd may not call ingest_check_pairs\(\)",
    "DROP FUNCTION ingest_check_pairs": r"row by row: function ingest_check_pairs\(\) is missing",
    "ALTER TABLE ticks DROP CONSTRAINT ticks_symbol_fkey": "row by row: ticks has no foreign key to pairs",
    "ALTER TABLE ticks DROP CONSTRAINT ticks_symbol_fkey;"
    " ALTER TABLE ticks ADD CONSTRAINT f FOREIGN KEY (symbol) REFERENCES pairs ON DELETE CASCADE":
        r"row by row: foreign key f is of another kind \(symbol = symbol, immediate, cascade\)",
    "ALTER TABLE ticks DROP CONSTRAINT ticks_symbol_fkey;"
    " ALTER TABLE ticks ADD CONSTRAINT f FOREIGN KEY (symbol) REFERENCES pairs ON UPDATE CASCADE": "row by row: .*immediate, cascade",
    "ALTER TABLE ticks ALTER CONSTRAINT ticks_symbol_fkey DEFERRABLE": "row by row: .*deferrable",
    "ALTER TABLE pairs ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON pairs USING (true)":
        "row by row: row security hides pairs from role tickd",
}


@pytest.fixture(name="flow")
def flow_fixture(db, mock, tickd):
    return Flow(db, mock, tickd, partitions=2, batch_rows=1000).create_topic()


@pytest.fixture(name="decide")
def decide_fixture(flow, scratch):
    """decide(...): what `tickd check` says about it."""
    def run(**more):
        done = daemon.run("check", config={**flow.config, **more}, scratch=scratch)
        lines = [line.split(None, 2)[2] for line in done.stdout.splitlines() if " fk_check " in line]
        assert len(lines) == 1, done.stdout + done.stderr
        return lines[0]
    return run


@pytest.mark.parametrize("sql", REASONS, ids=range(len(REASONS)))
def test_auto_decides_and_says_why(db, decide, sql):
    db.query(sql or "SELECT")
    assert re.match(REASONS[sql], decide())


def test_batch_is_refused_where_it_is_not_safe(db, decide):
    db.query(FUNCTION + "; " + MAKE_TRIGGER["row"].format("ticks"))
    assert decide(fk_check="batch") == ("is batch, which is not possible here: trigger note on ticks would be"
                                        " switched off")
    assert decide(fk_check="row") == "row by row: fk_check = row"


def test_right_to_set_the_parameter_is_looked_for(pg_private, mock, scratch):
    """Deployed by somebody who may not give it; then given."""
    pg_private.query("CREATE ROLE deployer LOGIN CREATEROLE CREATEDB")
    dbname = pg_private.create_database()
    pg_private.query(f"ALTER DATABASE {dbname} OWNER TO deployer; CREATE ROLE tickd LOGIN NOINHERIT")
    for change in schema.changes():
        pg_private.psql_file(f"sql/deploy/{change}.sql", dbname, "deployer")
    for change in schema.changes():
        pg_private.psql_file(f"sql/verify/{change}.sql", dbname, "deployer")

    def decide(wanted):
        config = {"database_url": pg_private.dsn(dbname, "tickd"), "kafka.bootstrap.servers": mock.bootstrap,
                  "require_hypertable": "no", "fk_check": wanted}
        return daemon.run("check", config=config, scratch=scratch).stdout

    assert "row by row: role tickd may not set session_replication_role" in decide("auto")
    assert "is batch, which is not possible here: role tickd may not set session_repl" in decide("batch")
    pg_private.query("GRANT SET ON PARAMETER session_replication_role TO tickd")
    assert "once a batch: it is safe here" in decide("auto")
    for change in reversed(schema.changes()):
        pg_private.psql_file(f"sql/revert/{change}.sql", dbname, "deployer")


def calls(db):
    """How often pairs were checked at once; 0 before the first time."""
    return db.one("SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = 'ingest_check_pairs'")


@pytest.mark.parametrize("wanted", ["auto", "batch"])
def test_backlog_is_checked_once_a_batch(db, flow, wanted):
    db.query(f'ALTER DATABASE "{db.name}" SET track_functions = pl')
    flow.send_ticks(5000)
    flow.start(fk_check=wanted)
    flow.daemon.wait_log('event=fk_check .*how="once a batch"')
    flow.wait_consumed()
    flow.daemon.stop()  # a session's statistics are complete when it ends
    flow.check()
    wait_until(lambda: 5 <= calls(db) <= 20, "one call a batch", detail=lambda: calls(db))


@pytest.mark.parametrize("wanted", ["auto", "row"])
def test_few_rows_and_fk_check_row_leave_it_to_the_trigger(db, flow, wanted):
    db.query(f'ALTER DATABASE "{db.name}" SET track_functions = pl')
    flow.start(fk_check=wanted, batch_rows=100 if wanted == "auto" else 1000)
    flow.send_ticks(1000)
    flow.wait_consumed()
    flow.daemon.stop()
    flow.check()
    assert calls(db) == 0


def test_demanded_where_it_is_not_safe_nothing_is_written_until_it_is(db, flow):
    db.query(FUNCTION + "; " + MAKE_TRIGGER["row"].format("ticks"))
    flow.send_ticks(100)
    flow.start(fk_check="batch", schema_check_interval_ms=100)
    flow.daemon.wait_log("event=schema_incomplete .*fk_check: is batch, which is not possible here: trigger note")
    flow.daemon.wait_log("waiting for schema")
    assert db.count("ticks") == 0
    db.query("DROP TRIGGER note ON ticks")
    flow.wait_consumed()
    flow.check()
    assert db.count("noted") == 0


def test_pairs_that_come_and_go_under_load(db, flow):
    """No orphan, and each tick stored or dead-lettered as unknown_symbol, in books that agree."""
    symbols = [f"G{number}" for number in range(8)]
    flow.start(fk_check="batch", linger_ms=0, pairs_refresh_min_ms=10)
    sent = 0
    tally = {"gone": 0, "kept": 0}
    for turn in range(40):
        symbol = symbols[turn % len(symbols)]
        db.query(NEW_PAIR + " ON CONFLICT DO NOTHING", (symbol,))
        base = now_ms()
        for number in range(300):
            name = symbol if number % 10 == 9 else "BTC"
            flow.send_raw(canonical(name, 1, base + number, sent), partition=number % 2)
            sent += 1
        flow.flush()
        if turn % 2:  # else while all of that is on its way in
            flow.daemon.wait_until(lambda: db.count("ticks", f"symbol = '{symbol}'"), "the first of its ticks")
        try:
            db.query("DELETE FROM pairs WHERE symbol = %s", (symbol,))
            tally["gone"] += 1
        except psycopg2.errors.ForeignKeyViolation:
            tally["kept"] += 1
        assert db.one(ORPHANS) == 0
    flow.wait_consumed()
    assert db.one(ORPHANS) == 0
    _, stored, rejected, ignored, dropped = flow.counts()
    assert (stored + rejected, ignored, dropped) == (sent, 0, 0)
    assert db.count("ticks") == stored
    assert db.count("rejected_ticks") == rejected
    assert db.query("SELECT DISTINCT reason FROM rejected_ticks") in ([], [("unknown_symbol",)])
    assert db.count("ticks", "symbol = 'BTC'") == sent * 9 // 10
    assert tally["gone"] > 0 and tally["kept"] > 0, tally
    assert rejected > 0  # or no pair went while its ticks were on their way


def test_trigger_that_comes_under_load_misses_nothing(db, flow):
    """It fires for each row that is committed after it."""
    db.query(FUNCTION)
    flow.send_ticks(20000)
    flow.flush()
    flow.start(linger_ms=0, schema_check_interval_ms=200)
    flow.daemon.wait_log('event=fk_check .*how="once a batch"')
    flow.daemon.wait_until(lambda: db.count("ticks") > 2000, "some ticks")
    maker = db.session()
    with maker.cursor() as cursor:
        cursor.execute(MAKE_TRIGGER["row"].format("ticks"))  # nobody writes from here on, until it is there
        cursor.execute("SELECT count(*) FROM ticks")
        before = cursor.fetchone()[0]
    maker.commit()
    maker.close()
    flow.send_ticks(1000)
    flow.wait_consumed()
    flow.check()
    assert db.count("noted") == 21000 - before
    flow.daemon.wait_log('event=fk_check .*how="row by row" reason="trigger note on ticks would be switched off"')
    mark = flow.daemon.mark()
    db.query("DROP TRIGGER note ON ticks")
    flow.daemon.wait_log('event=fk_check .*how="once a batch"', since=mark)


def test_right_that_goes_under_load_is_done_without(db, flow):
    flow.start(linger_ms=0)
    flow.daemon.wait_log('event=fk_check .*how="once a batch"')
    flow.send_ticks(10000)
    flow.flush()
    flow.daemon.wait_until(lambda: db.count("ticks") > 1000, "some ticks")
    db.query("REVOKE EXECUTE ON FUNCTION ingest_check_pairs FROM tickd")
    flow.send_ticks(3000)
    flow.wait_consumed()
    flow.check()
    flow.daemon.wait_log(r'event=fk_check .*reason="role tickd may not call ingest_check_pairs\(\)"')
