# SPDX-License-Identifier: MIT
"""`tickd check`: one look at both sides, a table of findings, exit 0 only if all is well."""

import pytest

from lib import daemon
from lib.flow import Flow
from lib.pg import Database


@pytest.fixture
def flow(db, kafka, tickd):
    return Flow(db, kafka, tickd, topic="checked", group="checked", partitions=2)


@pytest.fixture
def check(flow, scratch):
    def run(**more):
        return daemon.run("check", config={**flow.config, **more}, scratch=scratch)
    return run


def test_all_is_well(flow, check):
    flow.create_topic()
    flow.send_ticks(30)
    flow.start()
    flow.wait_consumed()
    done = check()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout and "WARN" not in done.stdout
    assert "30, 30 of them active" in done.stdout
    assert "topic with 2 partition(s)" in done.stdout
    assert "lag 0" in done.stdout


def test_everything_that_is_wrong_is_in_the_table(flow, check):
    cluster = flow.db.cluster
    empty = Database(cluster, cluster.create_database())
    try:
        done = check(database_url=empty.dsn(), topics="nosuch")
    finally:
        empty.close()
        cluster.drop_database(empty.name)
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert done.returncode == 1
    for name in ("pairs", "ticks", "ingest_offsets", "rejected_ticks", "nosuch"):
        assert any(name in line for line in failed), done.stdout


def test_lost_offset_is_found(flow, check):
    flow.topic = flow.config["topics"] = "checked-gap"
    flow.create_topic()
    flow.send_ticks(30)
    flow.start()
    flow.wait_consumed()
    flow.daemon.stop()
    flow.db.query("UPDATE ingest_offsets SET next_offset = 5000 WHERE kafka_partition = 1")
    done = check()
    assert done.returncode == 1
    assert "checked-gap [1]" in done.stdout and "next offset is 5000" in done.stdout


def test_neither_side_answers(flow, check):
    done = check(database_url="postgresql://tickd:secret@127.0.0.1:1/x",
                 **{"kafka.bootstrap.servers": "127.0.0.1:1"})
    assert done.returncode == 1
    assert "secret" not in done.stdout + done.stderr
    assert len([line for line in done.stdout.splitlines() if line.startswith("FAIL")]) == 2
