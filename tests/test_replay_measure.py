# SPDX-License-Identifier: MIT
"""tickreplay measure: its figures against what is known otherwise, and its page in a browser."""

import html.parser
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from lib import proc, programs, replay
from lib.daemon import environment
from lib.flow import Flow
from lib.replay import DONE, SAMPLE, SAMPLE_MESSAGES, TROUBLE, USAGE
from lib.wait import DEADLINE_S, wait_until

PARTITIONS = 4
PLOTS = ("throughput", "lag", "latency", "process")


@pytest.fixture
def folder(scratch):
    return scratch.dir("measure")


def start(db, mock, tickd, **config):
    """A tickd that has its partitions: what comes before is no steady state."""
    flow = Flow(db, mock, tickd, partitions=PARTITIONS, **config).create_topic()
    flow.start()
    flow.daemon.wait_until(lambda: len(flow.next_offsets()) == PARTITIONS, "all partitions")
    return flow


@pytest.fixture
def flow(db, mock, tickd):
    return start(db, mock, tickd)


def arguments(flow, folder, *send):
    """The command line: everything that can be measured, and what send is told."""
    return ["measure", "--bootstrap", flow.broker.bootstrap, "--topic", flow.topic, "--database",
            flow.db.dsn("postgres"), "--pid", flow.daemon.pid, "--html",
            os.path.join(folder, "report.html"), "--", *send]


def measure(flow, folder, *send):
    return replay.run(*arguments(flow, folder, *send),
                      json_to=os.path.join(folder, "report.json"))


# --- figures

def test_every_message_is_measured(flow, folder):
    done = measure(flow, folder, "--rate", 2500, "--shift-to-now", SAMPLE)
    assert done.code == DONE, done.err
    found = done.found
    assert found["ok"] is True
    assert found["sent"] == found["latency_ms"]["messages"] == SAMPLE_MESSAGES
    assert found["waiting"] == 0
    messages, *counts = flow.counts()
    assert found["seen"] == dict(zip(("messages", "stored", "rejected", "ignored", "dropped"),
                                     (messages, *counts)))
    assert found["audits"] > 0 and found["audits_failed"] == 0
    latency = found["latency_ms"]
    order = [latency[key] for key in ("min", "p50", "p75", "p90", "p99", "p99.9", "p99.99", "max")]
    assert order == sorted(order) and order[0] > 0
    assert latency["min"] <= latency["mean"] <= latency["max"]
    # Nothing is visible before it is batched, and linger_ms is 20 here.
    assert latency["p99"] >= 20
    assert found["rate"] == pytest.approx((found["sent"] - 1) / found["sending_s"])
    assert found["sending_s"] > 1
    assert found["process"]["cpu_pct"] > 0
    assert found["process"]["rss_peak_bytes"] >= found["process"]["rss_bytes"] > 1 << 20
    assert found["ticks_growth_bytes"] > 0 and found["database_growth_bytes"] > 0


def test_samples_add_up(flow, folder):
    done = measure(flow, folder, "--rate", 2500, "--shift-to-now", SAMPLE)
    samples = done.found["samples"]
    assert len(samples) >= 2
    for before, after in zip(samples, samples[1:]):
        assert after["at_s"] == pytest.approx(before["at_s"] + after["length_s"], abs=0.01)
        assert after["sent"] >= before["sent"]
        assert after["seen"]["messages"] >= before["seen"]["messages"]
    for sample in samples:
        assert sample["rss_bytes"] > 0
        assert sample["cpu_pct"] is not None or sample["length_s"] < 0.5
    assert samples[-1]["sent"] == SAMPLE_MESSAGES
    assert samples[-1]["seen"]["messages"] == SAMPLE_MESSAGES
    assert samples[-1]["waiting"] == 0


def test_latency_grows_with_linger(db, mock, tickd, folder):
    flow = start(db, mock, tickd, linger_ms=600)
    done = measure(flow, folder, "--rate", 500, "--count", 1000, "--shift-to-now", SAMPLE)
    assert done.code == DONE, done.err
    # Evenly spread over a batch's 600 ms, whatever the machine adds.
    assert done.found["latency_ms"]["p50"] > 250
    assert done.found["latency_ms"]["max"] > 550


def test_messages_that_never_become_visible_are_told(flow, folder):
    flow.daemon.child.pause()
    try:
        argv = arguments(flow, folder, "--max", "--count", 100, SAMPLE)
        argv[argv.index("--"):argv.index("--")] = ["--drain", "500ms"]
        done = replay.run(*argv, json_to=os.path.join(folder, "report.json"))
    finally:
        flow.daemon.child.resume()
    assert done.code == TROUBLE
    assert done.found["ok"] is False
    assert done.found["waiting"] == 100
    assert "100 did not become visible" in done.err
    with open(os.path.join(folder, "report.html"), encoding="utf-8") as file:
        assert "100 of 100 messages did not become visible" in file.read()


