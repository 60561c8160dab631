# SPDX-License-Identifier: MIT
"""tickd dies at each step of its work, and its successor completes it: nothing lost, nothing twice.

Each point of include/crashpoint.h has a scenario below that makes the daemon pass it. The daemon ends
itself there, by SIGKILL; an ordinary one is started in its place, and the table is compared with what
was sent, row by row.
"""

import itertools
import os
import signal
import subprocess

import pytest

from lib import crash, produce, programs
from lib.flow import Flow, now_ms
from lib.schema import ROOT
from lib.wait import wait_until

_topics = itertools.count()


class Doomed(Flow):
    """A flow whose daemon dies at a point. Its members are static ones, so that a successor takes the
    dead one's place at once."""

    def __init__(self, db, broker, tickd, point, passing):
        number = next(_topics)
        super().__init__(db, broker, tickd, topic=f"doomed-{number}", group=f"doomed-{number}",
                         partitions=2, linger_ms=5, batch_rows=100)
        self.config["kafka.group.instance.id"] = "one"
        self.rejected = 0
        self.successor = None  # or a daemon that runs already
        self._point, self._passing = point, passing

    def send_garbage(self, count=1):
        for _ in range(count):
            self.send_raw("{not json")
        self.rejected += count

    def start_doomed(self, **more):
        self.flush()
        self.daemon = self._tickd({**self.config, **more}, binary=crash.binary(),
                                  env=crash.environment(self._point, self._passing))
        return self.daemon

    def wait_death(self):
        """It must die of its own hand, at that point and no other."""
        assert self.daemon.wait_exit() == -signal.SIGKILL
        assert crash.deaths(self.daemon.log_text()) == [(self._point, self._passing)]

    def consumed(self):
        """An offset beyond the log's end, which one scenario stores, is not its end."""
        ends = produce.end_offsets(self.broker.bootstrap, self.topic, self.partitions)
        return self.next_offsets() == dict(enumerate(ends))

    def settle(self):
        """Its successor does the rest."""
        self.send_ticks(50)
        self.flush()
        self.daemon = self.successor or self.start()
        self.wait_consumed()
        self.check(rejected=self.rejected)


# --- how a point is passed

def backlog(flow):
    """Several batches of rows and dead letters stand in the log when it starts."""
    for _ in range(5):
        flow.send_ticks(150)
        flow.send_garbage()
    flow.start_doomed()


def large_batch(flow):
    """Batches that libpq takes in several pieces."""
    flow.send_ticks(6000)
    flow.start_doomed(batch_rows=3000, linger_ms=500)


def clash(flow):
    """The keys are taken by rows that its memory does not know."""
    at = now_ms() - 10_000
    flow.send_ticks(300, base_ms=at)
    flow.start()
    flow.wait_consumed()
    flow.daemon.stop()
    flow.send_ticks(300, base_ms=at)
    flow.start_doomed()


def restart(flow):
    """Offsets are stored already."""
    flow.send_ticks(300)
    flow.start()
    flow.wait_consumed()
    flow.daemon.stop()
    flow.send_ticks(300)
    flow.start_doomed()


def second_commit_to_kafka(flow):
    """Kafka is told once a second."""
    flow.send_ticks(100)
    flow.start_doomed()
    flow.daemon.wait_until(lambda: flow.consumed() or not flow.daemon.alive, "the first ticks")
    while flow.daemon.alive:
        flow.send_ticks(10)
        flow.flush()


def gap(flow):
    """The next offset is not in the log; the rows that were stored are not in the table either."""
    flow.send_ticks(300)
    flow.start()
    flow.wait_consumed()
    flow.daemon.stop()
    flow.db.query("DELETE FROM ticks")
    flow.db.query("UPDATE ingest_offsets SET next_offset = 1000000, messages = 0, stored = 0")
    flow.config["on_offset_gap"] = "earliest"
    flow.start_doomed()


def stop(flow):
    """A signal, when there is nothing left to do."""
    flow.send_ticks(100)
    flow.start_doomed()
    flow.wait_consumed()
    flow.daemon.child.send(signal.SIGTERM)


def join(flow):
    flow.successor = flow.new_daemon(**{"kafka.group.instance.id": "two"})


def second_member(flow):
    """Partitions are taken away, in favour of another member."""
    flow.send_ticks(100)
    flow.start_doomed()
    flow.wait_consumed()
    flow.send_ticks(100)
    join(flow)


