# SPDX-License-Identifier: MIT
"""The database disturbs the writing session: each time the table is right, the log says in a few lines what
is wrong, and work resumes by itself."""

import contextlib
import os
import subprocess

import psycopg2
import pytest

from lib import pg
from lib.daemon import environment
from lib.fault import Disturbed, Frozen, set_server
from lib.flow import now_ms

MAX_CONNECTIONS = 14
RESERVED = 3    # of them for superusers, as servers come


@pytest.fixture(scope="module")
def own_cluster(scratch):
    """A server of these tests; each leaves it as it was."""
    if pg.missing():
        pytest.skip(pg.missing())
    cluster = pg.Cluster(scratch, max_connections=MAX_CONNECTIONS)
    cluster.start()
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(own_cluster, show_log):
    show_log(own_cluster.log)
    if not own_cluster.alive:
        own_cluster.start()
    return own_cluster


@pytest.fixture
def flow(cluster, kafka, tickd):
    database = pg.Database(cluster, cluster.create_deployed())
    yield Disturbed(database, kafka, tickd)
    cluster.query("ALTER ROLE tickd CONNECTION LIMIT -1")
    cluster.query("ALTER ROLE tickd RESET deadlock_timeout")
    database.close()
    cluster.drop_database(database.name)


# --- the session

@contextlib.contextmanager
def commits_that_hang(cluster):
    """Transactions are committed on disk, and their clients are not told: they wait for a standby."""
    set_server(cluster, "synchronous_standby_names", "nobody")
    try:
        yield
    finally:
        set_server(cluster, "synchronous_standby_names", None)


@pytest.mark.parametrize("how", ["terminate", "fast", "immediate", "kill"])
def test_backend_ends_between_commit_and_its_answer(flow, cluster, how):
    mark = flow.run()
    with commits_that_hang(cluster):
        flow.send_more()
        pid = flow.wait_blocked("wait_event = 'SyncRep'")
        if how == "terminate":
            flow.db.query("SELECT pg_terminate_backend(%s)", (pid,))
        elif how == "kill":
            cluster.kill_postmaster()
        else:
            cluster.stop(how)
        if not cluster.alive:
            cluster.start()
        flow.daemon.wait_log("event=commit_resolved", mark)
    flow.go_on()
    assert flow.daemon.logged("event=commit_failed .*outcome=lost", mark)
    assert not flow.daemon.logged("event=rewind", mark), "what was committed was not read again"


def test_frozen_backend_is_left_for_another(flow):
    """Nobody answers; a new session takes over, and what the frozen one still does is undone."""
    flow.config.update(statement_timeout_ms=500, lock_timeout_ms=200)
    mark = flow.run()
    with Frozen(flow.sessions()[0]) as frozen:
        flow.send_more()
        flow.daemon.wait_log("event=database_down .*no answer within", mark)
        flow.go_on()
    frozen.wait_end()
    flow.go_on()


def test_frozen_backend_that_commits_when_it_wakes_up_is_not_repeated(flow):
    """It has all of a batch, COMMIT included, and holds its keys until it wakes up."""
    # Long enough that it is frozen before it gives up.
    flow.config.update(statement_timeout_ms=3000, lock_timeout_ms=1500)
    mark = flow.run()
    holder = flow.db.session()
    with holder.cursor() as cursor:
        cursor.execute("SELECT FROM ingest_offsets FOR UPDATE")
        flow.send_more()
        pid = flow.wait_blocked("wait_event_type = 'Lock' AND query LIKE '%%ingest_advance%%'")
        with Frozen(pid) as frozen:
            holder.close()
            flow.daemon.wait_log("event=database_down .*no answer within", mark)
            flow.daemon.wait_log("event=commit_failed .*sqlstate=55P03", mark)
            flow.wait_state("degraded: commits fail", mark)
    frozen.wait_end()
    flow.go_on()
    flow.wait_state("flowing", mark)
    flow.assert_said(mark, 25)