def test_rows_without_books_are_told(flow, folder):
    flow.db.query("""CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$
                     BEGIN DELETE FROM ticks WHERE symbol = 'BTC'; RETURN NULL; END $$;
                     CREATE TRIGGER lose AFTER UPDATE ON ingest_offsets
                     FOR EACH STATEMENT EXECUTE FUNCTION lose();
                     ALTER FUNCTION lose() SECURITY DEFINER""")
    done = measure(flow, folder, "--rate", 2500, "--shift-to-now", SAMPLE)
    assert done.code == TROUBLE
    assert done.found["audits_failed"] > 0
    assert "rows and books" in done.err


def test_interrupt_ends_it_with_a_report(flow, folder):
    log = os.path.join(folder, "log")
    path = os.path.join(folder, "report.json")
    argv = arguments(flow, folder, "--rate", 200, "--loop", 0, "--shift-to-now", SAMPLE)
    argv[1:1] = ["--json", path]
    child = proc.Child([programs.path("tickreplay"), *argv], log=log, env=environment())
    wait_until(lambda: flow.db.count("ticks") > 100, "ticks")
    child.send(signal.SIGINT)
    assert child.wait(DEADLINE_S) == DONE, proc.tail(log)
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    assert found["interrupted"] is True and found["ok"] is True
    assert found["sent"] == found["seen"]["messages"] == flow.counts()[0]


def test_failing_sender_is_told(flow, folder):
    done = measure(flow, folder, "--max", os.path.join(folder, "no-such-recording"))
    assert done.code == TROUBLE
    assert done.found["sender_code"] == TROUBLE
    assert "no-such-recording" in done.err


def test_unreachable_database_and_wrong_options(folder):
    done = replay.run("measure", "--topic", "t", "--database", "host=/nonexistent", "--", SAMPLE)
    assert done.code == TROUBLE and "database" in done.err
    for wrong in (("--topic", "t"), ("--", SAMPLE), ("--topic", "t", "--rate", "5", "--", "x"),
                  ("--topic", "t", "--poll", "never", "--", "x")):
        assert replay.run("measure", *wrong).code == USAGE, wrong


# --- the page

class Page(html.parser.HTMLParser):
    """What the test wants to know of a page: figures with their paths, texts by id, references."""

    def __init__(self, text):
        super().__init__()
        self.figures, self.references, self.texts = {}, [], {}
        self._figure = self._id = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "figure":
            self._figure = self.figures.setdefault(attrs["id"], {"paths": [], "svg": 0, "text": ""})
        elif tag == "svg":
            self._figure["svg"] += 1
        elif tag == "path":
            self._figure["paths"].append(attrs.get("d", ""))
        if attrs.get("id"):
            self._id = attrs["id"]
        self.references += [attrs[key] for key in ("src", "href") if key in attrs]

    def handle_endtag(self, tag):
        if tag == "figure":
            self._figure = None

    def handle_data(self, data):
        if self._figure is not None:
            self._figure["text"] += data
        self.texts[self._id] = self.texts.get(self._id, "") + data


def _chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return shutil.which(name)
    return None


def _browse(folder, *options):
    """Chromium, with no network and a profile of its own; what it prints."""
    done = subprocess.run(
        [_chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=2000",
         f"--user-data-dir={folder}/profile", *options, f"file://{folder}/report.html"],
        env={**environment(), "HOME": folder}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, check=False, timeout=DEADLINE_S * 2)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2000:]
    return done.stdout.decode("utf-8", "replace")


def _check_page(page, found):
    assert tuple(page.figures) == PLOTS
    for name, figure in page.figures.items():
        assert figure["svg"] == 1, name
        assert figure["paths"], name
        for path in figure["paths"]:
            # A line: as many points as there are samples, but for gaps.
            assert len(re.findall(r"[ML][\d.]+ [\d.]+", path)) >= 2, (name, path)
    assert f"All {found['sent']} messages became visible" in page.texts["verdict"]
    assert page.references == [], "the page wants something from elsewhere"


@pytest.fixture
def measured(flow, folder):
    done = measure(flow, folder, "--rate", 1500, "--shift-to-now", SAMPLE)
    assert done.code == DONE, done.err
    return done.found


def test_page_has_four_plots_with_data(measured, folder):
    with open(os.path.join(folder, "report.html"), encoding="utf-8") as file:
        text = file.read()
    _check_page(Page(text), measured)
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert "prefers-color-scheme:dark" in text and "width=device-width" in text


@pytest.mark.skipif(not _chromium(), reason="no chromium here")
def test_browser_shows_four_plots(measured, folder):
    _check_page(Page(_browse(folder, "--dump-dom")), measured)
    for name, size in (("desk", "1280,900"), ("phone", "390,844")):
        picture = os.path.join(folder, name + ".png")
        _browse(folder, f"--screenshot={picture}", f"--window-size={size}")
        assert os.path.getsize(picture) > 5000
