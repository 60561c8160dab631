# SPDX-License-Identifier: MIT
"""Recordings through a real broker into a database, tickd killed on the way, and verified.

The sample that ships with the project, and every file in $TICKD_RECORDINGS, a directory of real
market data that does not: as it is, whether tickd can read its messages or not.
"""

import glob
import os
import subprocess

import pytest

from lib import programs, replay
from lib.daemon import environment
from lib.flow import Flow
from lib.wait import DEADLINE_S, wait_until

KILLS = 5
PARTITIONS = 3
RATE = 600

_DIRECTORY = os.environ.get("TICKD_RECORDINGS", "")
_FILES = [replay.SAMPLE, *sorted(glob.glob(os.path.join(_DIRECTORY, "*.gz") if _DIRECTORY else ""))]


@pytest.mark.parametrize("path", _FILES, ids=os.path.basename)
def test_recording_arrives_whatever_is_killed(db, kafka, tickd, scratch, path):
    topic = f"recording-{_FILES.index(path)}"
    journal = os.path.join(scratch.dir("recording"), "sent.tsv.zst")
    # The broker lets nobody in earlier, after a member that has not said goodbye.
    flow = Flow(db, kafka, tickd, topic, PARTITIONS, **{
        "kafka.session.timeout.ms": 6000, "group": topic}).create_topic()
    flow.start()
    sender = subprocess.Popen(
        [programs.path("tickreplay"), "send", "--quiet", "--bootstrap", kafka.bootstrap, "--topic",
         topic, "--rate", str(RATE), "--loop", "0", "--count", "18000", "--shift-to-now", "--sent",
         journal, path], env=environment(), stdin=subprocess.DEVNULL)
    try:
        for _ in range(KILLS):
            before = flow.counts()[0]
            flow.daemon.wait_until(lambda: flow.counts()[0] >= before + RATE // 4,
                                   "some messages to arrive")
            flow.daemon.restart()
        assert sender.wait(DEADLINE_S * 2) == 0
    finally:
        sender.kill()
        sender.wait()
    flow.wait_consumed()
    # A repeated quote may, rarely, not be recognised after a kill (docs/guarantees.md).
    for source in (("--sent", journal), ("--bootstrap", kafka.bootstrap)):
        done = replay.run("verify", "--topic", topic, "--group", topic, "--database",
                          db.dsn("postgres"), "--allow-repeats", *source)
        assert done.code == replay.DONE, done.out + done.err


def test_everything_at_once_arrives(db, kafka, tickd, scratch):
    journal = os.path.join(scratch.dir("recording"), "sent.tsv.zst")
    flow = Flow(db, kafka, tickd, "recording-max", PARTITIONS,
                group="recording-max").create_topic()
    flow.start()
    done = replay.run("send", "--bootstrap", kafka.bootstrap, "--topic", flow.topic, "--max",
                      "--loop", 10, "--shift-to-now", "--sent", journal, replay.SAMPLE)
    assert done.code == replay.DONE, done.err
    flow.wait_consumed()
    done = replay.run("verify", "--topic", flow.topic, "--group", flow.topic, "--database",
                      db.dsn("postgres"), "--sent", journal)
    assert done.code == replay.DONE, done.out + done.err
    wait_until(lambda: flow.counts()[0] == 10 * replay.SAMPLE_MESSAGES, "all of them")


def test_generated_recording_arrives_at_its_own_pace(db, kafka, tickd, scratch):
    base = scratch.dir("recording")
    recording, journal = os.path.join(base, "ticks.tsv.gz"), os.path.join(base, "sent.tsv.zst")
    done = replay.run("generate", "--seed", 7, "--duration", "10s", "--rate", 250, "--output",
                      recording)
    assert done.code == replay.DONE, done.err
    flow = Flow(db, kafka, tickd, "recording-paced", PARTITIONS,
                group="recording-paced").create_topic()
    flow.start()
    done = replay.run("send", "--bootstrap", kafka.bootstrap, "--topic", flow.topic,
                      "--shift-to-now", "--sent", journal, recording,
                      json_to=os.path.join(base, "report.json"))
    assert done.code == replay.DONE, done.err
    assert done.found["sent"] == 2500 and done.found["seconds"] > 9
    flow.wait_consumed()
    done = replay.run("verify", "--topic", flow.topic, "--group", flow.topic, "--database",
                      db.dsn("postgres"), "--sent", journal)
    assert done.code == replay.DONE, done.out + done.err
