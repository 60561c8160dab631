# SPDX-License-Identifier: MIT
"""What fault tests share: points of the stream to strike at, proxies in a flow's way, load meanwhile."""

import threading
import time

import confluent_kafka.admin

from . import net
from .proxy import UP
from .wait import DEADLINE_S, wait_until

# What tickd and PostgreSQL send each other for a batch, in this order.
BEGIN_SENT = b"BEGIN"
COPY_HEADER = b"PGCOPY\n\xff\r\n\0"
ROWS_ENDED = b"\xff\xffc\0\0\0\4"    # end of the binary rows and CopyDone; COMMIT came before the rows
COMMIT_DONE = b"COMMIT\0"

# PostgreSQL keeps up to 1,000 rows of a COPY in memory, then it writes them and their index entries.
MANY_ROWS = 3000
_ROWS_WRITTEN = 1000
_ROWS_BYTES = 128 * 1024

_LOAD_STEP_S = 0.02


def database_through(flow, proxy):
    """tickd reaches the database through the proxy; `direct_url` is the way without it."""
    flow.direct_url = flow.config["database_url"]
    flow.config["database_url"] = flow.direct_url.replace(f":{flow.db.cluster.port}/",
                                                          f":{proxy.port}/")
    return flow


def kafka_through(flow):
    """tickd reaches the brokers through the proxies that the test puts on their proxy_port."""
    flow.config["kafka.bootstrap.servers"] = flow.broker.proxied_bootstrap
    return flow


def kafka_proxy(proxy_factory, broker):
    """The proxy in front of one lib.kafka.Broker."""
    return proxy_factory((net.LOOPBACK, broker.proxied_port), broker.proxy_port)


def wait_stored(flow, more):
    """Waits until `more` further ticks are in the table."""
    wanted = flow.db.count("ticks") + more
    flow.daemon.wait_until(lambda: flow.db.count("ticks") >= wanted, f"{more} more ticks")


def members(flow):
    """How many members the flow's consumer group has, as the broker sees it."""
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": flow.broker.bootstrap,
                                               "log_level": 2})
    found = admin.list_groups(group=flow.config["group"], timeout=DEADLINE_S)
    return sum(len(group.members) for group in found)


class MidCopy:
    """Arms `action` for the moment at which a COPY of many rows is half done: the server has written
    some, so that it holds their keys, and waits for the rest. By default the network falls silent then.

    The flow goes through flow.proxy, and its batches are to be large: large_batches(flow).
    """

    def __init__(self, flow, action=None):
        self._db, self._proxy = flow.db, flow.proxy
        self._action = action or flow.proxy.blackhole
        self._rows = None
        self._header = flow.proxy.after(UP, self._count_from_here, pattern=COPY_HEADER)

    def wait(self):
        self._header.wait()
        self._rows.wait()

    def _count_from_here(self):
        self._rows = self._proxy.after(UP, self._strike, bytes_passed=_ROWS_BYTES)

    def _strike(self):
        wait_until(self._rows_are_written, "rows in the server")
        self._action()

    def _rows_are_written(self):
        return self._db.query("SELECT 1 FROM pg_stat_progress_copy WHERE tuples_processed > %s",
                              (_ROWS_WRITTEN,))


def large_batches(flow):
    """Whatever is sent at once goes into one batch."""
    flow.config.update(batch_rows=2 * MANY_ROWS, linger_ms=1000)
    return flow


class Load:
    """Sends a flow's ticks at a steady rate from a thread, while faults happen.

    with Load(flow, rate): ...; the flow's producer is the thread's until the block ends.
    """

    def __init__(self, flow, rate):
        self._flow = flow
        self._rate = rate
        self._end = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self):
        assert self._flow.producer is not None
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
        if self._error:
            raise self._error

    def _run(self):
        begin, sent = time.monotonic(), 0
        try:
            while not self._end.wait(_LOAD_STEP_S):
                due = int((time.monotonic() - begin) * self._rate) - sent
                self._flow.send_ticks(due)
                sent += due
        except BaseException as error:    # pylint: disable=broad-except
            self._error = error