def test_statement_that_is_cancelled_is_sent_again(flow):
    mark = flow.run()
    holder = flow.db.session()
    with holder.cursor() as cursor:
        cursor.execute("LOCK TABLE ticks IN EXCLUSIVE MODE")
        flow.send_more()
        flow.db.query("SELECT pg_cancel_backend(%s)", (flow.wait_blocked("wait_event_type = 'Lock'"),))
        flow.daemon.wait_log("event=commit_failed .*sqlstate=57014", mark)
    holder.close()
    flow.go_on()


# As a server does that has no lock left for one chunk more.
DAYS_AT_ONCE = 7
LIMIT_DAYS = f"""
    CREATE FUNCTION limit_days() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT count(DISTINCT date_trunc('day', time)) FROM new_ticks) > {DAYS_AT_ONCE} THEN
            RAISE EXCEPTION 'out of shared memory' USING ERRCODE = 'out_of_memory';
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER limit_days AFTER INSERT ON ticks REFERENCING NEW TABLE AS new_ticks
    FOR EACH STATEMENT EXECUTE FUNCTION limit_days()"""


def test_batch_too_large_for_the_server_is_written_in_parts(flow):
    flow.db.query(LIMIT_DAYS)
    mark = flow.run(batch_rows=4 * DAYS_AT_ONCE)
    for day in range(100):
        flow.send_ticks(1, symbols=("BTC",), base_ms=now_ms() - day * 86_400_000)
    flow.go_on()
    assert flow.daemon.logged("event=commit_failed .*outcome=too_large .*sqlstate=53200", mark)
    assert flow.daemon.logged("event=batch_too_large", mark)
    assert not flow.daemon.logged("event=state msg=.*degraded", mark)


def test_deadlock_with_a_session_that_writes_pairs(flow):
    """tickd's transaction is the victim, and is done again."""
    flow.db.query("ALTER ROLE tickd SET deadlock_timeout = '5s'")
    mark = flow.run(lock_timeout_ms=20000)
    other = flow.db.session()
    with other.cursor() as cursor:
        cursor.execute("SET deadlock_timeout = '1h'; DELETE FROM ticks WHERE false;"
                       "SELECT FROM pairs WHERE symbol = 'SOL' FOR UPDATE")
        flow.send_together("BTC", "SOL")
        flow.flush()
        flow.wait_blocked("wait_event_type = 'Lock'")
        cursor.execute("SELECT FROM pairs WHERE symbol = 'BTC' FOR UPDATE")
        flow.daemon.wait_log("event=commit_failed .*sqlstate=40P01", mark)
    other.close()
    flow.go_on()
    assert flow.daemon.logged("event=commit_failed .*outcome=retry", mark)


# --- no way in

def test_connection_limit_of_the_role(flow):
    mark = flow.run()
    flow.db.query("ALTER ROLE tickd CONNECTION LIMIT 0")
    flow.db.cluster.terminate_backends("tickd%")
    line = flow.daemon.wait_log("event=database_connect_failed .*attempt=16 ", mark)
    assert "53300" in line and "too many connections" in line
    flow.wait_state("waiting for database", mark)
    flow.assert_said(mark, 25)
    flow.send_more()
    flow.db.query("ALTER ROLE tickd CONNECTION LIMIT -1")
    flow.go_on()


def fill_up(flow):
    """Sessions of others, until the server takes no more and has none of tickd."""
    others = []
    cluster = flow.db.cluster
    while True:
        with contextlib.suppress(psycopg2.OperationalError):
            while True:
                others.append(cluster.connect("postgres", "tickd"))
        # One is flow.db's; a backend that begins or ends holds a place, too, and is none of them.
        if len(others) == MAX_CONNECTIONS - RESERVED - 1:
            return others
        flow.db.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                      " WHERE application_name LIKE 'tickd%'")


def test_too_many_connections_of_others(flow):
    mark = flow.run()
    others = fill_up(flow)
    flow.daemon.wait_log("event=database_connect_failed .*53300.*connection slots are reserved", mark)
    flow.wait_state("waiting for database", mark)
    flow.send_more()
    for other in others:
        other.close()
    flow.go_on()


