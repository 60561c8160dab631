# SPDX-License-Identifier: MIT
"""tickreplay verify: finds nothing where nothing is wrong, and whatever is wrong."""

import os

import pytest

from lib import pg as pg_lib
from lib import replay
from lib.daemon import Tickd
from lib.flow import Flow
from lib.mock import MockBroker
from lib.replay import DONE, SAMPLE, SAMPLE_MESSAGES, TROUBLE, USAGE
from lib.wait import wait_until

PARTITIONS = 4
TOPIC = "ticks"


class Arrived:
    """A recording that was sent through tickd into a database, and what there is to verify it."""

    def __init__(self, db, folder, flow=None, journal=None):
        """flow: None where only the database and the journal are left."""
        self.flow = flow
        self.folder = folder
        self.db = db
        self.journal = journal or os.path.join(folder, "sent.tsv.gz")

    def damage(self, sql):
        """Changes just one row."""
        assert len(self.db.query(sql + " RETURNING 1")) == 1

    def send(self, *arguments):
        done = replay.run("send", "--bootstrap", self.flow.broker.bootstrap, "--topic",
                          self.flow.topic, "--sent", self.journal, *arguments)
        assert done.code == DONE, done.err
        return self

    def verify(self, *arguments):
        """From the journal unless told otherwise."""
        arguments = arguments or ("--sent", self.journal)
        if self.flow:
            arguments = ("--bootstrap", self.flow.broker.bootstrap, *arguments)
        return replay.run("verify", "--topic", TOPIC, "--database", self.db.dsn("postgres"),
                          *arguments, json_to=os.path.join(self.folder, "verify.json"))

    def check_good(self, *arguments):
        done = self.verify(*arguments)
        assert done.code == DONE, done.out + done.err
        assert done.found["ok"] is True and done.found["deviations"] == 0
        assert "no deviation" in done.out
        return done.found

    def check_bad(self, *kinds):
        """verify finds one of each of these kinds, and no others."""
        done = self.verify()
        assert done.code == TROUBLE
        assert done.found["ok"] is False
        found = {kind: entry["count"] for kind, entry in done.found["kinds"].items()}
        assert found == {kind: 1 for kind in kinds}, done.out
        for kind in kinds:
            assert f"{kind}: 1 " in done.out
            assert len(done.found["kinds"][kind]["examples"]) == 1
        return done.found


@pytest.fixture
def folder(scratch):
    return scratch.dir("verify")


@pytest.fixture
def start(db, mock, tickd, folder):
    """start(**config): a running tickd, and the means to send to it."""
    def make(**config):
        flow = Flow(db, mock, tickd, TOPIC, PARTITIONS, **config).create_topic()
        flow.start()
        return Arrived(db, folder, flow)
    return make


@pytest.fixture(scope="module")
def original(scratch, _pg_session):
    """The sample recording has arrived as it is, once for all: database to copy, and journal."""
    cluster = _pg_session
    folder = scratch.dir("verify-original")
    db = pg_lib.Database(cluster, cluster.create_deployed())
    mock = MockBroker(scratch)
    daemons = []

    def start_daemon(config):
        daemons.append(Tickd(scratch, config).start())
        return daemons[-1]

    try:
        flow = Flow(db, mock, start_daemon, TOPIC, PARTITIONS).create_topic()
        flow.start()
        arrived = Arrived(db, folder, flow).send("--max", SAMPLE)
        flow.wait_consumed()
        flow.daemon.stop()
    finally:
        for daemon in daemons:
            daemon.child.kill()
        mock.close()
        db.close()
    yield arrived
    if cluster.alive:
        cluster.drop_database(db.name)


@pytest.fixture
def arrived(original, pg, folder):
    """A copy of that, to be damaged."""
    copy = pg_lib.Database(pg, pg.create_database(template=original.db.name))
    yield Arrived(copy, folder, journal=original.journal)
    copy.close()
    pg.drop_database(copy.name)


def test_journal_topic_and_recording_agree(start):
    arrived = start().send("--max", SAMPLE)
    arrived.flow.wait_consumed()
    from_journal = arrived.check_good()
    assert from_journal["messages"] == SAMPLE_MESSAGES
    assert min(from_journal["stored"], from_journal["rejected"], from_journal["ignored"]) > 0
    assert from_journal["rows"] == arrived.db.count("ticks") == from_journal["stored"]
    assert from_journal["letters"] == arrived.db.count("rejected_ticks")
    counts = ("messages", "items", "stored", "rejected", "ignored", "dropped", "rows", "letters",
              "reasons", "counters_compared")
    # In pieces through a temporary file; the recording; the topic.
    for source in (("--in-memory", "700", "--sent", arrived.journal), (SAMPLE,),
                   ("--ties", "spread")):
        done = arrived.verify(*source)
        assert done.code == DONE, done.out + done.err
        assert {key: done.found[key] for key in counts} == {key: from_journal[key]
                                                            for key in counts}


