# SPDX-License-Identifier: MIT
"""Disks of the database that are full: nothing is lost, and work resumes when there is room again."""

import os
import shutil

import pytest

from lib import disk, pg
from lib.fault import Disturbed
from lib.wait import wait_until

SEGMENT = 16 * 1024 * 1024


@pytest.fixture
def small_disk(scratch):
    """small_disk(megabytes): file systems of the test's own."""
    if disk.missing():
        pytest.skip(disk.missing())
    made = []

    def make(megabytes):
        made.append(disk.SmallDisk(scratch, megabytes))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def cluster(small_disk, pg_private):
    """After small_disk, so that it is stopped before its disk goes."""
    return pg_private


@pytest.fixture
def flow(cluster, kafka, tickd):
    database = pg.Database(cluster, cluster.create_deployed())
    yield Disturbed(database, kafka, tickd)
    database.close()


def test_data_disk_full(flow, small_disk):
    room = small_disk(16)
    flow.db.query(f"CREATE TABLESPACE small LOCATION '{room.path}'")
    flow.db.query("ALTER TABLE ticks SET TABLESPACE small")
    mark = flow.run()
    room.fill()
    flow.send_more(3000)
    line = flow.daemon.wait_log("event=commit_failed", mark)
    assert "53100" in line and "No space left on device" in line and "outcome=hold" in line
    flow.wait_state("degraded: commits fail", mark)
    flow.daemon.wait_log("event=commit_failed .*suppressed=[37]", mark)
    flow.assert_said(mark, 10)
    stored, counted = flow.db.query("SELECT (SELECT count(*) FROM ticks),"
                                    " (SELECT sum(stored) FROM ingest_offsets)")[0]
    assert stored == counted < len(flow.sent), "rows and offsets agree meanwhile"
    room.free()
    flow.go_on()  # an outage of less than a second changes no headline


def move_wal(cluster, room):
    wal, moved = os.path.join(cluster.data, "pg_wal"), os.path.join(room.path, "pg_wal")
    cluster.stop()
    shutil.copytree(wal, moved)
    for base, folders, files in os.walk(moved):
        for name in [base, *(os.path.join(base, each) for each in folders + files)]:
            shutil.chown(name, pg.server_user(), pg.server_user())
            os.chmod(name, 0o700 if os.path.isdir(name) else 0o600)
    shutil.rmtree(wal)
    os.symlink(moved, wal)
    cluster.start()


def test_wal_disk_full(flow, cluster, small_disk):
    """The server dies in the middle of what it does, again and again, until somebody makes room."""
    room = small_disk(3 * SEGMENT // 1024 // 1024)
    move_wal(cluster, room)
    mark = flow.run()
    # Up to shortly before the end of the segment. Those that are kept for later go, and no other is to be had.
    left = SEGMENT - int(flow.db.one("SELECT mod(pg_current_wal_insert_lsn() - '0/0', %s)", (SEGMENT,)))
    flow.db.query("SELECT pg_logical_emit_message(false, '', repeat('x', %s))",
                  (max(left - 300_000, 0),))
    current = flow.db.one("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
    wal = os.path.join(cluster.data, "pg_wal")
    for name in os.listdir(wal):
        if len(name) == len(current) and name > current:
            os.unlink(os.path.join(wal, name))
    room.fill()
    flow.send_more(5000)
    line = flow.daemon.wait_log("event=commit_failed .*outcome=lost", mark)
    assert "53100" in line and "No space left on device" in line
    flow.daemon.wait_log("event=database_connect_failed .*attempt=4 ", mark)
    room.free()

    def back():
        if not cluster.alive:
            cluster.start()
        return cluster._answers()
    wait_until(back, "the server to be back")
    flow.go_on()  # an outage of less than a second changes no headline
