# SPDX-License-Identifier: MIT
"""The installed package under a real systemd: main job, states, limits and restarts in the unit's sandbox."""

import itertools
import os
import socket

import pytest

from lib import guest as guests, net
from lib.flow import Flow
from lib.pg import Database

# What does not run does not react to signals either: systemd must not wait long for that.
IMPATIENT = "[Service]\nTimeoutStopSec=1\n"
HANG_S = 90.0

_topics = itertools.count()


@pytest.fixture(scope="module")
def guest(scratch):
    reason = guests.missing()
    if reason:
        pytest.skip(reason)
    booted = guests.Guest(scratch).boot()
    yield booted
    booted.halt()


@pytest.fixture
def unit(guest, show_log):
    show_log(guest.log)
    made = guests.Unit(guest)
    yield made
    made.reset()


def flow_into(db, kafka, unit):
    """A flow whose daemon is a unit; start() is `systemctl start`."""
    def start(config):
        unit.configure(config)
        unit.systemctl("start")
        return unit
    name = f"sandbox-{os.getpid()}-{next(_topics)}"
    return Flow(db, kafka, start, topic=name, group=name, partitions=2).create_topic()


@pytest.fixture
def flow(db, kafka, unit):
    return flow_into(db, kafka, unit)


def go_on(flow, count=300):
    flow.send_ticks(count)
    flow.wait_consumed()
    flow.check()


def without_servers(unit):
    """Starts it, and returns when it waits for what is not there."""
    unit.configure({"database_url": f"postgresql://tickd@{net.LOOPBACK}:{net.free_port()}/none",
                    "kafka.bootstrap.servers": f"{net.LOOPBACK}:{net.free_port()}"})
    unit.systemctl("start", "--no-block")
    unit.wait("StatusText", "waiting for database")


def test_ticks_are_stored_once_in_the_sandbox(flow, unit):
    flow.start()
    assert (unit.show("ActiveState"), unit.show("StatusText")) == ("active", "flowing")
    go_on(flow, 2000)
    status = unit.status()
    assert (status["NoNewPrivs"], status["Seccomp"], int(status["CapBnd"], 16)) == ("1", "2", 0)
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert int(status["VmHWM"].split()[0]) * 1024 < int(unit.show("MemoryHigh"))
    assert unit.guest.run("stat", "--format=%U", f"/proc/{unit.pid()}").strip() == "tickd"
    go_on(flow)


def test_the_password_is_in_a_credential_and_nowhere_else(flow, unit):
    flow.config["database_url"] = flow.db.dsn().replace("tickd@", "tickd:hunter2@")
    flow.start()
    go_on(flow)
    seen = unit.guest.run("cat", f"/proc/{unit.pid()}/environ", f"/proc/{unit.pid()}/cmdline")
    assert "CREDENTIALS_DIRECTORY=" in seen
    assert "hunter2" not in seen + unit.journal() + unit.systemctl("show") + unit.systemctl("status")
    others = unit.guest.run("sh", "-c", "setpriv --reuid=nobody --regid=nogroup --clear-groups "
                            f"cat /run/credentials/{unit.name}/* /etc/tickd/tickd.conf", check=False)
    assert "Permission denied" in others and "hunter2" not in others


def test_status_follows_an_outage(flow, unit):
    flow.start()
    flow.db.cluster.stop("fast")
    unit.wait("StatusText", "waiting for database")
    assert unit.show("ActiveState") == "active"
    flow.db.cluster.start()
    unit.wait("StatusText", "flowing")
    go_on(flow)


def test_a_reload_leaves_it_active_and_at_work(flow, unit):
    flow.start()
    pid = unit.pid()
    unit.configure({**flow.config, "linger_ms": 30})
    unit.systemctl("reload")
    unit.wait_until(lambda: "event=reloaded" in unit.journal(), "a reload")
    unit.wait("SubState", "running")
    assert unit.pid() == pid
    go_on(flow)


