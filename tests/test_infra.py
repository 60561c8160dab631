# SPDX-License-Identifier: MIT
"""The test infrastructure itself: what the other tests take for granted about it."""

import os
import signal
import socket
import subprocess
import sys
import time

import confluent_kafka
import psycopg2
import pytest

from lib import kafka, net, proc, produce, schema, unit, wait
from lib.daemon import Tickd, config_text
from lib.need import need
from lib.proxy import DOWN, FIN
from lib.scratch import Scratch

TESTS = os.path.dirname(os.path.abspath(__file__))


# --- waiting and processes

def test_wait_until_returns_the_value():
    values = iter([None, 0, "found"])
    assert wait.wait_until(lambda: next(values), "a value") == "found"


def test_wait_until_says_what_it_saw_last():
    with pytest.raises(wait.Timeout, match="no row within 0.05 s\nseen: 7"):
        wait.wait_until(lambda: False, "row", timeout=0.05, detail=lambda: "seen: 7")


def test_wait_until_gives_up_when_told():
    with pytest.raises(wait.Timeout, match="gave up waiting for a row: it died"):
        wait.wait_until(lambda: False, "a row", abort=lambda: "it died")


def test_child_is_measured_paused_and_killed():
    child = proc.Child([sys.executable, "-c", "while True: pass"])
    try:
        wait.wait_until(lambda: child.cpu_seconds() > 0.05, "the child to burn CPU")
        assert child.rss_bytes() > 1 << 20 and child.peak_rss_bytes() >= child.rss_bytes()
        assert child.threads() == 1 and child.fd_count() >= 3
        child.pause()
        used = child.cpu_seconds()
        time.sleep(0.1)
        assert child.cpu_seconds() == used and child.alive
        child.resume()
        wait.wait_until(lambda: child.cpu_seconds() > used, "the child to go on")
    finally:
        child.kill()
    assert child.returncode == -signal.SIGKILL and not proc.pid_exists(child.pid)


def test_child_dies_with_the_run_that_started_it():
    script = ("import sys; sys.path.insert(0, sys.argv[1]); from lib import proc; import time;"
              "print(proc.Child(['sleep', '1000']).pid, flush=True); time.sleep(1000)")
    with subprocess.Popen([sys.executable, "-c", script, TESTS], stdout=subprocess.PIPE) as run:
        pid = int(run.stdout.readline())
        assert proc.pid_exists(pid)
        run.kill()
    wait.wait_until(lambda: not proc.pid_exists(pid), "the child to follow")


def test_interrupted_run_leaves_nothing_behind(tmp_path):
    inner = tmp_path / "test_inner.py"
    inner.write_text("def test_hang(pg, scratch):\n"
                     "    print('here', scratch.path, pg.postmaster.pid, flush=True)\n"
                     "    __import__('time').sleep(1000)\n")
    for signum in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen(
                [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider",
                 "-p", "conftest", "--rootdir", str(tmp_path), str(inner)],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                env={**os.environ, "PYTHONPATH": TESTS, "TICKD_KEEP_TMP": ""}) as run:
            line = next((line for line in run.stdout if "here" in line), None)
            assert line is not None
            _, path, pid = line[line.index("here"):].split()
            assert os.path.isdir(path)
            run.send_signal(signum)
            run.communicate()
        assert not os.path.exists(path) and not proc.pid_exists(int(pid))


