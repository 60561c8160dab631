# SPDX-License-Identifier: MIT
"""The schema check on real databases: whole, half, none; rights missing; hypertables."""

import os
import subprocess

import pytest

from lib import programs, schema, wasm
from lib.live import Live
from lib.pg import Database

USABLE = "schema usable=1 hypertable=0 timescaledb="
ROLE_OF_OURS = "role tickd has no"


@pytest.fixture(name="check")
def check_fixture(scratch, show_log):
    """check(database, *options): findings, and the last line."""
    made = []

    def run(database, *options, user="tickd"):
        live = Live(scratch, database.dsn(user))
        made.append(live)
        show_log(live.log)
        live.wait("up ")
        last = live.ask(" ".join(["schema", *options]), "schema ")
        return [event[len("finding "):] for event in live.events if event.startswith("finding ")], last

    yield run
    for live in made:
        live.close()


def test_deployed_schema_has_no_finding(db, check):
    assert check(db, "strict", "last") == ([], USABLE)


def test_superuser_has_all_it_takes(db, check):
    assert check(db, "strict", "last", user="postgres") == ([], USABLE)


def test_empty_database_names_everything(pg, check):
    pg.create_deployed("unused")  # so that the role is there
    empty = Database(pg, pg.create_database())
    findings, last = check(empty)
    fatal = [finding for finding in findings if finding.startswith("fatal")]
    assert fatal == [f"fatal {name}: missing" for name in (
        "pairs", "ticks", "ingest_offsets", "rejected_ticks", "ingest_gaps", "ingest_start()",
        "ingest_advance()", "ingest_jump()", "ingest_staging()", "ingest_merge()")]
    assert 'warning search_path: is "$user", public for role tickd in database ' + empty.name in findings
    assert "usable=0" in last
    pg.drop_database(empty.name)
    pg.drop_database("unused")


def test_half_a_schema(pg, check):
    pg.create_deployed("unused")
    half = Database(pg, pg.create_database())
    schema.deploy(pg, half.name, upto="ticks")
    pg.query("GRANT SELECT ON pairs TO tickd", dbname=half.name)
    findings, last = check(half)
    assert f"fatal ticks: {ROLE_OF_OURS} SELECT privilege" in findings
    assert f"fatal ticks: {ROLE_OF_OURS} INSERT privilege" in findings
    assert "fatal ingest_offsets: missing" in findings
    assert "warning orders: missing" in findings
    assert not [finding for finding in findings if "pairs" in finding]
    assert "usable=0" in last
    pg.drop_database(half.name)
    pg.drop_database("unused")


# Each change, and the findings it makes, all of them.
BREAKING = {
    "ALTER TABLE ticks DROP COLUMN ask": ["fatal ticks.ask: missing"],
    "ALTER TABLE ticks ALTER price TYPE numeric":
        ["fatal ticks.price: is numeric, expected double precision"],
    "ALTER TABLE ticks ALTER exchange TYPE varchar(10)":
        ["warning ticks.exchange: holds 10 characters, expected 50"],
    "ALTER TABLE ticks ADD source text NOT NULL":
        ["fatal ticks.source: is NOT NULL without a default, and tickd does not fill it"],
    "ALTER TABLE ticks ADD source text NOT NULL DEFAULT ''": [],
    "ALTER TABLE ticks ADD row_id bigint GENERATED ALWAYS AS IDENTITY": [],
    "ALTER TABLE ticks ADD mid float NOT NULL GENERATED ALWAYS AS ((bid + ask) / 2) STORED": [],
    "ALTER TABLE ticks DROP CONSTRAINT ticks_pkey":
        ["fatal ticks: has no primary key (time, symbol)"],
    "ALTER TABLE ticks DROP CONSTRAINT ticks_pkey; CREATE UNIQUE INDEX ON ticks (symbol, time)": [],
    "ALTER TABLE ticks DROP CONSTRAINT ticks_pkey; CREATE UNIQUE INDEX ON ticks (symbol, time, price)":
        ["fatal ticks: has no primary key (time, symbol)"],
    "ALTER TABLE ticks DROP CONSTRAINT ticks_pkey;"
    " CREATE UNIQUE INDEX ON ticks (symbol, time) WHERE price > 0":
        ["fatal ticks: has no primary key (time, symbol)"],
    "ALTER TABLE ticks DROP CONSTRAINT ticks_pkey;"
    " ALTER TABLE ticks ADD PRIMARY KEY (symbol, time) INCLUDE (price)": [],
    "ALTER TABLE ticks DROP CONSTRAINT ticks_symbol_fkey": ["warning ticks: has no foreign key to pairs"],
    "DROP VIEW candles_15m_ohlcv": ["warning candles_15m_ohlcv: missing"],
    "DROP FUNCTION ingest_merge": ["fatal ingest_merge(): missing"],
    "ALTER FUNCTION ingest_staging SET SCHEMA pg_catalog": [],
    "DROP FUNCTION ingest_jump; CREATE FUNCTION ingest_jump(text) RETURNS void LANGUAGE sql AS ''":
        ["fatal ingest_jump(): takes other arguments, expected"
         " (text,text,text,integer,bigint,bigint,text)"],
    "REVOKE EXECUTE ON FUNCTION ingest_merge FROM tickd":
        [f"fatal ingest_merge(): {ROLE_OF_OURS} EXECUTE privilege"],
    "REVOKE SELECT ON pairs FROM tickd": [f"fatal pairs: {ROLE_OF_OURS} SELECT privilege"],
    "REVOKE SELECT ON pairs FROM tickd; GRANT SELECT (symbol, active, display_name) ON pairs TO tickd":
        [f"fatal pairs.category: {ROLE_OF_OURS} SELECT privilege"],
    "REVOKE INSERT ON ticks FROM tickd": [f"fatal ticks: {ROLE_OF_OURS} INSERT privilege"],
    "REVOKE UPDATE ON ingest_offsets FROM tickd":
        [f"fatal ingest_offsets: {ROLE_OF_OURS} UPDATE privilege"],
    "REVOKE INSERT ON rejected_ticks FROM tickd":
        [f"fatal rejected_ticks: {ROLE_OF_OURS} INSERT privilege"],
    "REVOKE UPDATE (price) ON ticks FROM tickd": [f"fatal ticks.price: {ROLE_OF_OURS} UPDATE privilege"],
}


