# SPDX-License-Identifier: MIT
"""The machine disturbs tickd: its clock, its stderr, its file descriptors. Ticks are not affected, or work
resumes by itself."""

import contextlib
import fcntl
import os
import resource
import signal

import pytest

from lib import disk, proc
from lib.fault import Disturbed
from lib.faults import kafka_proxy, kafka_through
from lib.flow import canonical, now_ms

HOUR_MS = 3_600_000
# A quarter of a core: a loop that spins takes all of one.
IDLE_SHARE = 0.25


@pytest.fixture
def flow(db, kafka, tickd):
    return Disturbed(db, kafka, tickd)


# --- clock

def start_with(flow, tickd, **how):
    flow.daemon = tickd(flow.config, **how)
    return flow.daemon


def test_clock_that_jumps_by_an_hour(flow, tickd, clock):
    """Deadlines, batches and group membership go by the monotonic clock."""
    flow.config["max_ahead"] = 7200
    # librdkafka's waits end by the clock that is faked: its main thread may sleep through some heartbeats.
    flow.config["kafka.session.timeout.ms"] = 30000
    start_with(flow, tickd, env=clock.env)
    flow.wait_state("flowing")
    mark = flow.go_on()
    for offset in ("+1h", "-1h", "+0"):
        clock.set(offset)
        flow.go_on()
    assert not flow.daemon.logged("level=(warn|error)", mark)
    assert not flow.daemon.logged("event=kafka_(revoked|assigned)", mark), "it stayed in the group"


def test_clock_that_is_late_is_said_to_be(flow, tickd, clock):
    """What comes is from the future then: nothing is lost, and somebody is told why."""
    start_with(flow, tickd, env=clock.env)
    flow.wait_state("flowing")
    flow.go_on()
    mark = flow.daemon.mark()
    clock.set("-1h")
    for i in range(100):
        flow.send_raw(canonical("BTC", 1 + i, now_ms() + i))
    flow.wait_consumed()
    line = flow.daemon.wait_log("event=clock_suspect", mark)
    assert "level=warn" in line and "BTC" in line
    flow.assert_said(mark, 8)
    assert flow.db.query("SELECT reason, count(*) FROM rejected_ticks GROUP BY 1") == [
        ("too_far_ahead", 100)]
    clock.set("+0")
    flow.send_ticks(100)
    flow.wait_consumed()
    flow.check(rejected=100)


# --- stderr

def redirected(words):
    """wrap= for a daemon whose stderr is what the shell makes of these words."""
    return lambda argv: ["sh", "-c", f'exec "$0" "$@" {words}', *argv]


def end(daemon):
    """In order, although there is no log that a test could read."""
    daemon.child.send(signal.SIGTERM)
    assert daemon.wait_exit() == 0


def settle(flow):
    flow.send_ticks(300)
    flow.flush()
    flow.daemon.wait_until(flow.consumed, "everything to be consumed")
    flow.check()


def test_stderr_closed(flow, tickd):
    """No socket gets its number, and so no log line gets to a server."""
    start_with(flow, tickd, wrap=redirected("2>&- <&- >&-"))
    settle(flow)
    held = [os.readlink(f"/proc/{flow.daemon.pid}/fd/{number}") for number in range(3)]
    assert held == ["/dev/null"] * 3
    settle(flow)
    end(flow.daemon)


# Hundreds of lines a second.
CHATTY = {"log_level": "debug", "kafka.debug": "all"}


def test_stderr_is_a_pipe_that_nobody_reads(flow, tickd, tmp_path):
    """Lines are dropped and counted; who reads again learns how many."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    flow.config.update(CHATTY)
    start_with(flow, tickd, wrap=redirected(f"2>{pipe}"))
    settle(flow)
    size = fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ)
    flow.daemon.wait_until(lambda: unread(reader) > size - 4096, "the pipe to be full")
    settle(flow)
    said = bytearray()

    def read():
        with contextlib.suppress(BlockingIOError):
            said.extend(os.read(reader, 1 << 20))
        return b"event=log_dropped" in said
    flow.daemon.wait_until(read, "the number of lines that were lost")
    os.close(reader)
    settle(flow)  # and now nobody can read it any more
    end(flow.daemon)


def unread(fd):
    count = bytearray(4)
    fcntl.ioctl(fd, 0x541B, count)  # FIONREAD
    return int.from_bytes(count, "little")


def test_stderr_on_a_full_disk(flow, tickd, scratch):
    if disk.missing():
        pytest.skip(disk.missing())
    room = disk.SmallDisk(scratch, 1)
    try:
        log = os.path.join(room.path, "log")
        flow.config.update(CHATTY)
        start_with(flow, tickd, wrap=redirected(f"2>>{log}"))
        settle(flow)
        room.fill()
        settle(flow)
        room.free()

        def dropped():
            with open(log, "rb") as file:
                return b"event=log_dropped" in file.read()
        flow.daemon.wait_until(dropped, "the number of lines that were lost")
        settle(flow)
        end(flow.daemon)
    finally:
        room.close()


# --- file descriptors

def limit(daemon, count):
    """No further file descriptor than `count`, or as before if it is None."""
    hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (hard if count is None else count, hard))


def test_out_of_file_descriptors(flow, cluster_of_flow, proxy_factory):
    """No connection can be made, neither here nor there; it does not spin, and goes on when it can."""
    kafka = kafka_proxy(proxy_factory, flow.broker.brokers[0])
    mark = kafka_through(flow).run()
    limit(flow.daemon, 3)
    cluster_of_flow.terminate_backends("tickd%")
    kafka.cut()
    line = flow.daemon.wait_log("event=database_connect_failed .*attempt=8 ", mark)
    assert "Too many open files" in line
    flow.daemon.wait_log("event=kafka_(down|error|log) .*Too many open files", mark)
    flow.wait_state("waiting for database", mark)
    flow.send_more()
    assert proc.cpu_share(flow.daemon.child, 1) < IDLE_SHARE
    flow.assert_said(mark, 40)
    limit(flow.daemon, None)
    flow.go_on()
    flow.wait_state("flowing", mark)


@pytest.fixture
def cluster_of_flow(flow):
    return flow.db.cluster


def test_too_few_file_descriptors_to_start_with(flow, tickd):
    """That is no fault of the configuration: a supervisor shall try again."""
    daemon = start_with(flow, tickd, wrap=lambda argv: ["prlimit", "--nofile=6:6", *argv])
    assert daemon.wait_exit() == 1
    assert "Too many open files" in daemon.logged("event=start_failed")[0]
