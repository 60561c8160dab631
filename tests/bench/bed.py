# SPDX-License-Identifier: MIT
"""The servers of a bench run, and the ticks: private PostgreSQL, a real broker, topics filled once.

The same ticks for everything: made by tickreplay from a seed, canonical and good, with the ties of a
real feed, keyed by symbol over four partitions.
"""

import json
import os
import subprocess
import sys
import time

from lib import kafka, pg, proc, programs
from lib.daemon import environment, run as run_tickd
from lib.scratch import Scratch

PARTITIONS = 4
# Only what the decoder, the validator and the table take as it is: every tick becomes one row.
_GOOD = ("--relay", "0", "--trades", "0", "--bbo", "0", "--prices", "0", "--garbage", "0",
         "--unknown", "0", "--control", "0", "--batches", "0")
# Bytes; Java's producers make batches of 16 KiB, a feed at its own pace smaller ones still.
_RECORD_BATCH = 65536
# As a server that is meant to take load has it; durability as it ships. What a load has written of
# WAL is kept for the next one (min_wal_size), so that no load but the first makes files.
_SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "8GB", "min_wal_size": "2GB",
             "checkpoint_timeout": "'30min'", "autovacuum": "off"}
# Between what was before and a load: for what the kernel has yet to write and to free.
_REST_S = 1.0
_FOREIGN_KEYS = ("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
                 " WHERE conrelid = 'ticks'::regclass AND contype = 'f'")
_BOOKS = ("SELECT coalesce(sum(stored), 0), coalesce(sum(rejected + ignored + dropped), 0)"
          " FROM ingest_offsets")


def say(text):
    """Progress."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Wrong(Exception):
    """A run whose rows are not what they must be: no figure of it counts."""


class Bed:
    """Owns the servers and the scratch directory. Use as a context manager."""

    def __init__(self):
        self.scratch = Scratch()
        timescale = pg.TIMESCALE if pg.offers_timescale() else {}
        self.pg = pg.Cluster(self.scratch, **_SETTINGS, **timescale)
        self.kafka = None
        self.db = None

    def __enter__(self):
        self.pg.start()
        self.db = pg.Database(self.pg, self.pg.create_deployed())
        self.hypertable = bool(self.db.query("SELECT 1 FROM pg_extension"
                                             " WHERE extname = 'timescaledb'"))
        self.foreign_keys = self.db.query(_FOREIGN_KEYS)
        self.kafka = kafka.KafkaCluster(self.scratch)
        self.kafka.start()
        return self

    def __exit__(self, *_):
        proc.stop_all()
        self.scratch.remove()

    @property
    def broker_pid(self):
        return self.kafka.brokers[0].child.pid

    def describe(self):
        """What the figures are of."""
        version = self.db.one("SHOW server_version").split()[0]
        table = "plain table"
        if self.hypertable:
            extension = self.db.one("SELECT extversion FROM pg_extension"
                                    " WHERE extname = 'timescaledb'")
            table = f"TimescaleDB {extension} hypertable"
        return {"postgresql": version, "table": table, "kafka": kafka.version(),
                "cpus": os.cpu_count(), "cpu": _cpu_model(),
                "versions": run_tickd("--version").stdout.split("\n")[:-1]}

    # --- ticks

    def fill(self, topic, count, seed=1):
        """Makes a topic of so many ticks."""
        say(f"{count} ticks into topic {topic}")
        self.kafka.create_topic(topic, PARTITIONS)
        make = [programs.path("tickreplay"), "generate", "--seed", str(seed), "--count", str(count),
                "--rate", "5000", *_GOOD]
        send = [programs.path("tickreplay"), "send", "--quiet", "--bootstrap",
                self.kafka.bootstrap, "--topic", topic, f"--kafka.batch.size={_RECORD_BATCH}",
                "--max", "-"]
        with subprocess.Popen(make, stdout=subprocess.PIPE, env=environment()) as maker:
            subprocess.run(send, stdin=maker.stdout, env=environment(), check=True,
                           stderr=subprocess.DEVNULL)
        if maker.returncode:
            raise Wrong(f"tickreplay generate ended with {maker.returncode}")

    def make_recording(self, rate, seconds):
        """A file of ticks for the pace of a live feed; its path."""
        path = os.path.join(self.scratch.dir("recording"), "ticks.tsv")
        subprocess.run([programs.path("tickreplay"), "generate", "--seed", "2", "--rate", str(rate),
                        "--duration", f"{seconds}s", "--output", path, *_GOOD], env=environment(),
                       check=True)
        return path

    # --- the table

    def empty(self):
        """No rows, no offsets, no checkpoint owing from what was there before, and a rest."""
        self.db.query("TRUNCATE ticks")
        self.db.query("TRUNCATE rejected_ticks, ingest_offsets")
        self.db.query("CHECKPOINT")
        time.sleep(_REST_S)

    def drop_foreign_key(self):
        for name, _ in self.foreign_keys:
            self.db.query(f'ALTER TABLE ticks DROP CONSTRAINT "{name}"')

    def restore_foreign_key(self):
        """Of the empty table."""
        for name, definition in self.foreign_keys:
            self.db.query(f'ALTER TABLE ticks ADD CONSTRAINT "{name}" {definition}')

    def fingerprint(self):
        """(rows, a number that tells their contents, in whatever order they stand)."""
        return self.db.query("SELECT count(*), sum(hash_record_extended(t, 0)) FROM ticks t")[0]

    def books(self):
        """(ticks stored, items that were not) as tickd has accounted for them."""
        return tuple(int(n) for n in self.db.query(_BOOKS)[0])

    def consumed(self):
        """Messages of all partitions that are behind the stored offsets."""
        return int(self.db.one("SELECT coalesce(sum(next_offset), 0) FROM ingest_offsets"))

    def backends(self):
        """The pids of tickd's sessions."""
        return [pid for pid, *_ in self.pg.backends()]


def _cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return models[0] if models else "unknown"


def dump(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
        file.write("\n")