def test_moved_and_mapped_messages_are_verified_as_sent(start):
    arrived = start().send("--max", "--shift-to-now", "--map", "BTC=ETH", SAMPLE)
    arrived.flow.wait_consumed()
    arrived.check_good()
    assert arrived.db.count("ticks", "symbol = 'BTC'") == 0


@pytest.mark.parametrize("ties", ["first", "last"])
def test_one_of_each_tie(start, ties):
    arrived = start(ties=ties).send("--max", SAMPLE)
    arrived.flow.wait_consumed()
    found = arrived.check_good("--ties", ties, "--sent", arrived.journal)
    assert found["dropped"] > 0
    # Judged by another rule, the same rows are wrong.
    assert arrived.verify().code == TROUBLE


def test_killed_again_and_again(start):
    arrived = start()
    rows = 0
    for _ in range(3):
        arrived.send("--rate", 5000, "--count", 1500, "--shift-to-now", SAMPLE)
        os.rename(arrived.journal, arrived.journal + str(rows))
        rows += 1
        arrived.flow.daemon.restart()
    journals = [word for i in range(rows) for word in ("--sent", f"{arrived.journal}{i}")]
    arrived.flow.wait_consumed()
    arrived.check_good("--allow-repeats", *journals)


# --- what it must catch

# A row in the middle of the recording, alone on its millisecond.
_ONE = """(time, symbol) = (
    SELECT t.time, t.symbol FROM ticks t
    WHERE t.time = date_trunc('milliseconds', t.time)
      AND NOT EXISTS (SELECT FROM ticks o WHERE o.symbol = t.symbol AND o.time <> t.time
                      AND o.time BETWEEN t.time - interval '5 microseconds'
                                     AND t.time + interval '5 microseconds')
    ORDER BY t.time OFFSET 500 LIMIT 1)"""


def test_deleted_row_is_caught(arrived):
    arrived.damage(f"DELETE FROM ticks WHERE {_ONE}")
    arrived.check_bad("missing")


def test_row_twice_a_microsecond_apart_is_caught(arrived):
    arrived.damage(f"""INSERT INTO ticks SELECT time + interval '1 microsecond', symbol, price,
                         volume, bid, ask, exchange FROM ticks WHERE {_ONE}""")
    found = arrived.check_bad("extra")
    assert "once more the tick of" in found["kinds"]["extra"]["examples"][0]


def test_foreign_row_is_caught(arrived):
    arrived.damage("""INSERT INTO ticks (time, symbol, price, volume)
                        SELECT min(time) + interval '1 second 7 microseconds', 'BTC', 1, 1
                        FROM ticks""")
    arrived.check_bad("extra")


@pytest.mark.parametrize("change", ["price = price * 1.0000000001", "volume = volume + 1",
                                    "bid = 1", "exchange = 'other'"])
def test_changed_value_is_caught(arrived, change):
    arrived.damage(f"UPDATE ticks SET {change} WHERE {_ONE}")
    arrived.check_bad("changed")


def test_shifted_row_is_caught(arrived):
    arrived.damage(f"""UPDATE ticks SET time = time + interval '1 microsecond'
                         WHERE {_ONE}""")
    arrived.check_bad("moved")


def test_lost_dead_letter_is_caught(arrived):
    arrived.damage("""DELETE FROM rejected_ticks WHERE ctid = (
                        SELECT ctid FROM rejected_ticks WHERE payload IS NOT NULL AND item = 0
                        AND reason = 'unknown_symbol' LIMIT 1)""")
    arrived.check_bad("letter_missing")


def test_wrong_reason_is_caught(arrived):
    arrived.damage("""UPDATE rejected_ticks SET reason = 'too_old' WHERE ctid = (
                        SELECT ctid FROM rejected_ticks WHERE reason = 'unknown_symbol' LIMIT 1)""")
    arrived.check_bad("letter_reason")


