# SPDX-License-Identifier: MIT
"""The same changes on TimescaleDB: natively where the server offers it, and as WebAssembly."""

import re
import subprocess

import pytest

from lib import programs, schema, wasm
from lib.pg import Database


def stage(rows):
    """Begins a transaction and stages rows that no tie has moved."""
    return ("BEGIN; SELECT ingest_staging(); INSERT INTO tickd_staging (seq, snapshot, time, symbol, price, volume, bid,"
            f" ask, exchange) VALUES {rows}; UPDATE tickd_staging SET event_time = time")


class Native(Database):
    """Speaks like WasmDatabase: rows as text, one session."""

    def query(self, sql, args=None):
        # psycopg2 takes a script only without parameters; "%" is then itself.
        rows = super().query(sql, args)
        return [tuple(None if value is None else str(value) for value in row) for row in rows]

    def run_changes(self, what):
        getattr(schema, what)(self.cluster, self.name)


@pytest.fixture(scope="module")
def shared_wasm(scratch):
    """It takes seconds to come up, and no time to be emptied again."""
    reason = wasm.missing()
    if reason:
        pytest.skip(reason)
    database = wasm.WasmDatabase(scratch)
    yield database
    database.close()


@pytest.fixture
def native(pg_timescale):
    """An empty database whose server has the extension."""
    database = Native(pg_timescale, pg_timescale.create_database())
    yield database
    database.close()
    pg_timescale.drop_database(database.name)


@pytest.fixture(name="empty", params=["native", "wasm"])
def empty_fixture(request):
    """A database without the schema; what the test deployed is reverted."""
    is_wasm = request.param == "wasm"
    database = request.getfixturevalue("shared_wasm" if is_wasm else "native")
    yield database
    database.query("ROLLBACK; RESET ROLE; SET search_path = public; RESET timezone")
    if is_wasm and database.query("SELECT to_regclass('pairs')::text") == [("pairs",)]:
        database.run_changes("revert")


@pytest.fixture(name="hyper")
def hyper_fixture(empty):
    """A database with the schema."""
    empty.run_changes("deploy")
    return empty


def test_changes_deploy_verify_and_revert(empty):
    for _ in range(2):
        empty.run_changes("deploy")
        empty.run_changes("verify")
        assert empty.query("SELECT hypertable_name, time_interval::text FROM timescaledb_information.dimensions") \
            == [("ticks", "1 day")]
        # The extension's, not the stand-ins.
        assert empty.query("SELECT count(*) FROM pg_proc p WHERE proname IN ('time_bucket', 'first', 'last')"
                           " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
                           ) == [("0",)]
        empty.run_changes("revert")
        assert empty.query("SELECT count(*) FROM pg_class c WHERE relnamespace = 'public'::regnamespace"
                           " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"
                           ) == [("0",)]
        assert empty.query("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'") == [("1",)]


def test_verify_refuses_a_plain_table_where_the_extension_is(hyper):
    with open(schema.SQL_DIR + "/verify/ticks.sql", encoding="utf-8") as file:
        verify = file.read()
    hyper.query(verify)
    hyper.query("BEGIN; DROP VIEW candles_15m_ohlcv; ALTER TABLE ticks RENAME TO hyper_ticks;"
                " CREATE TABLE ticks (LIKE hyper_ticks INCLUDING ALL, FOREIGN KEY (symbol) REFERENCES pairs)")
    with pytest.raises(Exception, match="should be a hypertable"):
        hyper.query(verify)


def test_tickd_makes_chunks_by_day_and_merges_across_them(hyper):
    """As role tickd, which has no rights on chunks or the extension's catalog."""
    hyper.query("SET ROLE tickd; SET search_path = public, pg_temp")
    hyper.query(stage("""
        (0, false, '2025-11-15 23:59:59.999999+00', 'BTC', 1, 1, null, null, 'x'),
        (1, false, '2025-11-15 23:59:59.999999+00', 'BTC', 2, 1, null, null, 'x'),
        (2, false, '2025-11-16 00:00:00+00',        'BTC', 3, 1, null, null, 'x'),
        (3, true,  '2025-11-15 12:00:00+00',        'ETH', 4, 0, 3.5,  4.5,  'x')"""))
    assert hyper.query("SELECT * FROM ingest_merge('spread')") == []
    hyper.query("COMMIT; " + stage("""
        (0, true,  '2025-11-15 12:00:00+00', 'ETH',  4, 0, 3.5,  4.5,  'x'),
        (1, false, '2025-11-16 00:00:00+00', 'NOPE', 3, 1, null, null, 'x'),
        (2, false, '2025-11-15 23:59:59.999999+00', 'BTC', 5, 1, null, null, 'x')"""))
    assert hyper.query("SELECT seq, outcome, sqlstate FROM ingest_merge('spread')") == [
        ("0", "repeat", None), ("1", "rejected", "23503")]
    hyper.query("COMMIT; RESET ROLE")
    assert hyper.query("SELECT symbol, (time AT TIME ZONE 'UTC')::text, price::int FROM ticks ORDER BY symbol, time") == [
        ("BTC", "2025-11-15 23:59:59.999999", "1"), ("BTC", "2025-11-16 00:00:00", "2"),
        ("BTC", "2025-11-16 00:00:00.000001", "3"), ("BTC", "2025-11-16 00:00:00.000002", "5"),
        ("ETH", "2025-11-15 12:00:00", "4")]
    assert hyper.query("SELECT count(*) FROM timescaledb_information.chunks") == [("2",)]


