# SPDX-License-Identifier: MIT
"""One measured load of the table each: by psql \\copy, by tickd; and reading the topic alone."""

import datetime
import os
import re
import subprocess
import time

from lib import programs
from lib.daemon import Tickd, environment
from lib.web import Web

from .bed import PARTITIONS, Wrong
from .cpu import Meter, process_s

_LOOK_S = 0.005
_DRAIN_S = 900.0
_GIVEN = re.compile(r"^ts=(\S+) .*event=kafka_assigned .*partitions=[1-9]")


def config_of(bed, topic, group, **more):
    """tickd's configuration for the bench: its defaults, but for what it cannot know."""
    return {"database_url": bed.db.dsn(), "kafka.bootstrap.servers": bed.kafka.bootstrap,
            "topics": topic, "group": group, "http_listen": Web().listen,
            "require_hypertable": "yes" if bed.hypertable else "no", **more}


def copy(bed, path):
    """psql \\copy of the prepared rows into the empty table."""
    bed.empty()
    child = bed.psql(f"\\copy ticks from '{path}' (format binary)")
    began = time.monotonic()
    backend, used = None, {"psql": 0.0, "backend": 0.0}
    while child.poll() is None:
        backend = backend or next(iter(bed.backends("bench")), None)
        used["psql"] = process_s(child.pid) or used["psql"]
        used["backend"] = process_s(backend) if backend and process_s(backend) else used["backend"]
        time.sleep(_LOOK_S)
    seconds = time.monotonic() - began
    if child.returncode:
        raise Wrong(f"psql ended with {child.returncode}")
    rows = bed.fingerprint()
    return {"seconds": seconds, "rate": rows[0] / seconds, "cpu_s": used}, rows


def bare(bed, topic, count):
    """librdkafka alone, counting."""
    meter = Meter(broker=bed.broker_pid).start()
    done = subprocess.run([programs.path("bareconsume"), bed.kafka.bootstrap, topic,
                           str(PARTITIONS), str(count)], env=environment(), check=True, text=True,
                          stdout=subprocess.PIPE)
    messages, _, seconds = done.stdout.split()
    meter.stop()
    return {"seconds": float(seconds), "rate": int(messages) / float(seconds),
            "cpu_s": meter.used}


class Drain:
    """tickd, from the moment it has its partitions to the commit of the last tick."""

    _number = 0

    def __init__(self, bed, topic, count, **options):
        Drain._number += 1
        self.bed = bed
        self.count = count
        self.group = f"drain-{Drain._number}"
        self.daemon = Tickd(bed.scratch, config_of(bed, topic, self.group, **options))

    def run(self):
        """(figures, fingerprint of the table)."""
        self.bed.empty()
        self.daemon.start()
        try:
            figures = self._measure()
            self.daemon.stop()
        finally:
            self.daemon.child.kill()
        stored, others = self.bed.books()
        rows = self.bed.fingerprint()
        if (stored, others, rows[0]) != (self.count, 0, self.count):
            raise Wrong(f"of {self.count} ticks {stored} are accounted for and {others} besides, "
                        f"{rows[0]} are in the table\n{self.daemon.log_text()[-2000:]}")
        return {**figures, **self._merges()}, rows

    def _measure(self):
        daemon = self.daemon
        began = daemon.wait_until(self._given, "partitions")
        backends = {f"backend_{i}": pid
                    for i, pid in enumerate(sorted(self.bed.backends("tickd:%")))}
        meter = Meter(tickd=daemon.pid, broker=self.bed.broker_pid, **backends).start()
        self._wait_drained()
        seconds = time.time() - began
        meter.stop()
        used = {"tickd": meter.used["tickd"], "broker": meter.used["broker"],
                "backend": sum(meter.used[name] for name in backends)}
        return {"seconds": seconds, "rate": self.count / seconds, "cpu_s": used,
                "others_s": meter.others_s, "threads_cpu_s": _threads(daemon.pid),
                "rss_mib": daemon.child.peak_rss_bytes() / 2**20}

    def _wait_drained(self):
        """A wait of its own: lib.wait looks too seldom to time anything."""
        end = time.monotonic() + _DRAIN_S
        while self.bed.consumed() < self.count:
            if not self.daemon.alive or time.monotonic() > end:
                raise Wrong(f"not drained\n{self.daemon.log_text()[-2000:]}")
            time.sleep(_LOOK_S)

    def _given(self):
        """Unix time at which partitions were assigned, 0 as long as they are not."""
        for line in self.daemon.log_text().splitlines():
            found = _GIVEN.search(line)
            if found:
                return datetime.datetime.fromisoformat(found[1].replace("Z", "+00:00")).timestamp()
        return 0.0

    def _merges(self):
        """How many batches there were, and how many went row by row."""
        total = {"commits": 0, "merges": 0}
        for line in self.daemon.log_text().splitlines():
            if " event=stopped " not in line:
                continue
            for key in total:
                found = re.search(rf" {key}=(\d+)", line)
                total[key] = int(found[1]) if found else None
        return total


def _threads(pid):
    """CPU seconds by the name of the thread."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/comm", encoding="utf-8") as file:
                name = file.read().strip()
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                seconds = int(file.read().split()[0]) / 1e9
        except FileNotFoundError:
            continue
        found[name] = found.get(name, 0.0) + seconds
    return {name: seconds for name, seconds in found.items() if seconds > 0.001}
