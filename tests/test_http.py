# SPDX-License-Identifier: MIT
"""What tickd says over HTTP is so, and nobody who asks can hold ticks up."""

import datetime
import errno
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from lib import daemon, net, pg, schema
from lib.flow import Flow, canonical, now_ms
from lib.wait import holds_for, wait_until
from lib.web import Web, parse, quantile

pytestmark = pytest.mark.early

DOCUMENTS = ("/", "/metrics", "/healthz", "/readyz", "/status", "/api/v1/pairs",
             "/api/v1/latest-prices")
HTTP_CONNECTIONS = 128  # the default
PRICE_KEYS = ["symbol", "display_name", "price", "time", "change_24h_pct", "bid", "ask", "category"]


def alone(web, **more):
    """A tickd that reaches nobody: neither database nor broker is there."""
    return {"http_listen": web.listen, "require_hypertable": "no", **more,
            "database_url": f"postgresql://tickd@127.0.0.1:{net.free_port()}/none",
            "kafka.bootstrap.servers": f"127.0.0.1:{net.free_port()}"}


@pytest.fixture
def web():
    return Web()


@pytest.fixture
def flow(db_private, mock, tickd, web):
    made = Flow(db_private, mock, tickd, http_listen=web.listen, schema_check_interval_ms=200,
                database_stats_interval_ms=1000)
    return made.create_topic()


def start_alone(tickd, web, **more):
    daemon = tickd(alone(web, **more))
    daemon.wait_log("event=started")
    return daemon


def wait_ready(flow, web, ready=True):
    return flow.daemon.wait_until(
        lambda: (found := web.json("/readyz")) and found["ready"] == ready and
        (found["state"] == "flowing") == ready and found, f"ready={ready}")


def symbols_of(flow):
    return [row[0] for row in flow.db.query("SELECT symbol FROM pairs WHERE active ORDER BY 1")]


# --- the protocol

def test_it_answers_without_database_and_broker(tickd, web):
    start_alone(tickd, web)
    assert web.get("/healthz").json["alive"] is True
    answer = web.get("/readyz")
    assert answer.status == 503
    missing = {entry["name"]: entry for entry in answer.json["missing"]}
    assert {"database", "schema", "pairs", "broker", "partitions"} <= set(missing)
    assert web.get("/api/v1/pairs").json["count"] == 0
    assert web.get("/api/v1/latest-prices").json == {"prices": [], "count": 0}
    assert web.metrics().value("tickd_ready") == 0


def test_every_document_has_its_headers_and_a_head(tickd, web):
    start_alone(tickd, web)
    for path in DOCUMENTS:
        answer = web.get(path)
        assert answer.status == (503 if path == "/readyz" else 200), path
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["connection"] == "close"
        head = web.request("HEAD", path)
        assert (head.status, head.body) == (answer.status, b"")
        assert head.headers["content-type"] == answer.headers["content-type"]
    assert web.request("HEAD", "/api/v1/stream").headers["content-type"] == "text/event-stream"


def test_other_methods_and_paths_are_refused(tickd, web):
    start_alone(tickd, web)
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        answer = web.request(method, "/metrics", body=b"x" * 100)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD"), method
    for path in ("/metrics/", "//metrics", "/api/v1", "/%6detrics/..", "/../etc/passwd"):
        assert web.get(path).status == 404, path
    assert web.get("/healthz?whatever=1").status == 200


def test_only_names_of_this_machine_are_served_on_loopback(tickd, web):
    start_alone(tickd, web)
    assert web.get("/status", Host="evil.example").status == 403
    for host in ("localhost", "127.0.0.1:9187", "[::1]"):
        assert web.get("/status", Host=host).status == 200