@pytest.mark.parametrize("ties, wanted", [
    ("first", ([("0", "dropped"), ("2", "dropped")], [("1",), ("20",)])),
    ("last", ([("0", "replaced"), ("1", "dropped")], [("10",), ("21",)])),
])
def test_first_and_last_on_chunks(hyper, ties, wanted):
    hyper.query("INSERT INTO ticks (time, symbol, price, volume) VALUES ('2025-11-15', 'BTC', 1, 1)")
    hyper.query("SET ROLE tickd; SET search_path = public, pg_temp; " + stage("""
        (0, false, '2025-11-15', 'BTC', 10, 1, null, null, 'x'),
        (1, false, '2025-11-17', 'BTC', 20, 1, null, null, 'x'),
        (2, false, '2025-11-17', 'BTC', 21, 1, null, null, 'x')"""))
    returned = hyper.query(f"SELECT seq, outcome FROM ingest_merge('{ties}')")
    hyper.query("COMMIT; RESET ROLE")
    assert (returned, hyper.query("SELECT price::int FROM ticks ORDER BY time")) == wanted


def test_bad_times_make_no_chunk(hyper):
    hyper.query("SET ROLE tickd; SET search_path = public, pg_temp; " + stage("""
        (0, false, 'infinity',   'BTC', 1, 1, null, null, 'x'),
        (1, false, '-infinity',  'BTC', 1, 1, null, null, 'x'),
        (2, false, '2025-11-15', 'NOPE', 1, 1, null, null, 'x')"""))
    assert hyper.query("SELECT seq, outcome, sqlstate FROM ingest_merge('last')") == [
        ("0", "rejected", "22008"), ("1", "rejected", "22008"), ("2", "rejected", "23503")]
    hyper.query("COMMIT; RESET ROLE")
    assert hyper.query("SELECT count(*) FROM timescaledb_information.chunks") == [("0",)]


BUCKETS = """
    SELECT b::text, t::text, (time_bucket(b, t) AT TIME ZONE 'UTC')::text
    FROM unnest(ARRAY['1 microsecond', '1 second', '15 minutes', '1 hour', '1 day', '1 week']::interval[]) AS b,
         unnest(ARRAY['2000-01-03', '2000-01-02 23:59:59.999999', '2000-01-01', '2025-11-15 16:45:36.209097',
                      '2025-11-15 16:45', '2025-11-15 16:44:59.999999', '2038-01-19 03:14:08']::timestamp[]) AS n,
         LATERAL (SELECT n AT TIME ZONE 'UTC' AS t) AS u
    ORDER BY 1, 2"""
EDGES = """
    SELECT g, first(v, t)::text, last(v, t)::text FROM (VALUES
        ('order', 2.5::float, '2025-11-15 12:02+00'::timestamptz), ('order', 1.5, '2025-11-15 12:01+00'),
        ('order', 3.5, '2025-11-15 12:03+00'),
        ('no time', 1, null), ('null value', null, '2025-11-15 12:01+00'), ('null value', 2, '2025-11-15 12:02+00'),
        ('some times', 1, null), ('some times', 2, '2025-11-15 12:02+00'),
        ('nan', 'nan', '2025-11-15 12:02+00')) AS x (g, v, t)
    GROUP BY g ORDER BY g"""


def test_stand_ins_agree_with_timescaledb(hyper, pg_factory):
    """On a server without the extension, or one that is made to go without."""
    plain = Native(pg_factory(shared_preload_libraries="''"), "postgres")
    plain.run_changes("deploy")
    plain.run_changes("verify")
    assert plain.query("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'") == [("0",)]
    for database in (plain, hyper):
        database.query("SET timezone = 'UTC'")
    assert plain.query(BUCKETS) == hyper.query(BUCKETS)
    assert plain.query(EDGES) == hyper.query(EDGES)
    plain.close()


