# SPDX-License-Identifier: MIT
"""Another server takes over, or the same one comes back with less than it had promised: tickd goes to where
the database is, and reads again what is missing there."""

import os
import signal

import pytest

from lib import net, pg
from lib.fault import Disturbed, Frozen, set_server
from lib.wait import wait_until


@pytest.fixture
def flow(db_private, kafka, tickd):
    return Disturbed(db_private, kafka, tickd)


def test_read_only_server_is_waited_for(flow):
    """As after a failover that left the client at the old primary, in a few lines however long it lasts."""
    cluster = flow.db.cluster
    mark = flow.run()
    set_server(cluster, "default_transaction_read_only", "on")
    flow.send_more()
    assert "read-only" in flow.daemon.wait_log("event=commit_failed .*sqlstate=25006", mark)
    assert "session is read-only" in flow.daemon.wait_log("event=database_connect_failed .*attempt=16 ",
                                                          mark)
    flow.wait_state("waiting for database", mark)
    flow.assert_said(mark, 16)
    set_server(cluster, "default_transaction_read_only", None)
    flow.go_on()
    flow.wait_state("flowing", mark)


class Pair:
    """A primary and a standby that follows it, and one URL for both."""

    def __init__(self, flow, standby):
        self.primary, self.standby = flow.db.cluster, standby
        flow.config["database_url"] = (
            f"postgresql://tickd@{net.LOOPBACK}:{self.primary.port},{net.LOOPBACK}:{standby.port}"
            f"/{flow.db.name}?target_session_attrs=read-write")

    def wait_replayed(self):
        at = self.primary.query("SELECT pg_current_wal_lsn()")[0][0]
        wait_until(lambda: self.standby.query("SELECT pg_last_wal_replay_lsn() >= %s", (at,))[0][0],
                   "the standby to catch up")

    def fail_over(self, flow):
        """The primary is gone for good; what the test looks at is the new one. Returns how many ticks that
        one had before it took over: a moment later tickd may have brought it the rest."""
        self.primary.kill_postmaster()
        flow.db.close()
        flow.db.cluster = self.standby
        had = flow.db.count("ticks")
        self.standby.query("SELECT pg_promote()")
        return had


@pytest.fixture
def pair(flow, scratch, show_log):
    standby = pg.Standby(scratch, flow.db.cluster)
    show_log(standby.log)
    standby.start()
    yield Pair(flow, standby)
    standby.close()


def test_failover_to_a_standby(flow, pair):
    mark = flow.run()
    pair.wait_replayed()
    flow.send_more()
    pair.fail_over(flow)
    flow.go_on()
    flow.daemon.wait_log(f"event=database_up .*name=ingest .*port={pair.standby.port}", mark)


def test_failover_to_a_standby_that_lags(flow, pair):
    """Batches that the old primary had committed are not in the new one."""
    flow.run()
    pair.wait_replayed()
    set_server(pair.standby, "primary_conninfo", "")
    wait_until(lambda: not pair.primary.query("SELECT pid FROM pg_stat_replication"),
               "replication to end")
    mark = flow.go_on()
    assert pair.fail_over(flow) < len(flow.sent)
    flow.daemon.wait_log("event=rewind", mark)
    flow.go_on()


def test_crash_that_loses_commits_of_synchronous_commit_off(flow):
    """What had been answered COMMIT is gone, rows and offsets together."""
    flow.db.query("ALTER ROLE tickd SET synchronous_commit = off")
    flow.run()
    writer = flow.db.one("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")
    with Frozen(writer):
        mark = flow.go_on(1000)
        lost = flow.db.one("SELECT pg_current_wal_insert_lsn() - pg_current_wal_flush_lsn()")
        assert lost > 0, "everything is on disk"
        os.kill(writer, signal.SIGKILL)  # the server ends all sessions and recovers
        flow.daemon.wait_log("event=rewind", mark)
    flow.go_on()
