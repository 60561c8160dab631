# SPDX-License-Identifier: MIT
"""tickd at the pace of a live feed: latency, and CPU at rest; and what a tick costs it in instructions."""

import os
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from lib import programs, replay
from lib.daemon import Tickd, environment
from lib.wait import wait_until

from .bed import PARTITIONS, Wrong
from .cpu import process_s
from .load import config_of

# From the queue of librdkafka to the bytes of COPY: these three, and all they call.
_PATH = ("kafka_peek", "pipeline_take", "kafka_advance")
_SETTLE_S = 2.0
# Of the feed, by messages: the stretch over which CPU is counted. The feed flows all through it.
_FROM, _TO = 0.1, 0.9


class Live:
    """A daemon that follows a topic of its own. Use as a context manager."""

    _number = 0

    def __init__(self, bed, **options):
        Live._number += 1
        self.bed = bed
        self.topic = self.group = f"live-{Live._number}"
        bed.empty()
        bed.kafka.create_topic(self.topic, PARTITIONS)
        self.daemon = Tickd(bed.scratch, config_of(bed, self.topic, self.group, **options))

    def __enter__(self):
        self.daemon.start()
        self.daemon.wait_until(self._ready, "partitions")
        time.sleep(_SETTLE_S)  # joining is no steady state
        return self

    def __exit__(self, failed, *_):
        if not failed:
            self.daemon.stop()
        self.daemon.child.kill()

    def measure(self, rate, seconds):
        """tickreplay measure: what it says, and the daemon's CPU while the feed flows."""
        recording = self.bed.make_recording(rate, seconds)
        with ThreadPoolExecutor(1) as pool:
            feed = pool.submit(self._replay, recording, rate, seconds)
            cpu_pct = self._cpu_pct(rate, seconds, feed)
        done = feed.result()
        found = done.found
        if done.code or not found.get("ok"):
            raise Wrong(f"tickreplay measure at {rate}/s: {done.err}")
        self._check(found["sent"])
        latency = {key: found["latency_ms"][key] for key in ("p50", "p99", "max")}
        return {"rate": found["rate"], "sent": found["sent"], "latency_ms": latency,
                "cpu_pct": cpu_pct, "rss_mib": self.daemon.child.peak_rss_bytes() / 2**20}

    def _replay(self, recording, rate, seconds):
        return replay.run(
            "measure", "--quiet", "--bootstrap", self.bed.kafka.bootstrap, "--topic", self.topic,
            "--group", self.group, "--database", self.bed.db.dsn("postgres"), "--",
            "--rate", rate, "--shift-to-now", recording, timeout=seconds + 120,
            json_to=os.path.join(self.bed.scratch.dir("measure"), "report.json"))

    def _cpu_pct(self, rate, seconds, feed):
        """The daemon's CPU while the feed, which has begun, flows: percent of a core."""
        def wait_for(part):
            wait_until(lambda: self.bed.consumed() >= part * rate * seconds, f"{part} of the feed",
                       timeout=seconds + 60, abort=lambda: ended(feed))

        wait_for(_FROM)
        cpu, began = process_s(self.daemon.pid), time.monotonic()
        wait_for(_TO)
        return 100 * (process_s(self.daemon.pid) - cpu) / (time.monotonic() - began)

    def _ready(self):
        return self.bed.db.count("ingest_offsets") == PARTITIONS

    def _check(self, sent):
        if self.bed.books() != (sent, 0) or self.bed.fingerprint()[0] != sent:
            raise Wrong(f"{sent} ticks were sent, {self.bed.books()} are accounted for, "
                        f"{self.bed.fingerprint()[0]} are in the table")


def ended(feed):
    """What tickreplay had to say at its end, None as long as it runs."""
    return feed.result().err or "tickreplay ended" if feed.done() else None


def instructions(bed, topic, count, **options):
    """Instructions a tick, by callgrind: of the path from the consumer's queue to the bytes of COPY."""
    if not shutil.which("valgrind"):
        return None
    out = os.path.join(bed.scratch.dir("callgrind"), "out")
    collect = [f"--toggle-collect={function}" for function in _PATH]

    def wrap(argv):
        return ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}", *collect,
                *argv]

    bed.empty()
    daemon = Tickd(bed.scratch, config_of(bed, topic, "callgrind", **options), wrap=wrap)
    daemon.start()
    try:
        daemon.wait_until(lambda: bed.consumed() >= count, "the backlog to be drained", 600)
        daemon.stop()
    finally:
        daemon.child.kill()
    with open(out, encoding="utf-8", errors="replace") as file:
        totals = re.search(r"^(?:totals|summary): (\d+)", file.read(), re.M)
    return int(totals[1]) / count


def decode():
    """What the decoder's own measurement says."""
    done = subprocess.run([programs.path("bench_decode"), "--json"], env=environment(), check=True,
                          text=True, stdout=subprocess.PIPE)
    found = re.findall(r'"(decode\w*)"\s*:\s*([0-9.]+)', done.stdout)
    return {key: float(value) for key, value in found}
