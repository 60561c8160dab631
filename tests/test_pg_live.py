# SPDX-License-Identifier: MIT
"""pg.c on a real server: COPY, errors, losses, notifications, names. Its states are in test_pg.c."""

import os
import signal

import pytest

from lib import dns
from lib.live import Live
from lib.proc import pid_exists
from lib.proxy import BLACKHOLE, UP
from lib.wait import wait_until

ROWS = 42000   # 4.2 MB: a full batch
MANY = 640000  # 64 MB: more than any socket holds


@pytest.fixture(name="target")
def target_fixture(pg):
    """A database with table t(n, pad), in the session's cluster."""
    name = pg.create_database()
    pg.query("CREATE TABLE t (n integer PRIMARY KEY, pad text)", dbname=name)
    yield name
    pg.drop_database(name)


@pytest.fixture(name="live_factory")
def live_factory_fixture(scratch, show_log):
    """live_factory(dsn, ...): running pg_live processes."""
    made = []

    def make(dsn, **options):
        made.append(Live(scratch, dsn, **options))
        show_log(made[-1].log)
        return made[-1]

    yield make
    for live in made:
        live.close()


@pytest.fixture(name="live")
def live_fixture(pg, target, live_factory):
    """A pg_live connected to the target."""
    live = live_factory(pg.dsn(target))
    live.wait("up ")
    return live


def backend(live):
    return int(live.wait("up ", sum(event.startswith("up ") for event in live.events)).split()[1])


def count_rows(pg, target):
    return pg.query("SELECT count(*) FROM t", dbname=target)[0][0]


def wait_event(pg, pid, event):
    """Waits until a backend waits for something, as pg_stat_activity calls it."""
    wait_until(lambda: pg.query("SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = %s",
                                (pid, event)), f"backend {pid} in {event}",
               detail=lambda: pg.query("SELECT state, wait_event FROM pg_stat_activity WHERE pid = %s",
                                       (pid,)))


def test_session_is_set_up(live):
    settings = ("application_name", "client_encoding", "TimeZone", "DateStyle", "statement_timeout",
                "lock_timeout", "idle_in_transaction_session_timeout", "client_min_messages",
                "standard_conforming_strings")
    sql = "||'|'||".join(f"current_setting('{name}')" for name in settings)
    assert live.fields(f"request SELECT {sql}")["value"] == \
        "tickd:live|UTF8|UTC|ISO, MDY|30s|1s|15s|warning|on"


def test_options_of_the_user_are_kept(pg, target, live_factory):
    live = live_factory(pg.dsn(target, options="-c%20lock_timeout%3D7777%20-c%20TimeZone%3DCET"))
    live.wait("up ")
    sql = "SELECT current_setting('lock_timeout')||current_setting('TimeZone')"
    assert live.fields("request " + sql)["value"] == "7777msUTC"


def test_unix_socket(pg, target, live_factory):
    live = live_factory(f"host={pg.socket_dir} port={pg.port} dbname={target} user=postgres")
    live.wait("up ")
    live.quit()


def test_full_batch_is_copied(pg, target, live):
    reply = live.fields(f"copy {ROWS} BEGIN; COPY t FROM STDIN; COMMIT")
    assert (reply["outcome"], reply["tag"], reply["copy"], reply["sent"]) == ("ok", "COMMIT", "1", "1")
    assert count_rows(pg, target) == ROWS


def test_error_in_copy_leaves_the_connection_and_no_row(pg, target, live):
    pid = backend(live)
    reply = live.fields(f"badcopy {ROWS} COPY t FROM STDIN")
    assert (reply["outcome"], reply["sqlstate"]) == ("error", "22P02")
    assert count_rows(pg, target) == 0
    assert live.fields("request SELECT 1")["outcome"] == "ok"
    assert backend(live) == pid


def test_error_names_the_detail(live):
    assert live.fields("copy 10 COPY t FROM STDIN")["outcome"] == "ok"
    reply = live.fields("copy 10 COPY t FROM STDIN")
    assert (reply["outcome"], reply["sqlstate"]) == ("error", "23505")
    assert "Key (n)=(0) already exists." in reply["error"]


def test_failed_transaction_stays_with_its_owner(live):
    assert live.fields("request BEGIN; SELECT 1/0")["sqlstate"] == "22012"
    assert live.fields("request SELECT 1")["sqlstate"] == "25P02"
    reply = live.fields("request COMMIT")
    assert (reply["outcome"], reply["tag"]) == ("ok", "ROLLBACK")
    assert live.fields("request SELECT 1")["outcome"] == "ok"


