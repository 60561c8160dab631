# SPDX-License-Identifier: MIT
"""One measured load of the table each: by psql \\copy, by tickd; and reading the topic alone.

A load's seconds run from when it has its work, connected and at rest, to the commit of the last row;
the CPU of its processes counts from their start.
"""

import contextlib
import re
import resource
import subprocess
import time

from lib import programs
from lib.daemon import Tickd, environment, said_at
from lib.web import Web

from . import scrape
from .bed import PARTITIONS, Wrong
from .cpu import Meter, process_s, threads_s
from .psql import Psql

# {name: options} of the drains that are compared. Partitions keyed by symbol are uneven: of two writers
# one has the last seconds for itself, and with a third the cores are busy to the end.
DRAINS = {f"drain_{check}_{writers}": {"fk_check": check, "writers": writers}
          for check, writers in (("row", 1), ("row", 2), ("batch", 1), ("batch", 2), ("batch", 3))}
FASTEST = "drain_batch_3"

_DRAIN_S = 900.0
# To look is a query, on the cores that tickd and its backends need: seldom, until it is nearly over.
_SELDOM_S, _OFTEN_S = 0.1, 0.01
_NEARLY = 0.9
_GIVEN = r"event=kafka_assigned .*partitions=[1-9]"


def config_of(bed, topic, group, **more):
    """tickd's configuration for the bench: its defaults, but for what it cannot know."""
    return {"database_url": bed.db.dsn(), "kafka.bootstrap.servers": bed.kafka.bootstrap,
            "topics": topic, "group": group, "http_listen": Web().listen,
            "require_hypertable": "yes" if bed.hypertable else "no", **more}


def copy(bed, path):
    """psql \\copy of the prepared rows into the empty table: (figures, fingerprint of the table)."""
    bed.empty()
    meter = Meter(broker=bed.broker_pid).start()
    with Psql(bed) as psql:
        began = time.monotonic()
        psql.do(f"\\copy ticks from '{path}' (format binary)")
        seconds = time.monotonic() - began
        used = meter.stop(loader=process_s(psql.pid), backend=process_s(psql.backend))
    rows = bed.fingerprint()
    return {"seconds": seconds, "rate": rows[0] / seconds, **used}, rows


def bare(bed, topic, count):
    """librdkafka alone, counting."""
    meter = Meter(broker=bed.broker_pid).start()
    before = _children_s()
    done = subprocess.run([programs.path("bareconsume"), bed.kafka.bootstrap, topic,
                           str(PARTITIONS), str(count)], env=environment(), check=True, text=True,
                          stdout=subprocess.PIPE)
    used = meter.stop(loader=_children_s() - before)
    messages, _, seconds = done.stdout.split()
    return {"seconds": float(seconds), "rate": int(messages) / float(seconds), **used}


def _children_s():
    """CPU seconds of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Drain:
    """tickd, from the moment it has its partitions to the commit of the last tick."""

    _number = 0

    def __init__(self, bed, topic, count, scraped=False, **options):
        """scraped: Prometheus asks for the metrics meanwhile, and the cost of that is measured."""
        Drain._number += 1
        self.bed = bed
        self.count = count
        self.scraped = scraped
        self.group = f"drain-{Drain._number}"
        self.web = Web()
        self.daemon = Tickd(bed.scratch, config_of(bed, topic, self.group,
                                                   http_listen=self.web.listen, **options))

    def run(self):
        """(figures, fingerprint of the table)."""
        self.bed.empty()
        meter = Meter(broker=self.bed.broker_pid).start()
        self.daemon.start()
        try:
            figures = self._measure(meter)
            if self.scraped:
                figures["scrape_s"] = scrape.cost_s(self.daemon.pid, self.web)
            self.daemon.stop()
        finally:
            self.daemon.child.kill()
        return {**figures, **self._merges()}, self._verified()

    def _measure(self, meter):
        daemon = self.daemon
        began = daemon.wait_until(self._given, "partitions")
        with scrape.every_second(self.web) if self.scraped else contextlib.nullcontext():
            self._wait_for(_NEARLY * self.count, _SELDOM_S)
            self._wait_for(self.count, _OFTEN_S)
            seconds = time.time() - began
            used = meter.stop(loader=process_s(daemon.pid),
                              backend=sum(map(process_s, self.bed.backends())))
        return {"seconds": seconds, "rate": self.count / seconds, **used,
                "threads_cpu_s": threads_s(daemon.pid),
                "rss_mib": daemon.child.peak_rss_bytes() / 2**20}

    def _wait_for(self, count, pause_s):
        """A wait of its own: how often it looks is part of what is measured."""
        end = time.monotonic() + _DRAIN_S
        while self.bed.consumed() < count:
            if not self.daemon.alive or time.monotonic() > end:
                raise Wrong(f"not drained\n{self.daemon.log_text()[-2000:]}")
            time.sleep(pause_s)

    def _given(self):
        """Unix time at which partitions were assigned, 0 as long as they are not."""
        lines = self.daemon.logged(_GIVEN)
        return said_at(lines[0]).timestamp() if lines else 0.0

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

    def _verified(self):
        """The fingerprint of a table that has every tick once."""
        stored, others = self.bed.books()
        rows = self.bed.fingerprint()
        if (stored, others, rows[0]) != (self.count, 0, self.count):
            raise Wrong(f"of {self.count} ticks {stored} are accounted for and {others} besides, "
                        f"{rows[0]} are in the table\n{self.daemon.log_text()[-2000:]}")
        return rows