@pytest.mark.parametrize("request_bytes", [
    b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /status HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
    b"GET /status HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 4000 + b"\r\n",
    b"\x00" * 5000,
    b"GET\r\n\r\n",
    b"GET /status HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 3000,
], ids=["long-url", "long-header", "many-headers", "zeros", "short", "version", "tls"])
def test_what_is_no_decent_request_gets_no_document(tickd, web, request_bytes):
    daemon = start_alone(tickd, web)
    with web.connect() as sock:
        answer = b""
        try:
            sock.sendall(request_bytes)
            sock.shutdown(socket.SHUT_WR)
            while data := sock.recv(65536):
                answer += data
        except OSError:
            pass
    assert answer == b"" or answer.split(b" ", 2)[1][:1] == b"4" or b" 505 " in answer, answer[:200]
    assert daemon.alive and web.get("/healthz").status == 200


def test_unix_socket(tickd, scratch):
    path = os.path.join(scratch.dir("socket"), "http")
    web = Web("unix:" + path)
    daemon = start_alone(tickd, web)
    assert web.get("/healthz").status == 200
    daemon.kill9()
    assert os.path.exists(path)
    daemon.start()
    daemon.wait_until(lambda: web.json("/healthz"), "an answer at the socket left behind")
    daemon.stop()
    assert not os.path.exists(path)


def test_ipv6(tickd):
    if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("no IPv6 here")
    web = Web(f"[::1]:{net.free_port()}")
    start_alone(tickd, web)
    assert web.get("/healthz").status == 200


def test_off_listens_nowhere(tickd, web):
    daemon = tickd({**alone(web), "http_listen": "off"})
    daemon.wait_log("event=started")
    listening = subprocess.run(["cat", f"/proc/{daemon.pid}/net/tcp"], check=True,
                               stdout=subprocess.PIPE, text=True).stdout
    sockets = {os.readlink(f"/proc/{daemon.pid}/fd/{fd}") for fd in
               os.listdir(f"/proc/{daemon.pid}/fd")}
    inodes = [line.split()[9] for line in listening.splitlines()[1:] if line.split()[3] == "0A"]
    assert not any(f"socket:[{inode}]" in sockets for inode in inodes)


def test_what_only_a_person_can_mend_is_a_configuration_error(tickd, scratch):
    for listen in (f"unix:{scratch.dir('socket')}/none/http", "unix:/proc/http", "localhost:9187x"):
        daemon = tickd({"http_listen": listen})
        assert daemon.wait_exit() == 78, listen
        assert f'http_listen = "{listen}"' in daemon.log_text().replace("\\", "")


def test_what_may_pass_by_itself_is_tried_again_by_who_restarts_it(tickd, web, scratch):
    """A port that somebody has; an address that comes with the network; a file in the socket's place."""
    start_alone(tickd, web)
    path = os.path.join(scratch.dir("socket"), "file")
    open(path, "w", encoding="ascii").close()
    for listen, why in ((web.listen, "in use"), ("192.0.2.1:9187", "assign"), ("unix:" + path, "in use")):
        daemon = tickd(alone(Web(listen)))
        assert daemon.wait_exit() == 1, listen
        line = daemon.logged("event=start_failed")[0]
        assert "http_listen" in line and listen in line and why in line
    assert os.path.isfile(path)


# --- what it says