def second_member_during_a_commit(flow):
    """The same, while something holds up the commit."""
    flow.send_ticks(100)
    flow.start_doomed()
    flow.wait_consumed()
    holder = flow.db.session()
    with holder.cursor() as cursor:
        cursor.execute("LOCK TABLE ticks IN EXCLUSIVE MODE")
        flow.send_ticks(100)
        flow.flush()
        flow.daemon.wait_until(lambda: flow.db.query(
            "SELECT 1 FROM pg_locks WHERE relation = 'ticks'::regclass AND NOT granted"),
            "a commit to be held up")
        join(flow)
        flow.wait_death()
    holder.close()


SCENARIOS = {
    "offsets_asked": [(backlog, 1), (backlog, 2), (restart, 1)],
    "before_begin": [(backlog, 1), (backlog, 3)],
    "mid_copy": [(large_batch, 1), (large_batch, 3)],
    "copy_ended": [(backlog, 1), (backlog, 4)],
    "merge_unsent": [(clash, 1)],
    "merge_sent": [(clash, 1), (clash, 2)],
    "merge_answered": [(clash, 1)],
    "letters_unsent": [(backlog, 1)],
    "commit_unsent": [(clash, 1), (clash, 2)],
    "commit_sent": [(clash, 1), (clash, 2)],
    "commit_answered": [(backlog, 1), (backlog, 3)],
    "rollback_sent": [(clash, 1)],
    "kafka_commit_unsent": [(backlog, 1), (second_commit_to_kafka, 2)],
    "jump_sent": [(gap, 1), (gap, 2)],
    "revoked": [(second_member, 1)],
    "revoked_in_commit": [(second_member_during_a_commit, 1)],
    "giving_up": [(second_member, 1)],
    "gave_up": [(second_member, 1)],
    "drained": [(stop, 1)],
}


@pytest.mark.parametrize("point, scenario, passing", [
    pytest.param(point, scenario, passing, id=f"{point}-{scenario.__name__}-{passing}")
    for point, cases in SCENARIOS.items() for scenario, passing in cases])
def test_death_at(point, scenario, passing, db, kafka, tickd):
    flow = Doomed(db, kafka, tickd, point, passing).create_topic()
    scenario(flow)
    flow.wait_death()
    flow.settle()


def test_dead_in_mid_copy_means_that_rows_had_been_sent(db, kafka, tickd):
    """The server says at which line of the COPY its client left."""
    flow = Doomed(db, kafka, tickd, "mid_copy", 1).create_topic()
    with open(db.cluster.log, encoding="utf-8", errors="replace") as log:
        log.seek(0, os.SEEK_END)
        large_batch(flow)
        flow.wait_death()
        wait_until(lambda: "COPY ticks, line" in log.read(), "the server's word of it")
    flow.settle()


def test_every_point_of_the_table_stands_in_the_source_and_has_a_test():
    used = subprocess.run(["grep", "-rhoP", r"CRASHPOINT(_IF)?\(.*\b\K\w+(?=\);)", "src"], cwd=ROOT,
                          stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    assert sorted(used) == sorted(crash.points()), "each point once in the source"
    assert list(SCENARIOS) == list(crash.points())


def test_unknown_point_is_refused_with_the_names_there_are():
    done = subprocess.run([crash.binary()], env={"TICKD_CRASH": "nowhere"}, check=False, text=True,
                          stderr=subprocess.PIPE)
    assert done.returncode == 78
    assert all(name in done.stderr for name in crash.points())


def test_ordinary_build_knows_no_points():
    """Neither code nor names nor the variable: to it, that is a misspelled option."""
    with open(crash.binary(), "rb") as doomed, open(programs.path("tickd"), "rb") as ordinary:
        doomed, ordinary = doomed.read(), ordinary.read()
    words = (b"crashpoint_pass", b"TICKD_CRASH", b"crash point")
    assert [word for word in words if word not in doomed] == []
    assert [word for word in words if word in ordinary] == []
    done = subprocess.run([programs.path("tickd"), "-t"], env=crash.environment("commit_sent"),
                          check=False, text=True, stderr=subprocess.PIPE)
    assert done.returncode == 78 and "TICKD_CRASH: unknown option" in done.stderr