def test_a_stop_drains_and_ends_well(flow, unit):
    flow.start()
    flow.send_ticks(1000)
    flow.flush()
    unit.systemctl("stop")
    assert (unit.show("Result"), unit.show("ExecMainStatus")) == ("success", "0")
    assert "event=stopped" in unit.journal()
    unit.systemctl("start")
    flow.wait_consumed()
    flow.check()


def test_what_hangs_is_killed_by_the_watchdog_and_its_successor_goes_on(flow, unit):
    flow.start()
    go_on(flow)
    unit.drop_in(IMPATIENT)
    unit.guest.run("kill", "-STOP", unit.pid())
    flow.send_ticks(300)
    unit.wait("NRestarts", "1", HANG_S)
    assert "Watchdog timeout" in unit.journal()
    unit.wait("StatusText", "flowing")
    flow.wait_consumed()
    flow.check()


def test_a_start_may_wait_but_not_hang(unit):
    without_servers(unit)
    unit.drop_in(IMPATIENT)
    unit.guest.run("kill", "-STOP", unit.pid())
    unit.wait("NRestarts", "1", HANG_S)
    assert "start operation timed out" in unit.journal()
    unit.wait("StatusText", "waiting for database")
    assert unit.show("ActiveState") == "activating"


def test_a_reload_before_readiness_does_not_end_the_start(unit):
    without_servers(unit)
    unit.systemctl("kill", "--signal=HUP")
    unit.wait_until(lambda: "event=reloaded" in unit.journal(), "a reload")
    assert unit.show("ActiveState") == "activating"


def test_a_wrong_configuration_is_not_tried_again(flow, unit):
    unit.configure({**flow.config, "linger_ms": "soon"})
    unit.systemctl("start", check=False)
    unit.wait("ActiveState", "failed")
    assert (unit.show("ExecMainStatus"), unit.show("NRestarts")) == ("78", "0")
    assert "linger_ms" in unit.journal()


def test_wrong_usage_is_not_tried_again(unit):
    unit.drop_in("[Service]\nExecStart=\nExecStart=/usr/bin/tickd --no_such_option=1\n")
    unit.systemctl("start", check=False)
    unit.wait("ActiveState", "failed")
    assert (unit.show("ExecMainStatus"), unit.show("NRestarts")) == ("2", "0")


def test_a_port_that_is_taken_is_tried_again_until_it_is_free(flow, unit):
    with socket.create_server((net.LOOPBACK, 0)) as other:
        unit.configure({**flow.config, "http_listen": f"{net.LOOPBACK}:{other.getsockname()[1]}"})
        unit.systemctl("start", "--no-block")
        unit.wait_until(lambda: int(unit.show("NRestarts")) >= 2, "attempts")
    flow.daemon = unit
    unit.wait("StatusText", "flowing")
    go_on(flow)


def test_two_on_one_host(flow, db, kafka, guest, pg):
    other = Database(pg, pg.create_deployed())
    a, b = guests.Unit(guest, "a"), guests.Unit(guest, "b")
    try:
        flows = [flow_into(db, kafka, a), flow_into(other, kafka, b)]
        for each in flows:
            each.start()
        for each in flows:
            go_on(each)
        assert guest.run("stat", "--format=%a %U %G", "/etc/tickd/a.conf").split() == ["640", "root", "tickd"]
    finally:
        a.reset()
        b.reset()
        other.close()


def test_an_upgrade_waits_for_no_server(unit):
    without_servers(unit)
    before = unit.pid()
    unit.guest.run("dpkg", "--install", "/tickd.deb")
    unit.wait_until(lambda: unit.pid() not in (0, before), "another process")
    unit.wait("StatusText", "waiting for database")


def test_the_boot_waits_for_no_server(guest, unit):
    without_servers(unit)
    unit.systemctl("enable")
    try:
        guest.reboot()
        unit.wait("StatusText", "waiting for database")
        unit.wait_until(lambda: guest.systemctl("is-active", "multi-user.target", check=False).strip() == "active",
                        "multi-user.target")
        assert unit.show("ActiveState") == "activating"
    finally:
        unit.systemctl("disable")
