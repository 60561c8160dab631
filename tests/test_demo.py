# SPDX-License-Identifier: MIT
"""make demo: what it says is so, and it leaves nothing behind, however it ends."""

import fcntl
import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
import urllib.request

import psycopg2
import pytest

from lib import pg, proc, programs, schema
from lib.wait import wait_until

_SCRIPT = os.path.join(schema.ROOT, "scripts", "demo")
_FLOWING = re.compile(r"psql -h (\S+)/pg -U postgres ticks")
_DEADLINE_S = 180.0


class Demo:
    """One run of the script, with an output directory of its own."""

    def __init__(self, scratch, seconds):
        self.base = scratch.dir("demo")
        self.out = os.path.join(self.base, "out")
        self.log = os.path.join(self.base, "log")
        env = {**os.environ, "DEMO_SECONDS": str(seconds), "DEMO_OUT": self.out,
               "DEMO_BUILD": programs.build_dir(), "TICKD_PG_BINDIR": pg.bindir()}
        self.child = proc.Child([_SCRIPT], log=self.log, env=env, name="demo")

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def directory(self):
        """Where its servers are; known when ticks flow."""
        found = wait_until(lambda: _FLOWING.search(self.text()), "ticks to flow", _DEADLINE_S,
                           detail=self.text,
                           abort=lambda: None if self.child.alive else "the demo ended")
        return found[1]

    def query(self, sql):
        conn = psycopg2.connect(host=self.directory() + "/pg", user="postgres", dbname="ticks")
        try:
            conn.autocommit = True
            with conn.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            conn.close()

    def wait_rows(self, count):
        wait_until(lambda: self.query("SELECT count(*) FROM ticks")[0][0] >= count,
                   f"{count} ticks", _DEADLINE_S, detail=self.text)

    def interrupt(self):
        self.child.send(signal.SIGINT)

    def wait(self):
        return self.child.wait(_DEADLINE_S)

    def summary(self):
        with open(os.path.join(self.out, "summary.json"), encoding="utf-8") as file:
            return json.load(file)


@pytest.fixture
def demo(scratch, show_log):
    if pg.missing():
        pytest.skip(pg.missing())
    made = []

    def run(seconds):
        made.append(Demo(scratch, seconds))
        show_log(made[-1].log)
        return made[-1]

    yield run
    for each in made:
        each.child.end(signal.SIGTERM)


def _users(directory):
    """Processes that have to do with the directory: by command line or working directory."""
    found = []
    for path in glob.glob("/proc/[0-9]*"):
        try:
            with open(path + "/cmdline", "rb") as file:
                line = file.read().decode("utf-8", "replace")
            if directory in line or os.readlink(path + "/cwd").startswith(directory):
                found.append(line.replace("\0", " "))
        except OSError:
            continue
    return found


def _check_gone(directory):
    wait_until(lambda: not _users(directory), "its processes to be gone",
               detail=lambda: "\n".join(_users(directory)))
    assert not os.path.exists(directory)


def test_its_api_counts_thirty_pairs_until_it_is_ended(demo):
    """With DEMO_SECONDS=0, and by the addresses that it prints."""
    run = demo(0)
    directory = run.directory()
    page = wait_until(lambda: re.search(r"in a browser: (http://\S+/) ", run.text()),
                      "the page's address", detail=run.text)[1]
    with urllib.request.urlopen(page, timeout=30) as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert b"<title>tickd</title>" in answer.read()
    address = wait_until(lambda: re.search(r"curl (http://\S+)/api/v1/pairs", run.text()),
                         "the address", detail=run.text)[1]

    def count(document):
        with urllib.request.urlopen(f"{address}/api/v1/{document}", timeout=30) as answer:
            return json.load(answer)["count"]
    assert count("pairs") == 30
    wait_until(lambda: count("latest-prices") == 30, "30 prices", _DEADLINE_S)
    run.interrupt()
    assert run.wait() == 0, run.text()
    _check_gone(directory)


def test_every_tick_is_accounted_for(demo):
    run = demo(6)
    directory = run.directory()
    assert run.wait() == 0, run.text()
    _check_gone(directory)
    found = run.summary()
    assert found["ok"] is True
    assert found["messages"] == 6 * 250
    assert found["produced"] >= found["messages"]
    assert found["produced"] == found["stored"] + found["rejected"] + found["ignored"]
    assert min(found["stored"], found["rejected"], found["ignored"]) > 0
    assert sum(found["reasons"].values()) == found["rejected"]
    assert found["reasons"]["unknown_symbol"] > 0 and len(found["reasons"]) > 2
    assert found["symbols"] == 30
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["max_ms"]
    assert found["cpu_pct"] > 0
    assert found["rss_mib"] > 1
    assert found["deviations"] == 0
    text = run.text()
    for part in ("Dead letters by reason", "unknown_symbol", "Latest prices", "kBONK",
                 "visible after", "psql -h", "All ticks are accounted for"):
        assert part in text
    assert os.path.getsize(os.path.join(run.out, "report.html")) > 1000