def test_counts_are_those_of_the_table(flow, web):
    flow.start()
    symbols = symbols_of(flow)
    flow.send_ticks(300, symbols)
    flow.send_raw("{not json")
    flow.send_raw(canonical("NOSUCH", 1, now_ms()))
    flow.send_raw('{"channel":"subscribe"}')
    flow.wait_consumed()
    wait_ready(flow, web)

    pairs = web.get("/api/v1/pairs").json
    assert pairs["count"] == len(pairs["pairs"]) == 30
    prices = web.get("/api/v1/latest-prices").json
    assert prices["count"] == 30
    assert [list(entry) for entry in prices["prices"]] == [PRICE_KEYS] * 30
    last = dict(flow.db.query("SELECT DISTINCT ON (symbol) symbol, price FROM ticks"
                              " ORDER BY symbol, time DESC"))
    assert {entry["symbol"]: entry["price"] for entry in prices["prices"]} == last

    found = wait_until(lambda: (m := web.metrics()).value("tickd_ticks_written_total") == 300 and m,
                       "the counts")
    assert found.value("tickd_messages_consumed_total") == 303
    assert found.value("tickd_ticks_rejected_total", reason="bad_json") == 1
    assert found.value("tickd_ticks_rejected_total", reason="unknown_symbol") == 1
    assert found.value("tickd_dead_letters_written_total") == 2
    assert found.value("tickd_items_ignored_total") == 1
    assert found.value("tickd_event_to_commit_seconds_count") == 300
    assert found.value("tickd_batch_rows_sum") == 300
    assert found.value("tickd_partition_stored_offset", topic="ticks", partition="0") == 303
    assert sum(found.labels("tickd_pair_ticks_total", "symbol").values()) == 300
    assert found.value("tickd_pairs_active") == 30
    wait_until(lambda: web.metrics().labels("tickd_partition_lag_messages", "partition") ==
               {"0": 0}, "no lag")

    status = web.get("/status").json
    assert status["state"] == "flowing" and status["ready"] is True
    assert status["totals"]["stored"] == 300
    rejects = {entry["reason"]: entry for entry in status["rejects"]}
    assert rejects["bad_json"]["last"]["payload"] == "{not json"
    assert rejects["unknown_symbol"]["last"]["offset"] == 301
    assert status["settings"]["linger_ms"]["value"] == "20"


def test_status_has_the_members_that_are_documented(flow, web):
    with open(os.path.join(schema.ROOT, "docs", "http.md"), encoding="utf-8") as file:
        section = file.read().split("\n## /status\n")[1].split("\n## ")[0]
    beginning, table = section.split("\n| Member |")
    members = [name for row in re.findall(r"(?m)^\| (`.*?) \|", table)
               for name in re.findall(r"`(\w+)`", row)]
    flow.start()
    flow.send_raw("{not json")
    flow.wait_consumed()
    found = wait_ready(flow, web) and web.json("/status")
    own = [name for name in re.findall(r"`(\w+)`", beginning)]
    assert set(found) == {*own, *web.json("/readyz"), *members}
    # What the right column names is in the member of its row.
    inner = {name: set(re.findall(r"`(\w+)`", right)) for left, right in
             re.findall(r"(?m)^\| (`.*?) \| (.*) \|$", table) for name in re.findall(r"`(\w+)`", left)}
    found["rejects"], found["settings"] = found["rejects"][0], found["settings"]["topics"]
    for name, names in inner.items():
        assert not names or names <= set(found[name]), name


def test_prices_survive_a_restart_and_tell_the_change(flow, web):
    flow.start()
    symbols = symbols_of(flow)
    flow.send_ticks(60, symbols)
    flow.send_raw(json.dumps({"channel": "prices", "data": [
        {"symbol": "BTC", "timestamp": now_ms() + 1000, "mark": "110", "mid": "110",
         "yesterday_price": "100"}]}))
    flow.wait_consumed()
    before = web.get("/api/v1/latest-prices").json["prices"]
    changes = {entry["symbol"]: entry["change_24h_pct"] for entry in before}
    assert changes.pop("BTC") == 10
    assert set(changes.values()) == {None}, "nobody has told the others'"
    flow.daemon.stop()
    flow.start()
    flow.daemon.wait_log("event=prices_loaded.*prices=30")
    after = wait_until(lambda: (found := web.get("/api/v1/latest-prices").json)["count"] == 30 and
                       found["prices"], "the prices of the table")
    for old, new in zip(sorted(before, key=str), sorted(after, key=str)):
        assert {**old, "change_24h_pct": None} == new