@contextlib.contextmanager
def passwords(cluster):
    """The role's password is asked for."""
    path = os.path.join(cluster.data, "pg_hba.conf")
    with open(path, encoding="ascii") as file:
        before = file.read()

    def write(text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        cluster.query("SELECT pg_reload_conf()")

    write("host all tickd all scram-sha-256\n" + before)
    try:
        yield
    finally:
        write(before)
        cluster.query("ALTER ROLE tickd PASSWORD NULL")


def refusals(cluster):
    with open(cluster.log, encoding="utf-8", errors="replace") as file:
        return sum("password authentication failed" in line for line in file)


def write_passfile(path, password):
    path.write_text(f"*:*:*:tickd:{password}\n")
    path.chmod(0o600)


def test_wrong_password_then_the_right_one(flow, cluster, tmp_path):
    """The file is read at each attempt: nobody restarts anything, at the start or later."""
    path = tmp_path / "passfile"
    flow.config["database_url"] = flow.db.dsn(passfile=path)
    with passwords(cluster):
        flow.db.query("ALTER ROLE tickd PASSWORD 'of-today'")
        write_passfile(path, "of-yesterday")
        flow.start()
        line = flow.daemon.wait_log("event=database_connect_failed")
        assert "level=error" in line and "28P01" in line and "password authentication failed" in line
        flow.daemon.wait_until(lambda: refusals(cluster) >= 4, "more attempts")
        flow.wait_state("waiting for database")
        write_passfile(path, "of-today")
        mark = flow.go_on()
        flow.db.query("ALTER ROLE tickd PASSWORD 'of-tomorrow'")
        cluster.terminate_backends("tickd%")
        flow.daemon.wait_log("event=database_connect_failed .*28P01", mark)
        flow.send_more()
        flow.assert_said(mark, 15)
        write_passfile(path, "of-tomorrow")
        flow.go_on()
        assert "of-" not in flow.daemon.log_text(), "no password in the log"


# --- what it needs is taken away

@pytest.mark.parametrize("privilege, named", [
    ("INSERT ON ticks", "ticks"),
    ("EXECUTE ON FUNCTION ingest_advance", "ingest_advance"),
    ("SELECT ON ingest_offsets", "ingest_offsets"),
    ("USAGE ON SCHEMA public", "public"),
])
def test_privilege_revoked_and_granted_again(flow, privilege, named):
    """One line names it; nothing is written meanwhile."""
    mark = flow.run()
    if "SCHEMA" in privilege:
        flow.db.query("REVOKE USAGE ON SCHEMA public FROM PUBLIC")
    flow.db.query(f"REVOKE {privilege} FROM tickd")
    flow.send_more()
    assert named in flow.daemon.wait_log("event=schema_incomplete", mark)
    flow.wait_state("waiting for schema", mark)
    wait_for_checks(flow)
    flow.assert_said(mark, 12)
    flow.db.query(f"GRANT {privilege} TO tickd")
    flow.go_on()


def wait_for_checks(flow, count=10):
    """Until the schema has been looked at that often."""
    seen = set()

    def look():
        seen.update(flow.db.query("SELECT query_start FROM pg_stat_activity"
                                  " WHERE application_name = %s", (f"tickd:{flow.topic}",)))
        return len(seen) > count
    flow.daemon.wait_until(look, f"{count} looks at the schema")


def test_schema_dropped_under_it_and_restored_from_a_dump(flow, cluster, tmp_path):
    mark = flow.run()
    dump = tmp_path / "dump.sql"
    subprocess.run([os.path.join(cluster.bindir, "pg_dump"), "--schema=public", "--clean", "--if-exists",
                    "-f", dump, "-d", cluster.dsn(flow.db.name)], check=True, env=environment())
    flow.db.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    flow.send_more()
    line = flow.daemon.wait_log("event=schema_incomplete", mark)
    assert all(name in line for name in ("ticks", "pairs", "ingest_offsets", "rejected_ticks"))
    flow.wait_state("waiting for schema", mark)
    wait_for_checks(flow)
    flow.assert_said(mark, 20)
    # In one transaction: tickd must not find a table before its contents.
    cluster.psql_file(dump, flow.db.name, single_transaction=True)
    flow.go_on()