def test_server_ends_what_takes_too_long(pg, target, live_factory):
    live = live_factory(pg.dsn(target), statement_timeout_ms=4000)
    live.wait("up ")
    reply = live.fields("request SELECT pg_sleep(60)")
    assert (reply["outcome"], reply["sqlstate"]) == ("error", "57014")


def test_lock_timeout(pg, target, live):
    holder = pg.connect(target, autocommit=False)
    holder.cursor().execute("LOCK TABLE t")
    reply = live.fields("copy 1 COPY t FROM STDIN")
    assert (reply["outcome"], reply["sqlstate"]) == ("error", "55P03")
    holder.close()


@pytest.fixture(name="held")
def held_fixture(pg, target):
    """While this session lives, the first row of a COPY into t waits."""
    pg.psql("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " SET lock_timeout = 0; PERFORM pg_advisory_xact_lock(1); RETURN new; END $$;"
            " CREATE TRIGGER wait BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION wait()", target)
    holder = pg.connect(target)
    holder.cursor().execute("SELECT pg_advisory_lock(1)")
    yield holder
    holder.close()


@pytest.mark.usefixtures("held")
def test_backend_terminated_in_mid_copy(pg, target, live):
    pid = backend(live)
    live.send(f"copy {MANY} BEGIN; COPY t FROM STDIN; COMMIT")
    wait_event(pg, pid, "advisory")
    pg.query("SELECT pg_terminate_backend(%s)", (pid,))
    assert "lost sqlstate=57P01" in live.wait("reply ")
    assert "copy=1 sent=0" in live.wait("reply ")
    assert "terminating connection due to administrator command" in live.wait("down ")
    live.wait("up ", 2)
    assert [event.split()[0] for event in live.events] == ["up", "reply", "down", "up"]
    assert count_rows(pg, target) == 0


@pytest.mark.usefixtures("held")
def test_slow_reader_takes_no_memory_and_nothing_goes_out_after_the_deadline(pg, target, live_factory):
    live = live_factory(pg.dsn(target), statement_timeout_ms=8000)
    live.wait("up ")
    pid = backend(live)
    before = live.rss_bytes()
    live.send(f"copy {MANY} BEGIN; COPY t FROM STDIN; COMMIT")
    wait_event(pg, pid, "advisory")
    os.kill(pid, signal.SIGSTOP)
    try:
        assert live.rss_bytes() < before + MANY * 100 + (8 << 20)
        assert live.wait("reply ").endswith("error=no answer within 12000 ms (sending)")
        assert "copy=1 sent=0" in live.wait("reply ")
        live.wait("up ", 2)
    finally:
        os.kill(pid, signal.SIGCONT)
    pg.query("SELECT pg_terminate_backend(%s)", (pid,))
    wait_until(lambda: not pid_exists(pid), "the old backend to end")
    assert count_rows(pg, target) == 0


def test_stopped_server_is_given_up(pg, target, live_factory):
    live = live_factory(pg.dsn(target), statement_timeout_ms=1000)
    live.wait("up ")
    pid = backend(live)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert "lost sqlstate= " in live.ask("request SELECT 1")
        live.wait("up ", 2)
    finally:
        os.kill(pid, signal.SIGCONT)


def test_storm_of_notices_does_not_stall_a_copy(pg, target, live):
    pg.psql("CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE WARNING 'row % of %', new.n, repeat('x', 200); RETURN new; END $$;"
            " CREATE TRIGGER shout BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION shout()", target)
    assert live.fields(f"copy {ROWS} COPY t FROM STDIN")["outcome"] == "ok"
    assert count_rows(pg, target) == ROWS
    assert live.logged().count("event=database_notice") < 50


def test_notifications_come_when_idle_and_between_requests(pg, target, live):
    assert live.fields("request LISTEN tickd_pairs")["outcome"] == "ok"
    pg.query("NOTIFY tickd_pairs", dbname=target)
    assert live.wait("notify ") == "notify tickd_pairs"
    # From itself the notification comes with the answer, after it is complete.
    assert live.fields("request NOTIFY tickd_pairs, 'again'")["outcome"] == "ok"
    live.wait("notify ", 2)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_restart_while_idle_is_noticed_and_survived(pg_private, live_factory, mode):
    live = live_factory(pg_private.dsn())
    live.wait("up ")
    pg_private.stop(mode)
    assert "terminating connection" in live.wait("down ")
    pg_private.start()
    live.wait("up ", 2)
    assert live.fields("request SELECT 1")["outcome"] == "ok"
    assert [event.split()[0] for event in live.events] == ["up", "down", "up", "reply"]