def test_what_the_table_holds_is_asked_for_until_it_answers(flow, web):
    """Somebody has locked it: tickd is ready without prices and sizes, and has them when he is gone."""
    flow.config["lock_timeout_ms"] = 200
    flow.start()
    flow.send_ticks(60, symbols_of(flow))
    flow.wait_consumed()
    flow.daemon.stop()
    locker = flow.db.session()
    try:
        with locker.cursor() as cursor:
            cursor.execute("LOCK TABLE ticks IN ACCESS EXCLUSIVE MODE")
        flow.start()
        for what in ("prices", "stats"):
            flow.daemon.wait_log(f"event=service_failed .*request={what} sqlstate=55P03",
                                 flow.daemon.began)
        assert web.get("/api/v1/latest-prices").json["count"] == 0
        wait_ready(flow, web)
        assert web.json("/status")["database"]["ticks_bytes"] is None
    finally:
        locker.close()
    flow.daemon.wait_log("event=prices_loaded.*prices=30", flow.daemon.began)
    assert web.get("/api/v1/latest-prices").json["count"] == 30
    wait_until(lambda: (web.json("/status")["database"]["ticks_bytes"] or 0) > 0, "the sizes")


def test_archiving_is_reported_as_it_is(pg_factory, mock, tickd, web):
    """The server archives, cannot, and then can."""
    cluster = pg_factory(archive_mode="on", archive_command="false")
    db = pg.Database(cluster, cluster.create_deployed())
    flow = Flow(db, mock, tickd, http_listen=web.listen, database_stats_interval_ms=1000)
    flow.create_topic().start()
    flow.send_ticks(30)
    flow.wait_consumed()
    db.query("SELECT pg_switch_wal()")

    def sample(name):
        return web.metrics().samples.get((f"tickd_wal_archive_{name}", frozenset()))
    flow.daemon.wait_until(lambda: sample("failing") == 1, "archiving to fail")
    assert sample("enabled") == 1 and sample("failures_total") >= 1
    assert sample("last_success_timestamp_seconds") is None
    assert web.json("/status")["database"]["archive_fails"] is True

    db.query("ALTER SYSTEM SET archive_command = 'true'")
    db.query("SELECT pg_reload_conf()")
    flow.daemon.wait_until(lambda: sample("failing") == 0, "archiving to succeed")
    assert sample("last_success_timestamp_seconds") >= sample("last_failure_timestamp_seconds")
    assert web.metrics().value("tickd_wal_archived_total") >= 1
    db.close()


def test_no_secret_is_shown(tickd, web):
    daemon = tickd({**alone(web), "database_url": "postgresql://tickd:hunter22@127.0.0.1:1/x",
                    "kafka.security.protocol": "sasl_plaintext", "kafka.sasl.mechanism": "PLAIN",
                    "kafka.sasl.username": "someone", "kafka.sasl.password": "hunter23"})
    daemon.wait_log("event=started")
    for path in DOCUMENTS:
        assert b"hunter" not in web.get(path).body, path
    stream = Stream(web)
    events = str([stream.next() for _ in range(4)])
    stream.close()
    assert "hunter" not in events
    daemon.child.send(signal.SIGUSR1)
    daemon.wait_log("event=dump_missing")
    assert "hunter" not in daemon.log_text()
    assert "***" in str(web.get("/status").json["settings"]["kafka.sasl.password"])