def sizes(database):
    """What tickd asks for, as role tickd: (bytes of ticks, chunks)."""
    sql = subprocess.run([programs.path("pg_live"), "--stats-sql"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    database.query("BEGIN; SET LOCAL ROLE tickd; SET LOCAL search_path = public, pg_temp")
    row = database.query(sql)[0]
    database.query("ROLLBACK")
    return int(row[1]), int(row[2])


def two_days(database):
    database.query("INSERT INTO ticks (time, symbol, price, volume)"
                   " VALUES ('2025-11-15', 'BTC', 1, 1), ('2025-11-16', 'BTC', 2, 1)")


def test_role_tickd_is_told_the_size_with_that_of_chunks(hyper):
    empty_bytes, chunks = sizes(hyper)
    assert chunks == 0
    two_days(hyper)
    in_chunks = hyper.query("SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits"
                            " WHERE inhparent = 'ticks'::regclass")
    assert sizes(hyper) == (empty_bytes + int(in_chunks[0][0]), 2)


@pytest.fixture(name="elsewhere", params=["native", "wasm"])
def elsewhere_fixture(request, scratch):
    """An empty database with the extension in a schema of its own."""
    if request.param == "native":
        database = request.getfixturevalue("native")
        database.query("CREATE SCHEMA ts; CREATE EXTENSION timescaledb SCHEMA ts")
        yield database
        return
    reason = wasm.missing()
    if reason:
        pytest.skip(reason)
    database = wasm.WasmDatabase(scratch, "ts")
    yield database
    database.close()


def test_the_extension_may_live_in_another_schema(elsewhere):
    for what in ("deploy", "verify"):
        elsewhere.run_changes(what)
    elsewhere.query("SELECT * FROM candles_15m_ohlcv")
    assert elsewhere.query("SELECT hypertable_name FROM timescaledb_information.hypertables") == [("ticks",)]
    two_days(elsewhere)
    assert sizes(elsewhere)[1] == 2
    elsewhere.run_changes("revert")


def test_a_merge_opens_the_chunks_of_its_own_rows_only(native):
    """Else it takes milliseconds a row where ticks of some years are."""
    native.run_changes("deploy")
    native.query("INSERT INTO ticks (time, symbol, price, volume)"
                 " SELECT '2024-01-01'::timestamptz + n * interval '1 day', 'BTC', 1, 1 FROM generate_series(1, 30) n")
    for ties in ("spread", "first", "last"):
        native.query(stage(", ".join(
            f"({n}, {n % 2 == 0}, '2024-01-20', 'BTC', {n}, 1, 1, 1, 'x')" for n in range(20))))
        native.query(f"SELECT * FROM ingest_merge('{ties}')")
        opened = native.query("SELECT count(DISTINCT relation) FROM pg_locks JOIN pg_class c ON c.oid = relation"
                              " WHERE pid = pg_backend_pid() AND relname ~ '^_hyper_[0-9]+_[0-9]+_chunk$'")
        # Its own, and the one that begins where the day ends.
        assert int(opened[0][0]) <= 2
        native.query("ROLLBACK")


def test_moving_a_plain_table_to_timescaledb_as_documented(pg_factory, pg_timescale, scratch):
    """The SQL of docs/schema.md, section "From plain PostgreSQL to TimescaleDB"."""
    del pg_timescale  # it is offered
    cluster = pg_factory(shared_preload_libraries="''")
    plain = Native(cluster, "postgres")
    plain.run_changes("deploy")
    plain.query("INSERT INTO ticks (time, symbol, price, volume) VALUES ('2025-11-15', 'BTC', 1, 1),"
                " ('2025-11-16', 'BTC', 2, 1)")
    plain.query("ALTER SYSTEM SET shared_preload_libraries = timescaledb")
    plain.close()
    cluster.restart()
    with open(schema.ROOT + "/docs/schema.md", encoding="utf-8") as file:
        section = file.read().split("## From plain PostgreSQL to TimescaleDB")[1]
    script = re.search(r"```sql\n(.*?)```", section, re.DOTALL).group(1)
    # As an operator would paste it into psql, in the root of the project.
    path = scratch.dir("adopt") + "/adopt.sql"
    with open(path, "w", encoding="utf-8") as file:
        file.write(script)
    cluster.psql_file(path)
    plain.run_changes("verify")
    assert plain.query("SELECT price::int FROM ticks ORDER BY time") == [("1",), ("2",)]
    assert plain.query("SELECT count(*) FROM timescaledb_information.chunks") == [("2",)]
    assert len(plain.query("SELECT * FROM candles_15m_ohlcv")) == 2
    plain.run_changes("revert")
    plain.close()
