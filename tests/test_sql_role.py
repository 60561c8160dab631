# SPDX-License-Identifier: MIT
"""Role tickd: can do exactly what the daemon needs."""

import io

import psycopg2
import pytest

from lib import schema

PAIR = ("INSERT INTO pairs (symbol, max_leverage, min_order_size, tick_size, category, whale_threshold_usd)"
        " VALUES ('NEW', 1, 1, 1, 'emerging', 1)")
TICK = "INSERT INTO ticks (time, symbol, price, volume) VALUES ('2025-11-15', 'BTC', 1, 1)"
OFFSET = "INSERT INTO ingest_offsets VALUES ('g', 'c', 't', 0, 0)"
LETTER = ("INSERT INTO rejected_ticks (group_id, cluster_id, topic, kafka_partition, kafka_offset, item, reason)"
          " VALUES ('g', 'c', 't', 0, 0, 0, 'not_json')")

ALLOWED = [
    "SELECT * FROM pairs",
    TICK,
    "SELECT * FROM ticks",
    LETTER,
    OFFSET,
    "SELECT * FROM ingest_offsets",
    "UPDATE ingest_offsets SET next_offset = 1",
    "SELECT ingest_start('g', 'c', 't', 0, 0)",
    "SELECT ingest_start('g', 'c', 't', 0, 0), ingest_advance('g', 'c', 't', 0, 0, 1, 1, 1, 0, 0, 0)",
    "SELECT ingest_start('g', 'c', 't', 0, 0), ingest_jump('g', 'c', 't', 0, 0, 7, 'retention')",
    "SELECT ingest_staging(); SELECT * FROM ingest_merge('last')",
    "SELECT ingest_check_pairs(array['BTC', 'ETH'])",
    "SET LOCAL session_replication_role = replica",
    "LISTEN tickd_pairs",
    # To find and end the session of a stalled predecessor.
    "SELECT pg_blocking_pids(pg_backend_pid()), pid, application_name FROM pg_stat_activity",
    "SELECT * FROM pg_constraint, pg_class, pg_attribute LIMIT 0",
]

FORBIDDEN = [
    PAIR,
    "UPDATE pairs SET active = true",
    "UPDATE pairs SET symbol = 'B'",
    "DELETE FROM pairs",
    "TRUNCATE pairs CASCADE",
    "ALTER TABLE pairs DISABLE TRIGGER ALL",
    "DELETE FROM ticks",
    "TRUNCATE ticks",
    "UPDATE ticks SET time = now()",
    "UPDATE ticks SET symbol = 'ETH'",
    "ALTER TABLE ticks DROP CONSTRAINT ticks_symbol_fkey",
    "DROP TABLE ticks",
    "SELECT * FROM rejected_ticks",
    "UPDATE rejected_ticks SET reason = ''",
    "DELETE FROM rejected_ticks",
    "DELETE FROM ingest_offsets",
    "TRUNCATE ingest_offsets",
    "SELECT * FROM ingest_gaps",
    "UPDATE ingest_gaps SET reason = ''",
    "DELETE FROM ingest_gaps",
    "SELECT * FROM orders",
    "SELECT * FROM positions",
    "SELECT * FROM whale_activities",
    "SELECT * FROM performance_metrics",
    "INSERT INTO whale_activities DEFAULT VALUES",
    "CREATE TABLE public.mine (x int)",
    "CREATE OR REPLACE FUNCTION ingest_staging() RETURNS void LANGUAGE sql AS ''",
    "DROP FUNCTION ingest_merge",
    "CREATE ROLE other",
    "SET ROLE postgres",
]


def attempts(db, statements):
    """{statement: SQLSTATE or None} of each, tried by tickd and undone."""
    session = db.session(user="tickd")
    outcomes = {}
    for statement in statements:
        with session.cursor() as cursor:
            try:
                cursor.execute(statement)
                outcomes[statement] = None
            except psycopg2.Error as error:
                outcomes[statement] = error.pgcode
        session.rollback()
    session.close()
    return outcomes


def test_tickd_may_do_what_it_needs(db):
    assert {statement: code for statement, code in attempts(db, ALLOWED).items() if code} == {}


def test_tickd_may_do_nothing_else(db):
    db.query("; ".join([TICK, OFFSET, LETTER, "INSERT INTO ingest_gaps (group_id, cluster_id, topic,"
                        " kafka_partition, from_offset, to_offset, reason) VALUES ('', '', '', 0, 0, 0, '')"]))
    assert {statement: code for statement, code in attempts(db, FORBIDDEN).items() if code != "42501"} == {}