def test_directory_of_a_killed_run_is_removed_by_the_next(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    used, orphan = Scratch(), tmp_path / "tickd-test.orphan"
    orphan.mkdir()
    (orphan / "lock").touch()
    for path in (used.path, orphan):
        os.utime(path, (1, 1))
    other = Scratch()
    assert os.path.isdir(used.path) and not orphan.exists()
    for each in (used, other):
        each.remove()
    assert not list(tmp_path.iterdir())


def test_free_port_is_not_one_the_kernel_gives_to_clients():
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first = int(file.read().split()[0])
    assert all(net.free_port() < first for _ in range(20))


def test_free_port_is_drawn_once_by_all_test_runs():
    port = net.free_port()
    again = f"import sys; from lib import net; sys.exit(net._reserve({port}))"
    done = subprocess.run([sys.executable, "-c", again], cwd=TESTS, check=False)
    assert done.returncode == 0 and not net._reserve(port)


def test_what_is_required_is_not_skipped(monkeypatch):
    monkeypatch.delenv("TICKD_REQUIRE_BROWSER", raising=False)
    need("BROWSER", None)
    with pytest.raises(pytest.skip.Exception, match="no chromium"):
        need("BROWSER", "no chromium")
    monkeypatch.setenv("TICKD_REQUIRE_BROWSER", "1")
    need("BROWSER", None)
    with pytest.raises(pytest.fail.Exception, match="no chromium"):
        need("BROWSER", "no chromium")


# --- PostgreSQL

def test_pg_keeps_data_and_port_over_every_kind_of_stop(pg_private):
    name = pg_private.create_database()
    pg_private.query("CREATE TABLE kept (n int)", dbname=name)
    port = pg_private.port
    stops = [lambda: pg_private.stop("fast"), lambda: pg_private.stop("immediate"),
             lambda: pg_private.stop("smart"), pg_private.kill_postmaster]
    for number, stop in enumerate(stops, 1):
        pg_private.query("INSERT INTO kept VALUES (%s)", (number,), dbname=name)
        stop()
        assert not pg_private.alive and not net.is_listening(port)
        pg_private.start()
        assert pg_private.port == port
        assert pg_private.psql("SELECT count(*) FROM kept", name) == str(number)


def test_pg_paused_answers_after_resume(pg_private):
    conn = pg_private.connect()
    pg_private.pause()
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(pg_private.dsn(connect_timeout=2))
    pg_private.resume()
    with conn.cursor() as cursor:
        cursor.execute("SELECT 1")
    conn.close()


def test_pg_has_a_unix_socket_and_real_fsync(pg):
    conn = psycopg2.connect(host=pg.socket_dir, port=pg.port, user="postgres", dbname="postgres")
    conn.close()
    assert pg.psql("SHOW fsync") == "on"
    assert pg.psql("SHOW listen_addresses") == net.LOOPBACK


def test_pg_settings_are_taken(pg_factory):
    assert pg_factory(max_connections="7").psql("SHOW max_connections") == "7"


def test_pg_terminates_the_sessions_of_tickd_only(pg):
    ours = psycopg2.connect(pg.dsn(application_name="tickd:g"))
    other = psycopg2.connect(pg.dsn(application_name="other"))
    assert len(pg.backends()) == 1
    assert pg.terminate_backends() == 1
    with pytest.raises(psycopg2.OperationalError):
        ours.cursor().execute("SELECT 1")
    other.cursor().execute("SELECT 1")
    other.close()


def test_psql_fails_on_the_first_error(pg):
    with pytest.raises(AssertionError, match="nosuch"):
        pg.psql("SELECT nosuch")


def test_deployed_databases_are_alike_and_apart(pg):
    first, second = pg.create_deployed(), pg.create_deployed()
    pg.query("DELETE FROM pairs", dbname=first)
    assert pg.query("SELECT count(*) FROM pairs", dbname=first) == [(0,)]
    assert pg.query("SELECT count(*) FROM pairs", dbname=second) == [(30,)]
    schema.verify(pg, second)


def test_database_reconnects_after_a_restart(db_private, pg_private):
    assert db_private.count("pairs") == 30
    pg_private.restart("immediate")
    assert db_private.count("pairs", "symbol = %s", ("kBONK",)) == 1


def test_plan_is_read_in_order(tmp_path):
    plan = tmp_path / "sqitch.plan"
    plan.write_text("%syntax-version=1.0.0\n%project=x\n\n# a comment\n"
                    "one 2025-01-01T00:00:00Z A <a@b> # first\n"
                    "two [one] 2025-01-02T00:00:00Z A <a@b> # second\n"
                    "@v1 2025-01-03T00:00:00Z A <a@b> # a tag\n"
                    "three [one two] 2025-01-04T00:00:00Z A <a@b> # third\n")
    assert schema.changes(plan) == ["one", "two", "three"]


# --- brokers

def test_mock_round_trip_knows_offsets_keys_and_times(mock):
    mock.create_topic("ticks", 2)
    check_round_trip(mock)


def test_mock_refuses_what_it_cannot_do(mock):
    with pytest.raises(RuntimeError, match="no such command"):
        mock.command("nonsense")
    with pytest.raises(RuntimeError, match="usage: topic NAME PARTITIONS"):
        mock.command("topic", "x")
    with pytest.raises(RuntimeError, match="not a number from 1 to 1000: 0"):
        mock.create_topic("x", 0)
    with pytest.raises(RuntimeError, match="no such error: NOPE"):
        mock.errors("Fetch", "NOPE")


def test_mock_goes_down_and_comes_back_with_its_data(mock):
    mock.create_topic("ticks")
    produce.produce(mock.bootstrap, "ticks", ["before"])
    port = int(mock.bootstrap.rpartition(":")[2])
    mock.down()
    wait.wait_until(lambda: not net.is_listening(port), "the broker to be down")
    mock.up()
    produce.produce(mock.bootstrap, "ticks", ["after"])
    assert [sent.value for sent in produce.read_all(mock.bootstrap, "ticks")] == [b"before",
                                                                                  b"after"]


def test_mock_injects_errors_that_a_producer_survives(mock):
    mock.create_topic("ticks")
    mock.errors("Produce", "NOT_LEADER_FOR_PARTITION", 2)
    mock.errors("Metadata", "_TRANSPORT")
    assert produce.produce(mock.bootstrap, "ticks", ["x"])[0].offset == 0


def test_mock_ends_when_its_input_ends(program):
    with subprocess.Popen([program("mockbroker"), "--topic", "x:3"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("bootstrap 127.0.0.1:")
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.mark.parametrize("arguments", [["--brokers", "0"], ["--topic", "x"], ["--topic", "x:0"],
                                       ["--nonsense"], ["word"]])
def test_mock_refuses_a_wrong_command_line(program, arguments):
    done = subprocess.run([program("mockbroker"), *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr and not done.stdout


def test_kafka_takes_other_ports_where_its_own_are_taken(kafka, scratch):
    cluster = type(kafka)(scratch)
    taken = cluster.brokers[0].port
    try:
        with socket.socket() as stranger:
            stranger.bind((net.LOOPBACK, taken))
            stranger.listen()
            cluster.start()
        assert cluster.brokers[0].port != taken
        check_round_trip(cluster, cluster.create_topic("elsewhere", 2))
    finally:
        cluster.close()


def test_kafka_round_trip_knows_offsets_keys_and_times(kafka):
    kafka.create_topic("round-trip", 2)
    check_round_trip(kafka, "round-trip")


@pytest.mark.parametrize("codec", kafka.CODECS)
def test_kafka_stores_what_was_compressed_as_it_was_sent(kafka, codec):
    topic = kafka.create_topic(f"codec-{codec}")
    values = [b'{"symbol":"BTC","price":"95993.6%d"}' % number for number in range(500)]
    produce.produce(kafka.bootstrap, topic, values, compression_codec=codec, linger_ms=50,
                    batch_num_messages=250)
    batches = kafka.batches(topic)
    assert sum(batch.records for batch in batches) == 500
    # A batch that does not get smaller is sent as it is; these do.
    assert {batch.codec for batch in batches if batch.records > 10} == {codec}
    assert [sent.value for sent in produce.read_all(kafka.bootstrap, topic)] == values


def test_kafka_group_reads_commits_and_goes_on_there(kafka):
    topic = kafka.create_topic("group")
    produce.produce(kafka.bootstrap, topic, ["a", "b", "c"])
    assert read_in_group(kafka, "readers", topic, 2) == [b"a", b"b"]
    assert produce.committed(kafka.bootstrap, "readers", topic) == [2]
    assert read_in_group(kafka, "readers", topic, 1) == [b"c"]


def test_kafka_knows_ends_and_what_nobody_committed(kafka):
    topic = kafka.create_topic("committed", 2)
    produce.produce(kafka.bootstrap, topic, ["a", "b"], partition=1)
    assert produce.end_offsets(kafka.bootstrap, topic, 2) == [0, 2]
    assert produce.committed(kafka.bootstrap, "nobody", topic, 2) == [-1001, -1001]


def test_kafka_transactions_leave_holes_in_the_offsets(kafka):
    topic = kafka.create_topic("transactions")
    client = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap,
                                       "transactional.id": "infra"})
    client.init_transactions(wait.DEADLINE_S)
    for value, finish in (("kept", client.commit_transaction), ("gone", client.abort_transaction),
                          ("kept too", client.commit_transaction)):
        client.begin_transaction()
        client.produce(topic, value)
        client.flush(wait.DEADLINE_S)
        finish(wait.DEADLINE_S)
    found = produce.read_all(kafka.bootstrap, topic)
    assert [(sent.offset, sent.value) for sent in found] == [(0, b"kept"), (4, b"kept too")]


def test_kafka_lives_through_kill_stop_pause_and_another_port(kafka_factory):
    broker = kafka_factory()
    topic = broker.create_topic("ticks")
    produce.produce(broker.bootstrap, topic, ["one"])
    broker.kill()
    broker.start()
    produce.produce(broker.bootstrap, topic, ["two"])
    old = broker.bootstrap
    broker.restart(port=net.free_port())
    assert broker.bootstrap != old
    broker.pause()
    assert broker.brokers[0].child.state() == "T"
    broker.resume()
    produce.produce(broker.bootstrap, topic, ["three"])
    assert [sent.value for sent in produce.read_all(broker.bootstrap, topic)] == [b"one", b"two",
                                                                                  b"three"]


def test_kafka_topic_is_absent_until_it_is_created(kafka):
    with pytest.raises(AssertionError, match="refused"):
        produce.produce(kafka.bootstrap, "absent", ["x"], message_timeout_ms=2000)
    kafka.create_topic("absent")
    produce.produce(kafka.bootstrap, "absent", ["x"])
    kafka.add_partitions("absent", 3)
    kafka.delete_topic("absent")


def test_kafka_can_be_reached_through_a_proxy(kafka, proxy_factory):
    node = kafka.brokers[0]
    through = proxy_factory(node.proxied_port, node.proxy_port)
    topic = kafka.create_topic("proxied")
    produce.produce(kafka.bootstrap, topic, ["x" * 1000])
    # The client is told the proxy's address by the broker, so the answer comes that way.
    fault = through.after(DOWN, FIN, bytes_passed=600)
    assert len(produce.read_all(kafka.proxied_bootstrap, topic)) == 1
    assert fault.happened and through.accepted > 1


def test_kafka_of_three_moves_leaders(kafka_factory):
    cluster = kafka_factory(brokers=3)
    topic = cluster.create_topic("ticks", 3)
    produce.produce(cluster.bootstrap, topic, ["one"])
    old = cluster.wait_leader(topic)
    cluster.kill(old)
    wait.wait_until(lambda: cluster.leader(topic) not in (old, -1), "another leader")
    produce.produce(cluster.bootstrap, topic, ["two"])
    cluster.start(old)
    assert [sent.value for sent in produce.read_all(cluster.bootstrap, topic)] == [b"one", b"two"]


def test_missing_kafka_is_a_reason_and_not_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("TICKD_KAFKA_LIBS", str(tmp_path / "libs"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kafka.missing() == "no java (default-jre-headless)"
    (tmp_path / "java").symlink_to("/bin/true")
    assert "no mvn" in kafka.missing()


def check_round_trip(broker, topic="ticks"):
    """Sends every kind of message to two partitions and reads the same again."""
    producer = produce.Producer(broker.bootstrap)
    for number in range(300):
        producer.send(topic, f"value {number}", key=f"key {number}", partition=number % 2,
                      timestamp_ms=1_700_000_000_000 + number)
    producer.send(topic, None, key="tombstone", partition=0)
    producer.send(topic, b"\0\xff raw", partition=1, headers=[("h", b"v")])
    sent = producer.flush()
    assert [message.offset for message in sent] == [number // 2 for number in range(302)]
    found = produce.read_all(broker.bootstrap, topic, 2)
    expected = sorted(sent, key=lambda message: (message.partition, message.offset))
    assert [seen(message) for message in found] == [seen(message) for message in expected]
    stamps = [message.timestamp_ms for message in found if message.key and b"key" in message.key]
    assert sorted(stamps) == [1_700_000_000_000 + number for number in range(300)]


def read_in_group(broker, group, topic, count):
    """Joins the group, takes that many values, commits the offset after them, leaves."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": group, "enable.auto.commit": False,
        "auto.offset.reset": "earliest", "session.timeout.ms": 6000})
    values = []
    try:
        consumer.subscribe([topic])
        while len(values) < count:
            record = wait.wait_until(lambda: consumer.poll(0.1), "a message for the group")
            assert not record.error(), record.error()
            values.append(record.value())
            consumer.commit(record, asynchronous=False)
        return values
    finally:
        consumer.close()


def seen(message):
    return (message.partition, message.offset, message.key, message.value,
            [(name, bytes(value)) for name, value in message.headers])


# --- names

LOOK_UP = ("import socket, sys\n"
           "try: print(socket.gethostbyname(sys.argv[1]))\n"
           "except OSError as error: print(error.errno)\n")


def look_up(names, name):
    done = subprocess.run(names.wrap([sys.executable, "-c", LOOK_UP, name]), capture_output=True,
                          text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_names_resolve_as_the_test_says(names):
    names.hosts["broker.test"] = "127.0.0.1"
    assert look_up(names, "broker.test") == "127.0.0.1"
    names.hosts["broker.test"] = "127.0.0.2"
    assert look_up(names, "broker.test") == "127.0.0.2"
    assert look_up(names, "other.test") == str(socket.EAI_NONAME)
    assert names.queries.count("broker.test") >= 2


def test_names_can_fail_and_fall_silent(names):
    names.hosts["broker.test"] = "127.0.0.1"
    names.failing = True
    assert look_up(names, "broker.test") == str(socket.EAI_AGAIN)
    names.failing, names.silent = False, True
    assert look_up(names, "broker.test") == str(socket.EAI_AGAIN)
    names.silent = False
    assert look_up(names, "broker.test") == "127.0.0.1"


def test_names_do_not_touch_the_machine(names):
    with open("/etc/resolv.conf", encoding="utf-8", errors="replace") as file:
        assert names.address not in file.read()


# --- the daemon's runner, with a stand-in for the daemon

STAND_IN = """#!{python}
import os, signal, sys, time
mode = open(sys.argv[2]).read().split(" = ")[1].split()[0]
def say(text): print(text, file=sys.stderr, flush=True)
def on_term(*_):
    say("level=info event=stopping")
    if mode == "leak": say("==1==ERROR: LeakSanitizer: detected memory leaks")
    sys.exit(3 if mode == "bad" else 0)
if mode == "slow": time.sleep(0.5)
signal.signal(signal.SIGTERM, on_term)
say("level=info event=started home=" + os.environ["HOME"] + " extra=" + os.environ.get("PGHOST", "-"))
if mode == "crash": sys.exit(1)
while True: time.sleep(1000)
"""


@pytest.fixture
def stand_in(scratch, monkeypatch):
    """stand_in(mode): a daemon that behaves well or badly."""
    monkeypatch.setenv("PGHOST", "must not get in")
    path = os.path.join(scratch.dir("stand-in"), "tickd")
    with open(path, "w", encoding="ascii") as file:
        file.write(STAND_IN.format(python=sys.executable))
    os.chmod(path, 0o755)
    made = []

    def make(mode):
        made.append(Tickd(scratch, {"mode": mode}, binary=path).start())
        return made[-1]

    yield make
    for each in made:
        each.finish(orderly=False)


def test_daemon_is_waited_for_by_its_log_and_stops_well(stand_in):
    daemon = stand_in("good")
    assert daemon.wait_log("started") == "level=info event=started home=/nonexistent extra=-"
    mark = daemon.mark()
    daemon.stop()
    assert daemon.logged("event=", mark) == ["level=info event=stopping"]


def test_daemon_is_not_stopped_before_it_listens_to_signals(stand_in):
    stand_in("slow").stop()


def test_daemon_that_ends_badly_fails_the_test(stand_in):
    daemon = stand_in("bad")
    daemon.wait_log("started")
    with pytest.raises(AssertionError, match="tickd ended with 3 after SIGTERM"):
        daemon.stop()


def test_daemon_that_leaks_fails_the_test(stand_in):
    daemon = stand_in("leak")
    daemon.wait_log("started")
    with pytest.raises(AssertionError, match="LeakSanitizer"):
        daemon.stop()


def test_daemon_that_dies_is_not_waited_for(stand_in):
    daemon = stand_in("crash")
    with pytest.raises(wait.Timeout, match="tickd ended with 1"):
        daemon.wait_log("never logged")
    with pytest.raises(AssertionError, match="tickd ended by itself with 1"):
        daemon.finish(orderly=True)


def test_daemon_can_be_killed_and_started_again(stand_in):
    daemon = stand_in("good")
    daemon.wait_log("started")
    first, mark = daemon.pid, daemon.mark()
    daemon.restart().wait_log("started", since=mark)
    assert daemon.pid != first and not proc.pid_exists(first)


def test_config_is_written_with_sections_last():
    assert config_text({"s": {"c": 3}, "a": 1, "b": "x"}) == "a = 1\nb = x\n[s]\nc = 3\n"


# --- unit tests written with check

UNIT_TEST = """
#include <check.h>
#include <stdlib.h>
START_TEST(fact) { %s }
END_TEST
int main(void)
{
    Suite *suite = suite_create("s");
    TCase *tcase = tcase_create("c");
    tcase_add_test(tcase, fact);
    if (%d) suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
"""
LEAK = "void *volatile block = malloc(10); block = NULL; (void)block;"
OVERRUN = "char *volatile block = malloc(10); block[10] = 1; free(block);"


@pytest.fixture
def unit_test(tmp_path):
    """unit_test(body, *flags): path of a program whose only test has that body."""
    def build(body, *flags, added=1):
        source = tmp_path / "fact.c"
        source.write_text(UNIT_TEST % (body, added))
        libs = subprocess.run(["pkg-config", "--libs", "check"], capture_output=True, text=True,
                              check=True).stdout.split()
        subprocess.run(["cc", "-g", *flags, "-o", tmp_path / "fact", source, *libs], check=True)
        return str(tmp_path / "fact")
    return build


def test_unit_test_that_passes_is_counted(unit_test):
    assert unit.run(unit_test("ck_assert_int_eq(1, 1);")) == 1
    assert unit.run_valgrind(unit_test("free(malloc(10));")) == 1


def test_unit_test_that_fails_is_shown_with_its_totals(unit_test):
    with pytest.raises(AssertionError, match=r"0%: Checks: 1, Failures: 1(.|\n)*1 == 2"):
        unit.run(unit_test("ck_assert_int_eq(1, 2);"))


def test_unit_test_without_checks_fails(unit_test):
    with pytest.raises(AssertionError, match="no check was run"):
        unit.run(unit_test("", added=0))


@pytest.mark.parametrize("bug", [LEAK, OVERRUN])
def test_valgrind_finds_what_a_test_does_wrong(unit_test, bug):
    with pytest.raises(AssertionError, match="exit 99"):
        unit.run_valgrind(unit_test(bug))


@pytest.mark.parametrize("bug", [LEAK, OVERRUN])
def test_sanitizer_finds_what_a_test_does_wrong(unit_test, bug):
    with pytest.raises(AssertionError, match="Sanitizer"):
        unit.run(unit_test(bug, "-fsanitize=address"))


def test_unit_test_that_is_not_built_fails(tmp_path):
    with pytest.raises(AssertionError, match="is not built"):
        unit.run(str(tmp_path / "test_absent"))