def test_exposition_is_what_prometheus_takes(flow, web):
    flow.start()
    flow.send_ticks(50)
    flow.wait_consumed()
    wait_until(lambda: "tickd_ticks_size_bytes" in web.get("/metrics").body.decode().replace(
        "# HELP tickd_ticks_size_bytes", "").replace("# TYPE tickd_ticks_size_bytes", ""),
        "sizes")
    def same_in_both():
        text = web.get("/metrics")
        other = web.get("/metrics", Accept="application/openmetrics-text;version=1.0.0,*/*;q=0.1")
        keys = [set(parse(each.body.decode()).samples) for each in (text, other)]
        return keys[0] == keys[1] and (text, other)
    # Between two scrapes a label may come or go.
    text, other = wait_until(same_in_both, "the same samples in both formats")
    assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = parse(text.body.decode())
    assert set(samples.types) == set(samples.help)
    assert other.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert other.body.endswith(b"\n# EOF\n")
    assert parse(other.body.decode()).types["tickd_ticks_written"] == "counter"
    if not shutil.which("promtool"):
        pytest.skip("no promtool")
    done = subprocess.run(["promtool", "check", "metrics"], input=text.body, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    assert (done.returncode, done.stdout) == (0, b"")


class Stream:
    """One client of the stream; its events as (name, document)."""

    def __init__(self, web):
        self.sock = web.connect()
        # HTTP/1.0: no chunks to take apart.
        self.sock.sendall(b"GET /api/v1/stream HTTP/1.0\r\nHost: localhost\r\n\r\n")
        self._file = self.sock.makefile("r", encoding="utf-8", newline="\n")
        self.status = int(self._file.readline().split()[1])
        while self._file.readline().strip():
            pass

    def next(self):
        name = self._file.readline()
        data = self._file.readline()
        assert self._file.readline() == "\n"
        assert name.startswith("event: ") and data.startswith("data: "), (name, data)
        return name[len("event: "):].strip(), json.loads(data[len("data: "):])

    def next_of(self, name):
        while True:
            found, document = self.next()
            if found == name:
                return document

    def read_to_end(self):
        return self._file.read()

    def close(self):
        self._file.close()
        self.sock.close()


def test_stream_begins_with_everything_and_goes_on_with_what_changes(flow, web):
    flow.start()
    flow.send_ticks(30, symbols_of(flow))
    flow.wait_consumed()
    stream = Stream(web)
    name, state = stream.next()
    assert name == "state" and state["state"] and "BTC" in state["ticks_per_s"]
    name, prices = stream.next()
    assert name == "prices" and prices["full"] is True and len(prices["prices"]) == 30
    flow.send_ticks(1, ["ETH"], base_ms=now_ms() + 1000)
    flow.flush()
    prices = stream.next_of("prices")
    assert prices["full"] is False
    assert [entry["symbol"] for entry in prices["prices"]] == ["ETH"]
    wait_until(lambda: stream.next_of("state")["totals"]["stored"] == 31, "the tick to be counted")
    stream.close()


def test_a_client_of_the_stream_gets_a_few_events_a_second(flow, web):
    """However many ticks come; by the daemon's own clock."""
    flow.start()
    wait_ready(flow, web)
    stream = Stream(web)
    first, last, events = stream.next_of("state"), None, 0
    while not last or seconds_between(first["now"], last["now"]) < 5:
        flow.send_ticks(200, symbols_of(flow))
        flow.flush()
        name, document = stream.next()
        events += 1
        last = document if name == "state" else last
    stream.close()
    assert last["totals"]["stored"] - first["totals"]["stored"] > 10 * events
    # Two beats a second, each with prices, and one of them with the state.
    assert events <= 4 * seconds_between(first["now"], last["now"])


def seconds_between(earlier, later):
    """Of two times as tickd writes them."""
    earlier, later = (datetime.datetime.fromisoformat(each.replace("Z", "+00:00"))
                      for each in (earlier, later))
    return (later - earlier).total_seconds()


def test_streams_are_limited_and_end_with_the_daemon(tickd, web):
    daemon = start_alone(tickd, web, http_connections=8)
    first, second = Stream(web), Stream(web)
    assert (first.status, second.status) == (200, 200)
    assert web.get("/api/v1/stream").status == 503
    first.close()
    wait_until(lambda: web.metrics().value("tickd_http_connections", kind="stream") == 1,
               "the first one's end to be noticed")
    daemon.stop()
    second.read_to_end()
    second.close()


# --- readiness

def test_afternoon_of_the_outage(flow, web):
    """All tables but ticks are dropped, and come back."""
    flow.start()
    flow.send_ticks(30)
    flow.wait_consumed()
    wait_ready(flow, web)
    schema.drop_all_but_ticks(flow.db)
    wait_ready(flow, web, False)

    def named():
        answer = web.get("/readyz")
        objects = {found["object"] for entry in answer.json["missing"]
                   for found in entry.get("objects", [])}
        return answer.status == 503 and objects
    flow.daemon.wait_until(lambda: set(schema.LOST) <= (named() or set()),
                           "each missing table's name")
    missing = web.metrics().labels("tickd_schema_object_missing", "object")
    assert set(schema.LOST) <= set(missing)
    assert web.metrics().value("tickd_ready_condition", condition="schema") == 0

    pid = flow.daemon.pid
    back = flow.daemon.mark()
    schema.restore(flow.db)
    wait_ready(flow, web)
    assert flow.daemon.alive and flow.daemon.pid == pid
    flow.send_ticks(30)
    flow.wait_consumed()
    flow.check_rows()
    wait_until(lambda: not web.metrics().labels("tickd_schema_object_missing", "object"), "no object to be missing")
    # The log tells the same story.
    assert flow.daemon.logged(r"event=unready .*missing=\S*schema\S* was_missing=nothing for_s=")
    flow.daemon.wait_log("event=ready .*was_missing=", back)


def test_lag_makes_it_unready_although_nothing_is_fetched(flow, web):
    """The log's end is asked for while the database is away and nobody takes what is fetched."""
    flow.config.update({"ready_max_lag": 50, "batch_rows": 10, "kafka.queued.min.messages": 20})
    flow.start()
    flow.send_ticks(10)
    flow.wait_consumed()
    wait_ready(flow, web)
    flow.db.cluster.stop("fast")
    flow.send_ticks(200)
    flow.flush()

    def reasons():
        return {entry["name"] for entry in web.get("/readyz").json["missing"]}
    flow.daemon.wait_until(lambda: {"database", "lag"} <= reasons(), "database and lag as reasons")
    flow.db.cluster.start()
    wait_ready(flow, web)
    flow.wait_consumed()
    flow.check_rows()


# --- nobody holds ticks up

class Loop:
    """What the daemon's loop and its ticks had to wait for between two scrapes."""

    def __init__(self, before, after):
        self.turn = quantile(after.histogram("tickd_loop_turn_seconds", before), 0.9)
        self.latency = quantile(after.histogram("tickd_event_to_commit_seconds", before), 0.5)


def scrape(web):
    """Metrics, as soon as it is somebody else's turn."""
    answer = wait_until(lambda: _try(web, "/metrics"), "somebody else's turn")
    return parse(answer.body.decode())


def ticks_flow(flow, web, annoy=lambda: None, until=lambda now: True, rounds=10):
    """Ticks come and are waited for, while annoy() is called, so many rounds and until(metrics)."""
    before = scrape(web)
    while True:
        for _ in range(rounds):
            annoy()
            flow.send_ticks(100)
            flow.wait_consumed()
        now = scrape(web)
        if until(now):
            return Loop(before, now)


def assert_unharmed(calm, attacked):
    """In buckets, which double and more; what is below the time for one turn's intake is noise."""
    assert attacked.turn <= 10 * max(calm.turn, 0.01), (calm.turn, attacked.turn)
    assert attacked.latency <= 10 * max(calm.latency, 0.05), (calm.latency, attacked.latency)


class Crowd:
    """Clients that go on with their request a byte at a time, and come again when they are let go."""

    def __init__(self, web, count):
        self._web = web
        self._socks = [self._connect() for _ in range(count)]
        self.refused = 0

    def _connect(self):
        sock = socket.socket()
        sock.setblocking(False)
        code = sock.connect_ex((self._web.host, self._web.port))
        assert code in (0, errno.EINPROGRESS), os.strerror(code)
        return sock

    def dribble(self):
        for i, sock in enumerate(self._socks):
            try:
                sock.send(b"G")
            except BlockingIOError:
                pass  # it is not connected yet
            except ConnectionError as error:
                self.refused += isinstance(error, ConnectionRefusedError)
                sock.close()
                self._socks[i] = self._connect()

    def close(self):
        for sock in self._socks:
            sock.close()


def test_thousand_slow_clients_hold_nothing_up(flow, web):
    """They begin a request and never end it; ticks flow as before, and others are served."""
    flow.start()
    flow.send_ticks(30)
    flow.wait_consumed()
    calm = ticks_flow(flow, web)
    full = []
    began = web.metrics().value("tickd_http_connections_dropped_total")

    def overrun(now):
        full.append(now.value("tickd_http_connections", kind="request"))
        return now.value("tickd_http_connections_dropped_total") - began >= 300
    crowd = Crowd(web, 1000)
    try:
        attacked = ticks_flow(flow, web, crowd.dribble, overrun)
        assert crowd.refused == 0
    finally:
        crowd.close()
    # Now and then one has just been dropped when we look.
    assert HTTP_CONNECTIONS // 2 < max(full) <= HTTP_CONNECTIONS
    assert_unharmed(calm, attacked)
    wait_until(lambda: scrape(web).value("tickd_http_connections", kind="request") == 1,
               "the crowd to be gone")
    flow.check()


def test_greedy_clients_get_a_share_of_the_loop(flow, web):
    """They ask for the largest documents as fast as they can, and never read what they get."""
    flow.start()
    flow.send_ticks(30)
    flow.wait_consumed()
    calm = ticks_flow(flow, web)
    asked = scrape(web).value("tickd_http_requests_total")
    crowd = []

    def ask():
        while crowd:
            crowd.pop().close()
        for path in ("/", "/status", "/metrics") * 20:
            sock = web.connect()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 50)
            crowd.append(sock)
    attacked = ticks_flow(flow, web, ask,
                          lambda now: now.value("tickd_http_requests_total") - asked >= 500)
    while crowd:
        crowd.pop().close()
    assert_unharmed(calm, attacked)
    flow.check()


