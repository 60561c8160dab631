# SPDX-License-Identifier: MIT
"""What the real binary tells systemd: readiness, status, the watchdog, reloads, the end."""

import time

import pytest

from lib.flow import Flow
from lib.notify import Listener
from lib.wait import wait_until

EXTENSION_US = 30_000_000


@pytest.fixture
def systemd(scratch):
    listener = Listener(scratch)
    yield listener
    listener.close()


@pytest.fixture
def flow(db_private, mock, tickd, systemd):
    def start(config):
        return tickd(config, env=systemd.environment)
    return Flow(db_private, mock, start).create_topic()


def test_a_start_says_what_it_waits_for_and_is_ready_when_ticks_flow(flow, systemd):
    flow.broker.down()
    flow.db.cluster.stop()
    flow.start()
    systemd.wait("STATUS", "waiting for database")
    flow.db.cluster.start()
    systemd.wait("STATUS", "waiting for broker")
    assert not systemd.messages("READY")
    flow.broker.up()
    systemd.wait("READY", "1")
    assert systemd.said("STATUS")[-1] == "flowing"


def test_a_start_that_waits_asks_for_time_until_it_is_ready(flow, systemd):
    """systemd's watchdog begins with READY=1; what hangs before is noticed by the time running out."""
    flow.broker.down()
    flow.start()
    systemd.wait("STATUS", "waiting for broker")
    for _ in range(3):
        systemd.wait("EXTEND_TIMEOUT_USEC", str(EXTENSION_US), since=systemd.mark())
    flow.broker.up()
    systemd.wait("READY", "1")
    since = systemd.mark()
    for _ in range(2):
        systemd.wait("WATCHDOG", "1", since=systemd.mark())
    assert not systemd.messages("EXTEND_TIMEOUT_USEC", since)


def test_status_follows_an_outage_and_ready_is_said_once(flow, systemd):
    flow.start()
    systemd.wait("READY", "1")
    since = systemd.mark()
    flow.db.cluster.stop("fast")
    systemd.wait("STATUS", "waiting for database", since)
    since = systemd.mark()
    flow.db.cluster.start()
    systemd.wait("STATUS", "flowing", since)
    assert systemd.said("READY") == ["1"]


def test_the_loop_feeds_the_watchdog_and_nobody_else_does(flow, systemd):
    flow.start()
    systemd.wait("READY", "1")
    since, began = systemd.mark(), time.monotonic()
    wait_until(lambda: len(systemd.messages("WATCHDOG", since)) >= 4, "the watchdog to be fed")
    # Once a second; a pause may hold one up until the next one.
    assert len(systemd.messages("WATCHDOG", since)) <= time.monotonic() - began + 2
    flow.daemon.child.pause()
    since = systemd.mark()
    flow.send_ticks(100)
    flow.flush()
    assert not systemd.messages(since=since)
    flow.daemon.child.resume()
    systemd.wait("WATCHDOG", "1", since)
    flow.wait_consumed()


def test_a_reload_is_told_from_its_begin_to_its_end(flow, systemd):
    flow.start()
    systemd.wait("READY", "1")
    for config in ({**flow.config, "linger_ms": 30}, {**flow.config, "linger_ms": "soon"}):
        since = systemd.mark()
        flow.daemon.reload(config)
        begun = systemd.wait("RELOADING", "1", since)
        assert 0 < int(begun["MONOTONIC_USEC"]) <= begun["at"] * 1e6
        systemd.wait("READY", "1", since)


def test_a_reload_before_it_is_ready_does_not_end_the_start(flow, systemd):
    flow.broker.down()
    flow.start()
    systemd.wait("STATUS", "waiting for broker")
    flow.daemon.reload({**flow.config, "linger_ms": 30})
    flow.daemon.wait_log("event=reloaded")
    systemd.wait("WATCHDOG", "1", since=systemd.mark())
    assert not systemd.messages("READY") and not systemd.messages("RELOADING")
    flow.broker.up()
    systemd.wait("READY", "1")


def test_a_stop_is_told_at_once_with_the_time_it_may_take(flow, systemd):
    flow.start(shutdown_timeout_ms=45000)
    systemd.wait("READY", "1")
    since = systemd.mark()
    flow.daemon.stop()
    stop = systemd.messages(since=since)
    stopping = next(number for number, message in enumerate(stop) if "STOPPING" in message)
    assert int(stop[stopping]["EXTEND_TIMEOUT_USEC"]) > 45_000_000
    assert stop[stopping + 1]["STATUS"] == "stopping"
    assert not [message for message in stop[stopping:] if "READY" in message]