def test_tickd_may_copy_into_its_tables(db):
    session = db.session(user="tickd")
    with session.cursor() as cursor:
        cursor.execute("SELECT ingest_staging()")
        for target in ("ticks (time, symbol, price, volume, bid, ask, exchange)", "tickd_staging", "rejected_ticks"):
            cursor.copy_expert(f"COPY {target} FROM STDIN", io.StringIO(""))
    session.commit()
    session.close()


def test_foreign_key_holds_for_tickd(db):
    session = db.session(user="tickd")
    with session.cursor() as cursor, pytest.raises(psycopg2.errors.ForeignKeyViolation):
        cursor.execute(TICK.replace("BTC", "NOPE"))
    session.close()


def test_others_may_not_call_the_functions(db):
    db.query("CREATE ROLE passer_by LOGIN")
    try:
        session = db.session(user="passer_by")
        for call in ("ingest_start('', '', '', 0, 0)", "ingest_merge('last')", "ingest_staging()", "ingest_check_pairs('{}')"):
            with session.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(f"SELECT {call}")
            session.rollback()
        session.close()
    finally:
        db.query("DROP ROLE passer_by")


def test_works_where_nothing_is_given_to_public(db):
    db.query(f'REVOKE ALL ON DATABASE "{db.name}" FROM PUBLIC')
    db.query("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    session = db.session(user="tickd")
    with session.cursor() as cursor:
        cursor.execute("SELECT ingest_staging(); " + TICK)
    session.commit()
    session.close()


def test_session_settings(db):
    session = db.session(user="tickd")
    shown = {}
    with session.cursor() as cursor:
        for name in ("search_path", "statement_timeout", "lock_timeout",
                     "idle_in_transaction_session_timeout", "timezone"):
            cursor.execute(f"SHOW {name}")
            shown[name] = cursor.fetchone()[0]
    assert shown == {"search_path": "public, pg_temp", "statement_timeout": "30s", "lock_timeout": "5s",
                     "idle_in_transaction_session_timeout": "15s", "timezone": "UTC"}
    assert db.query("SELECT rolconnlimit, rolsuper, rolinherit, rolcanlogin, rolcreatedb, rolcreaterole,"
                    " rolreplication, rolbypassrls FROM pg_roles WHERE rolname = 'tickd'") \
        == [(32, False, False, True, False, False, False, False)]
    assert db.one("SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = 'tickd'")
    session.close()


def test_temporary_tables_do_not_stand_in_for_ours(db):
    session = db.session(user="tickd")
    with session.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE ticks (time timestamptz, symbol text, price float, volume float,"
                       " bid float, ask float, exchange text)")
        cursor.execute("SET search_path = pg_temp, public")
        cursor.execute("SELECT ingest_staging()")
        cursor.execute("INSERT INTO tickd_staging VALUES (0, false, '2025-11-15', '2025-11-15', 'BTC', 1, 1, 1, 1, 'x')")
        cursor.execute("SELECT * FROM ingest_merge('spread')")
    session.commit()
    session.close()
    assert db.count("public.ticks") == 1


def test_one_role_serves_several_databases(pg_private):
    """Deployed twice in a cluster; reverting in one leaves the other at work."""
    first, second = pg_private.create_database(), pg_private.create_database()
    schema.deploy(pg_private, first)
    pg_private.query("ALTER ROLE tickd PASSWORD 'secret' CONNECTION LIMIT 5")
    schema.deploy(pg_private, second)
    # An operator's choices stay.
    assert pg_private.query("SELECT rolconnlimit, rolpassword IS NOT NULL FROM pg_authid"
                            " WHERE rolname = 'tickd'") == [(5, True)]
    schema.revert(pg_private, first)
    schema.verify(pg_private, second)
    pg_private.query("SELECT ingest_start('g', 'c', 't', 0, 0)", dbname=second, user="tickd")
    pg_private.query("SET session_replication_role = replica", dbname=second, user="tickd")
    assert pg_private.query("SHOW lock_timeout", dbname=second, user="tickd") == [("5s",)]
    schema.revert(pg_private, second)
    assert pg_private.query("SELECT 1 FROM pg_roles WHERE rolname = 'tickd'") == []


def test_a_role_with_too_much_power_is_cut_back(pg_private):
    pg_private.query("CREATE ROLE tickd SUPERUSER INHERIT LOGIN")
    dbname = pg_private.create_database()
    schema.deploy(pg_private, dbname)
    schema.verify(pg_private, dbname)
    assert pg_private.query("SELECT rolsuper, rolinherit FROM pg_roles WHERE rolname = 'tickd'") \
        == [(False, False)]


def test_reverts_when_the_role_is_gone_already(pg_private):
    dbname = pg_private.create_database()
    schema.deploy(pg_private, dbname)
    pg_private.query("DROP OWNED BY tickd; DROP ROLE tickd", dbname=dbname)
    schema.revert(pg_private, dbname)