def waiting_bytes(web):
    """What the daemon has sent and nobody has taken, of all its connections."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return sum(int(row[4].split(":")[0], 16) for row in rows
               if row[1].endswith(f":{web.port:04X}") and row[3] == "01")


def test_clients_of_the_stream_that_stop_reading_are_let_go(flow, web):
    """What they do not take fills their sockets and no more; ticks flow, and who reads is served."""
    symbols = [f"P{number}" for number in range(1000)]
    flow.db.query("INSERT INTO pairs (symbol, max_leverage, min_order_size, tick_size, category,"
                  " whale_threshold_usd) SELECT unnest(%s), 1, 1, 1, 'major', 1", (symbols,))
    flow.start()

    def all_move():
        flow.send_ticks(len(symbols), symbols, base_ms=now_ms())
        flow.wait_consumed()
    calm = ticks_flow(flow, web, all_move)
    before = scrape(web)
    idle = [Stream(web) for _ in range(8)]
    waiting = []

    def gone(now):
        waiting.append(waiting_bytes(web))
        return now.value("tickd_http_connections", kind="stream") == 0
    attacked = ticks_flow(flow, web, all_move, gone, rounds=1)
    after = scrape(web)
    assert max(waiting) > 8 * 100_000, "they have been sent nothing"
    grown = (after.value("process_resident_memory_bytes") -
             before.value("process_resident_memory_bytes"))
    assert grown < 16_000_000, grown
    assert_unharmed(calm, attacked)
    for stream in idle:
        stream.close()
    flow.check_rows()


def _try(web, path):
    try:
        return web.get(path)
    except OSError:
        return None


def test_without_descriptors_nobody_spins(tickd, web):
    """Who cannot be accepted waits, and the loop does not turn for him all the time."""
    daemon = tickd(alone(web, http_connections=1000),
                   wrap=lambda argv: ["prlimit", "--nofile=48", *argv])
    daemon.wait_log("event=started")
    crowd = Crowd(web, 60)
    try:
        wait_until(lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) == 48, "all descriptors used")
        before = os.times().elapsed
        holds_for(lambda: daemon.alive, "its life", 2)
        seconds = os.times().elapsed - before
    finally:
        crowd.close()
    assert scrape(web).value("tickd_loop_turn_seconds_count") < 500 * (seconds + 2)


def test_slow_client_is_let_go(tickd, web):
    start_alone(tickd, web)
    with web.connect() as sock:
        sock.sendall(b"GET /status HTTP/1.1\r\n")
        wait_until(lambda: _dribbled_out(sock), "the connection to be closed")
    assert web.metrics().value("tickd_http_connections_dropped_total") >= 1


def _dribbled_out(sock):
    """Goes on with its header; true when the other side has had enough."""
    try:
        sock.sendall(b"X: y\r\n")
        time.sleep(0.2)
        sock.setblocking(False)
        return sock.recv(1) == b""
    except BlockingIOError:
        sock.settimeout(30)
        return False
    except ConnectionError:
        return True


# --- the log

def test_signal_dumps_the_state(flow, web):
    flow.start()
    flow.send_ticks(30)
    flow.wait_consumed()
    wait_ready(flow, web)
    flow.daemon.child.send(signal.SIGUSR1)
    line = flow.daemon.wait_log("event=dump ")
    assert "msg=flowing" in line and "ready=yes" in line and "active=30" in line
    assert "stored=30" in flow.daemon.wait_log("event=dump_work")
    assert "stored=30" in flow.daemon.wait_log("event=dump_partition")


def test_dump_names_what_is_missing(tickd, web):
    daemon = start_alone(tickd, web)
    daemon.child.send(signal.SIGUSR1)
    daemon.wait_log("event=dump_missing.*condition=database")
    daemon.wait_log("event=dump_missing.*condition=broker")


@pytest.mark.parametrize("fault", [signal.SIGABRT, signal.SIGSEGV])
def test_fault_writes_the_flight_recorder(flow, fault):
    """Lines of all levels, of which log_level has shown none: how it came to where it is."""
    flow.start(log_level="warn", http_listen="off")
    for _ in range(2):    # the second flies when the first is known to have landed
        flow.send_ticks(30)
        flow.wait_consumed()
    assert not flow.daemon.logged("event=batch_done")
    flow.daemon.child.send(fault)
    assert flow.daemon.wait_exit() == -fault
    text = flow.daemon.recorded()
    assert "event=started" in text
    for event in ("database_state msg=connecting", "pipeline_state msg=running",
                  "partition_start .*partition=0 offset=0", "batch_done"):
        assert re.search(f"level=debug event={event}", text), event


# --- tickd health

def health(listen, scratch):
    return daemon.run("health", config={"http_listen": listen}, scratch=scratch)


def test_health_is_what_readyz_says(flow, web, scratch):
    flow.start()
    wait_ready(flow, web)
    done = health(web.listen, scratch)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ready"] is True
    flow.db.query("ALTER TABLE ingest_gaps RENAME TO gone")
    wait_ready(flow, web, ready=False)
    done = health(web.listen, scratch)
    assert done.returncode == 1
    assert "ingest_gaps" in done.stdout


def test_health_over_a_unix_socket(tickd, scratch):
    web = Web("unix:" + os.path.join(scratch.dir("socket"), "http"))
    start_alone(tickd, web)
    assert json.loads(health(web.listen, scratch).stdout)["ready"] is False


def test_health_of_nobody(scratch):
    done = health(f"127.0.0.1:{net.free_port()}", scratch)
    assert done.returncode == 1 and "Connection refused" in done.stderr
    done = health("off", scratch)
    assert done.returncode == 1 and "http_listen is off" in done.stderr


def test_health_of_somebody_else(scratch):
    """A listener that takes the connection and says something that is not HTTP."""
    with socket.create_server((net.LOOPBACK, 0)) as listener:
        def answer():
            client, _ = listener.accept()
            with client:
                client.recv(1000)
                client.sendall(b"220 mail.example ESMTP\r\n")
        thread = threading.Thread(target=answer)
        thread.start()
        done = health(f"127.0.0.1:{listener.getsockname()[1]}", scratch)
        thread.join()
    assert done.returncode == 1 and "no tickd" in done.stderr