@pytest.mark.parametrize("sql", BREAKING)
def test_change_is_found_and_nothing_else(db, check, sql):
    superuser = db.session(autocommit=True)
    with superuser.cursor() as cursor:
        # The view would hold on to columns of ticks: a table stands in for it.
        cursor.execute("SET allow_system_table_mods = on; DROP VIEW candles_15m_ohlcv;"
                       " CREATE TABLE candles_15m_ohlcv ()")
        cursor.execute(sql.replace("DROP VIEW", "DROP TABLE"))
    superuser.close()
    findings, last = check(db, "last")
    assert findings == BREAKING[sql]
    assert last.startswith(f"schema usable={int(not any('fatal' in each for each in findings))} ")


def test_schema_that_the_role_may_not_use(db, check):
    db.query("REVOKE USAGE ON SCHEMA public FROM tickd, public")
    findings, _ = check(db)
    assert "fatal public: role tickd may not use this schema (no USAGE)" in findings


def test_temporary_tables_not_allowed(db, check):
    db.query(f"REVOKE TEMPORARY ON DATABASE {db.name} FROM tickd, public")
    assert check(db)[0] == [f"fatal {db.name}: role tickd may not make temporary tables in this"
                            " database (no TEMP)"]


def test_hypertable_is_asked_for(db, check):
    assert check(db, "hypertable")[0] == [
        "fatal ticks: is a plain table, expected a hypertable (TimescaleDB is not installed in this"
        " database)"]


def test_nobody_with_rights_to_nothing_gets_an_answer(db, check):
    db.query("CREATE ROLE nobody_at_all LOGIN")
    try:
        findings, _ = check(db, user="nobody_at_all")
        assert "fatal pairs: role nobody_at_all has no SELECT privilege" in findings
    finally:
        db.query("DROP ROLE nobody_at_all")


def test_file_of_the_unit_test_is_what_a_server_answers(pg, db):
    """tests/data/schema/deployed.tsv; to renew it, see the failure."""
    sql = subprocess.run([programs.path("pg_live"), "--schema-sql"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    rows = {"\t".join(row) for row in pg.query(sql, dbname=db.name, user="tickd")}
    path = os.path.join(schema.ROOT, "tests", "data", "schema", "deployed.tsv")
    with open(path, encoding="ascii") as file:
        kept = {line.rstrip("\n").replace("\tdb1", f"\t{db.name}") for line in file
                if not line.startswith("#")}
    assert rows - kept == set() and kept - rows == set()


# --- TimescaleDB

@pytest.fixture(name="evaluate")
def evaluate_fixture(pg, scratch, show_log):
    """evaluate(rows, *options): what is made of an answer from elsewhere."""
    made = []

    def run(rows, *options):
        path = os.path.join(scratch.dir("answer"), "rows.tsv")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines("\t".join(row) + "\n" for row in rows)
        live = Live(scratch, pg.dsn())
        made.append(live)
        show_log(live.log)
        last = live.ask(" ".join(["evaluate", path, *options]), "schema ")
        return [event for event in live.events if event.startswith("finding ")], last

    yield run
    for live in made:
        live.close()


def test_hypertable_is_recognised(scratch, evaluate):
    if wasm.missing():
        pytest.skip(wasm.missing())
    sql = subprocess.run([programs.path("pg_live"), "--schema-sql"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    database = wasm.WasmDatabase(scratch)
    try:
        database.run_changes("deploy")
        database.query("SET ROLE tickd")
        findings, last = evaluate(database.query(sql), "strict", "hypertable", "last")
        assert findings == []
        assert last.startswith("schema usable=1 hypertable=1 timescaledb=2.")
        database.query("RESET ROLE; DROP VIEW candles_15m_ohlcv; DROP TABLE ticks CASCADE;"
                       " CREATE TABLE ticks (LIKE rejected_ticks)")
        assert "hypertable=0" in evaluate(database.query(sql))[1]
    finally:
        database.close()