def test_interrupt_ends_the_stream_and_the_summary_comes(demo):
    run = demo(0)
    directory = run.directory()
    run.wait_rows(200)
    # As a terminal does it: to everything of the script's session.
    os.killpg(run.child.pid, signal.SIGINT)
    assert run.wait() == 0, run.text()
    _check_gone(directory)
    found = run.summary()
    assert found["ok"] is True and found["interrupted"] is True
    assert found["produced"] == found["stored"] + found["rejected"] + found["ignored"]
    assert found["stored"] >= 200


def test_second_interrupt_ends_everything(demo):
    run = demo(0)
    directory = run.directory()
    run.wait_rows(1)
    run.interrupt()
    wait_until(lambda: "checking" in run.text() or not run.child.alive or
               run.child.send(signal.SIGINT), "the end of the demo", _DEADLINE_S)
    run.interrupt()
    assert run.wait() in (0, 130)
    _check_gone(directory)


def test_interrupt_before_ticks_flow(demo):
    run = demo(6)
    wait_until(lambda: "starting" in run.text(), "the start")
    run.interrupt()
    assert run.wait() == 130
    assert not os.path.exists(os.path.join(run.out, "summary.json"))
    assert "psql -h" not in run.text()


def test_killed_demo_takes_its_processes_along_and_the_next_cleans_up(demo):
    run = demo(0)
    directory = run.directory()
    run.wait_rows(1)
    run.child.kill()
    try:
        wait_until(lambda: not _users(directory), "its processes to be gone",
                   detail=lambda: "\n".join(_users(directory)))
        assert os.path.isdir(directory)
        os.utime(directory, (0, 0))
        again = demo(1)
        again.directory()
        assert not os.path.exists(directory)
        assert again.wait() == 0, again.text()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.parametrize("loss", [
    "DELETE FROM ticks WHERE ctid IN (SELECT ctid FROM ticks LIMIT 1)",
    "DELETE FROM rejected_ticks WHERE ctid IN (SELECT ctid FROM rejected_ticks LIMIT 1)",
    "UPDATE ticks SET price = price * 2 WHERE ctid IN (SELECT ctid FROM ticks LIMIT 1)",
])
def test_loss_is_not_hidden(demo, loss):
    run = demo(3)
    wait_until(lambda: run.query("SELECT count(*) > 0 FROM rejected_ticks")[0][0], "a dead letter",
               _DEADLINE_S, detail=run.text)
    run.query(loss)
    assert run.wait() == 1, run.text()
    assert run.summary()["ok"] is False
    assert run.summary()["deviations"] > 0
    assert "NOT ALL TICKS ARE ACCOUNTED FOR" in run.text()


def test_terminal_gets_a_line_a_second_and_no_pager(scratch):
    if pg.missing():
        pytest.skip(pg.missing())
    base = scratch.dir("demo")
    env = {**os.environ, "DEMO_SECONDS": "4", "DEMO_OUT": base, "PAGER": "less",
           "DEMO_BUILD": programs.build_dir(), "TICKD_PG_BINDIR": pg.bindir(), "TERM": "xterm"}
    ours, theirs = pty.openpty()
    # A small window: whatever is longer would go through a pager, which waits for a key.
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 80, 0, 0))
    with subprocess.Popen([_SCRIPT], stdin=theirs, stdout=theirs, stderr=theirs, env=env,
                          start_new_session=True) as script:
        os.close(theirs)
        try:
            text = _read_terminal(ours, script)
            assert script.wait(_DEADLINE_S) == 0, text
        finally:
            script.terminate()
            os.close(ours)
    assert len(re.findall(r"^ +\d+s +\d+ .* MiB", text, re.M)) >= 3
    assert "All ticks are accounted for" in text


def _read_terminal(fd, script):
    text = b""
    end = time.monotonic() + _DEADLINE_S
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                text += os.read(fd, 65536)
            except OSError:  # the last one has closed it
                break
        elif script.poll() is not None:
            break
    return text.decode("utf-8", "replace").replace("\r\n", "\n")


def test_no_number_of_seconds_is_a_usage_error(demo):
    run = demo("soon")
    assert run.wait() == 2
    assert "DEMO_SECONDS=soon" in run.text()
