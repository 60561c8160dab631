# SPDX-License-Identifier: MIT
"""A topic, a database and a tickd between them, and the proof that nothing is lost and nothing twice.

The oracle is independent of tickd: it knows what was sent, numbered by `seq` in the volume field of
each canonical tick, and compares the table with it row by row.
"""

import json
import time

from . import produce
from .wait import DEADLINE_S

TIE_SLACK_US = 1000


def now_ms():
    return time.time_ns() // 1_000_000


def canonical(symbol, price, time_ms, seq=0, **more):
    """A canonical tick as JSON text; seq stands in its volume."""
    return json.dumps({"time": time_ms, "symbol": symbol, "price": price, "volume": seq, **more})


class Flow:
    """One topic of one broker into one database. Owns its producer; the daemon is the fixture's."""

    def __init__(self, db, broker, tickd, topic="ticks", partitions=1, **config):
        self.db = db
        self.broker = broker
        self.topic = topic
        self.partitions = partitions
        self.config = {
            "database_url": db.dsn(),
            "kafka.bootstrap.servers": broker.bootstrap,
            "kafka.session.timeout.ms": 4000,
            "kafka.heartbeat.interval.ms": 500,
            "topics": topic,
            "group": "tickd",
            "require_hypertable": "no",
            "linger_ms": 20,
            "retry_max_ms": 1000,
            "shutdown_timeout_ms": 30000,
            **config,
        }
        self.daemon = None
        self.sent = {}  # seq -> (symbol, time_ms, price) of ticks that must be stored
        self._tickd = tickd
        self._producer = None
        self._seq = 0

    # --- sending

    @property
    def producer(self):
        if self._producer is None:
            self._producer = produce.Producer(self.broker.bootstrap)
        return self._producer

    def renew_producer(self):
        """The next one will look afresh at brokers and partitions."""
        self.flush()
        self._producer = None

    def create_topic(self):
        self.broker.create_topic(self.topic, self.partitions)
        return self

    def send_raw(self, value, key=None, partition=0, **more):
        return self.producer.send(self.topic, value, key=key, partition=partition, **more)

    def send_ticks(self, count, symbols=("BTC", "ETH", "SOL"), base_ms=None):
        """Good ticks, each with a number of its own; a third of them share their key with another."""
        base_ms = base_ms or now_ms()
        for i in range(count):
            symbol = symbols[i % len(symbols)]
            self.send_raw(self._tick(symbol, base_ms + (i // len(symbols)) // 2), key=symbol,
                          partition=symbols.index(symbol) % self.partitions)

    def send_together(self, *symbols):
        """One message with a good tick of each: one batch has them all, in this order."""
        ticks = ",".join(self._tick(symbol, now_ms()) for symbol in symbols)
        self.send_raw(f"[{ticks}]", key=symbols[0])

    def _tick(self, symbol, time_ms):
        self._seq += 1
        price = 100.0 + self._seq / 7
        self.sent[self._seq] = (symbol, time_ms, price)
        return canonical(symbol, price, time_ms, self._seq)

    def flush(self):
        self.producer.flush()
        return self

    # --- running

    def start(self, **more):
        self.daemon = self._tickd({**self.config, **more})
        return self.daemon

    def new_daemon(self, **more):
        """Another member of the group."""
        return self._tickd({**self.config, **more})

    def next_offsets(self):
        rows = self.db.query("SELECT kafka_partition, next_offset FROM ingest_offsets"
                             " WHERE topic = %s AND group_id = %s", (self.topic,
                                                                     self.config["group"]))
        return dict(rows)

    def consumed(self):
        """True when the stored offsets have reached the log's ends."""
        ends = produce.end_offsets(self.broker.bootstrap, self.topic, self.partitions)
        stored = self.next_offsets()
        return all(stored.get(number, 0) >= end for number, end in enumerate(ends))

    def wait_consumed(self, timeout=DEADLINE_S):
        self.flush()
        self.daemon.wait_until(self.consumed, f"{self.topic} to be consumed", timeout)

    def sessions(self):
        """Process ids of the writing sessions of the group."""
        return [pid for pid, in self.db.query(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = %s ORDER BY pid", (f"tickd:{self.config['group']}",))]

    # --- proving

    def rows(self, sql, args=None):
        return self.db.query(sql, args)

    def counts(self):
        """(messages, stored, rejected, ignored, dropped) as accounted for."""
        return tuple(int(n or 0) for n in self.db.query(
            "SELECT sum(messages), sum(stored), sum(rejected), sum(ignored), sum(dropped)"
            " FROM ingest_offsets WHERE topic = %s", (self.topic,))[0])

    def check_rows(self):
        """Every sent tick is in the table once, with its values, and nothing else is."""
        rows = self.db.query("SELECT volume::int, symbol, extract(epoch from time) * 1000000, price"
                             " FROM ticks")
        stored = {}
        for seq, symbol, time_us, price in rows:
            assert seq not in stored, f"tick {seq} is stored twice"
            stored[seq] = (symbol, int(time_us), price)
        missing = sorted(set(self.sent) - set(stored))
        assert not missing, f"{len(missing)} ticks are missing, the first: {missing[:5]}"
        foreign = sorted(set(stored) - set(self.sent))
        assert not foreign, f"{len(foreign)} rows were never sent, the first: {foreign[:5]}"
        for seq, (symbol, time_ms, price) in self.sent.items():
            got_symbol, got_us, got_price = stored[seq]
            assert (got_symbol, got_price) == (symbol, price), f"tick {seq} was changed"
            assert 0 <= got_us - time_ms * 1000 < TIE_SLACK_US, f"tick {seq} is at the wrong time"

    def check_accounts(self, rejected=0, ignored=0, dropped=0):
        """The table and the dead letters agree with the counters, and these with what was sent."""
        _, *counts = self.counts()
        assert counts == [len(self.sent), rejected, ignored, dropped]
        assert self.db.count("ticks") == len(self.sent)
        assert self.db.count("rejected_ticks") == rejected

    def check(self, **accounts):
        self.check_rows()
        self.check_accounts(**accounts)