def test_death_of_the_server_while_idle_is_noticed(pg_private, live_factory):
    live = live_factory(pg_private.dsn())
    live.wait("up ")
    pg_private.kill_postmaster()
    live.wait("down ")
    pg_private.start()
    live.wait("up ", 2)


def test_database_may_come_later(pg, live_factory):
    name = "later"
    live = live_factory(pg.dsn(name))
    live.wait_log("sqlstate=3D000")
    assert "level=error event=database_connect_failed" in live.logged()
    pg.create_database(name)
    live.wait("up ")
    live.quit()
    pg.drop_database(name)


def test_wrong_password_is_said_without_any_password(pg_factory, live_factory):
    server = pg_factory()
    server.query("CREATE ROLE locked LOGIN PASSWORD 'rightpassword'")
    with open(os.path.join(server.data, "pg_hba.conf"), "w", encoding="ascii") as file:
        file.write("host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    server.query("SELECT pg_reload_conf()")
    url = server.dsn(user="locked:wrongpassword")
    live = live_factory(url)
    live.wait_log("sqlstate=28P01")
    server.query("ALTER ROLE locked PASSWORD 'wrongpassword'")
    live.wait("up ")
    assert "wrongpassword" not in live.logged()


def test_read_only_server_is_not_taken(pg, target, live_factory):
    pg.query(f"ALTER DATABASE {target} SET default_transaction_read_only = on")
    live = live_factory(pg.dsn(target))
    live.wait_log("session is read-only")
    other = live_factory(pg.dsn(target, target_session_attrs="any"))
    other.wait("up ")
    assert other.fields("request CREATE TABLE u ()")["sqlstate"] == "25006"
    pg.query(f"ALTER DATABASE {target} SET default_transaction_read_only = off")
    live.wait("up ")


def test_blackhole_while_asking_is_given_up(pg, target, live_factory, proxy_factory):
    proxy = proxy_factory(pg.port)
    live = live_factory(f"host=127.0.0.1 port={proxy.port} dbname={target} user=postgres",
                        statement_timeout_ms=1000, connect_timeout_ms=1000)
    live.wait("up ")
    fault = proxy.after(UP, BLACKHOLE, pattern=b"SELECT 1")
    assert "lost" in live.ask("request SELECT 1")
    fault.wait()
    live.wait("up ", 2)


# --- names

@pytest.fixture(name="names")
def names_fixture(scratch):
    if dns.missing():
        pytest.skip(dns.missing())
    names = dns.Names(scratch, {"db.test": "127.0.0.1"}, options="timeout:5 attempts:2")
    yield names
    names.close()


def test_name_is_looked_up_anew_for_each_connection(pg, target, live_factory, names):
    names.hosts["db.test"] = "127.0.0.99"  # nobody listens there
    live = live_factory(f"postgresql://postgres@db.test:{pg.port}/{target}", names=names)
    live.wait_log("Connection refused")
    names.hosts["db.test"] = "127.0.0.1"
    live.wait("up ")
    assert 'host=db.test address=127.0.0.1' in live.logged()


def test_dead_resolver_stalls_nothing(pg, target, live_factory, names):
    names.silent = True
    live = live_factory(f"postgresql://postgres@db.test:{pg.port}/{target}", names=names,
                        connect_timeout_ms=300)
    live.wait_log("looking up host names")
    # The loop still answers, although a thread hangs in the resolver.
    assert live.ask("request SELECT 1", "busy") == "busy"
    names.silent = False
    live.wait("up ")


def test_shutdown_does_not_wait_for_the_resolver(pg, target, live_factory, names):
    names.silent = True
    live = live_factory(f"postgresql://postgres@db.test:{pg.port}/{target}", names=names)
    wait_until(lambda: names.queries, "a query")
    assert live.threads() > 1
    live.quit()
    assert names.silent


def test_second_address_of_a_name_is_reached(pg, target, live_factory, names):
    names.hosts["db.test"] = ["127.0.0.99", "127.0.0.1"]
    live = live_factory(f"postgresql://postgres@db.test:{pg.port}/{target}", names=names)
    live.wait("up ")
    assert "event=database_connect_failed" not in live.logged()