def test_changed_payload_is_caught(arrived):
    arrived.damage("""UPDATE rejected_ticks SET payload = payload || '\\x20'::bytea
                        WHERE ctid = (SELECT ctid FROM rejected_ticks WHERE payload IS NOT NULL
                                      LIMIT 1)""")
    arrived.check_bad("letter_changed")


def test_dead_letter_of_nothing_is_caught(arrived):
    arrived.damage("""INSERT INTO rejected_ticks SELECT group_id, cluster_id, topic,
                        kafka_partition, kafka_offset, item + 100, reason, detail, key, payload,
                        payload_bytes, message_time, rejected_at FROM rejected_ticks LIMIT 1""")
    arrived.check_bad("letter_extra")


def test_offset_set_back_is_caught(arrived):
    arrived.damage("""UPDATE ingest_offsets SET next_offset = next_offset - 1
                        WHERE kafka_partition = 2""")
    arrived.check_bad("offset")
    # A recording knows no offsets, but no partition can have counted more messages than offsets.
    assert arrived.verify(SAMPLE).found["kinds"]["offset"]["count"] == 1


def test_missing_offset_is_caught(arrived):
    arrived.db.query("DELETE FROM ingest_offsets WHERE kafka_partition = 2")
    arrived.check_bad("offset")


def test_wrong_counter_is_caught(arrived):
    arrived.damage("""UPDATE ingest_offsets SET ignored = ignored + 1
                        WHERE kafka_partition = 1""")
    arrived.check_bad("count")


def test_recorded_gap_is_told(arrived):
    arrived.damage("""INSERT INTO ingest_gaps (group_id, cluster_id, topic, kafka_partition,
                        from_offset, to_offset, reason)
                        SELECT group_id, cluster_id, topic, 0, 3, 9, 'test' FROM ingest_offsets
                        LIMIT 1""")
    arrived.check_bad("gap")


def test_lost_dead_letter_is_caught_from_the_recording(arrived):
    arrived.damage("""DELETE FROM rejected_ticks WHERE ctid = (
                        SELECT ctid FROM rejected_ticks WHERE payload IS NOT NULL AND item = 0
                        AND reason = 'unknown_symbol' LIMIT 1)""")
    done = arrived.verify(SAMPLE)
    assert done.code == TROUBLE
    assert {kind: entry["count"] for kind, entry in done.found["kinds"].items()} == {
        "letter_missing": 1}


def test_first_of_many_deviations_are_shown(arrived):
    arrived.db.query("UPDATE ticks SET price = price + 1")
    done = arrived.verify("--examples", 2, "--sent", arrived.journal)
    assert done.code == TROUBLE
    assert done.found["kinds"]["changed"]["count"] == arrived.db.count("ticks")
    assert len(done.found["kinds"]["changed"]["examples"]) == 2


# --- what it says when it cannot know

def test_unreachable_database_is_said(folder):
    done = replay.run("verify", "--database", "host=/nonexistent", "--topic", "t", SAMPLE)
    assert done.code == TROUBLE and "database" in done.err
    assert "deviation" not in done.out


def test_broken_journal_is_said(db, folder):
    path = os.path.join(folder, "journal")
    with open(path, "w", encoding="ascii") as file:
        file.write("0\t0\t1\t-1\t{}\nnonsense\n")
    done = replay.run("verify", "--database", db.dsn("postgres"), "--topic", "t", "--sent", path)
    assert done.code == TROUBLE
    assert f"{path}:2" in done.err


def test_unknown_topic_is_said(db, mock):
    done = replay.run("verify", "--database", db.dsn("postgres"), "--topic", "none", "--bootstrap",
                      mock.bootstrap)
    assert done.code == TROUBLE and "does not exist" in done.err


def test_wrong_options_are_usage_errors():
    for arguments in (("--ties", "some"), ("--set", "nothing=1"), ("--topic", "a,b"),
                      ("--sent", "x", "y"), ("--nope",)):
        done = replay.run("verify", *arguments)
        assert done.code == USAGE, arguments
        assert done.err


def test_ticks_not_yet_there_are_told(start):
    arrived = start()
    arrived.flow.daemon.stop()
    arrived.send("--max", "--count", 100, SAMPLE)
    done = arrived.verify()
    assert done.code == TROUBLE
    assert done.found["kinds"]["missing"]["count"] > 0
    assert done.found["kinds"]["offset"]["count"] > 0
    arrived.flow.start()
    arrived.flow.wait_consumed()
    wait_until(lambda: arrived.verify().code == DONE, "everything to have arrived")
