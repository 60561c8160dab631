# SPDX-License-Identifier: MIT
"""What fault tests share: points of the stream to strike at, proxies in a flow's way, load meanwhile."""

import threading
import time

import confluent_kafka.admin

from . import net
from .wait import DEADLINE_S

# What tickd and PostgreSQL send each other for a batch, in this order.
BEGIN_SENT = b"BEGIN; COPY"
COPY_HEADER = b"PGCOPY\n\xff\r\n\0"
COMMIT_SENT = b"; COMMIT\0"
COMMIT_DONE = b"COMMIT\0"

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
