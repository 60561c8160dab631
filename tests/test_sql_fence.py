# SPDX-License-Identifier: MIT
"""ingest_start, ingest_advance, ingest_jump: an offset moves only from where its mover believes it is."""

import threading

import psycopg2
import pytest

from lib.wait import wait_until

AT = ("g", "c", "t", 3)


def start(db, offset):
    return db.one("SELECT ingest_start(%s, %s, %s, %s, %s)", (*AT, offset))


def advance(db, expected, following, *counts):
    db.query("SELECT ingest_advance(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
             (*AT, expected, following, *(counts or (1, 1, 0, 0, 0))))


def jump(db, expected, following, reason="retention"):
    db.query("SELECT ingest_jump(%s, %s, %s, %s, %s, %s, %s)", (*AT, expected, following, reason))


def row(db):
    return db.query("SELECT next_offset, messages, stored, rejected, ignored, dropped FROM ingest_offsets")


def test_start_inserts_once_and_returns_what_is_stored(db):
    assert start(db, 42) == 42
    assert start(db, 7) == 42
    assert row(db) == [(42, 0, 0, 0, 0, 0)]


def test_partitions_are_told_apart_by_every_part_of_the_key(db):
    for key in (("g", "c", "t", 0), ("G", "c", "t", 0), ("g", "C", "t", 0), ("g", "c", "T", 0), ("g", "c", "t", 1)):
        db.query("SELECT ingest_start(%s, %s, %s, %s, 1)", key)
    db.query("SELECT ingest_advance('g', 'c', 't', 0, 1, 9, 1, 1, 0, 0, 0)")
    assert db.query("SELECT group_id, cluster_id, topic, kafka_partition FROM ingest_offsets"
                    " WHERE next_offset = 9") == [("g", "c", "t", 0)]
    assert db.count("ingest_offsets") == 5


def test_advance_moves_and_adds_up(db):
    start(db, 10)
    advance(db, 10, 15, 4, 5, 1, 2, 3)
    advance(db, 15, 16, 1, 10, 20, 30, 40)
    assert row(db) == [(16, 5, 15, 21, 32, 43)]


def test_advance_over_a_hole_and_without_moving(db):
    start(db, 10)
    advance(db, 10, 1000)
    advance(db, 1000, 1000, 0, 0, 0, 0, 0)
    assert row(db)[0][0] == 1000


def test_advance_says_when(db):
    start(db, 0)
    db.query("UPDATE ingest_offsets SET updated_at = '2000-01-01'")
    advance(db, 0, 1)
    assert db.one("SELECT updated_at > '2000-01-01' FROM ingest_offsets")


@pytest.mark.parametrize("expected", [9, 11])
@pytest.mark.parametrize("move", [advance, jump])
def test_who_believes_another_offset_is_fenced(db, move, expected):
    start(db, 10)
    with pytest.raises(psycopg2.Error, match=f"t/3 of group g is at 10, not at {expected}") as fenced:
        move(db, expected, 20)
    assert fenced.value.pgcode == "TK001"
    assert row(db) == [(10, 0, 0, 0, 0, 0)]
    assert db.count("ingest_gaps") == 0


@pytest.mark.parametrize("move", [advance, jump])
def test_a_row_that_is_gone_fences(db, move):
    with pytest.raises(psycopg2.Error, match="at no offset, not at 0") as fenced:
        move(db, 0, 1)
    assert fenced.value.pgcode == "TK001"


@pytest.mark.parametrize("counts", [(-1, 0, 0, 0, 0), (0, -1, 0, 0, 0), (0, 0, -1, 0, 0), (0, 0, 0, -1, 0),
                                    (0, 0, 0, 0, -1), (None, 0, 0, 0, 0), (0, 0, 0, 0, None)])
def test_counts_that_cannot_be_are_the_callers_mistake(db, counts):
    start(db, 0)
    with pytest.raises(psycopg2.Error) as refused:
        advance(db, 0, 1, *counts)
    assert refused.value.pgcode == "TK002"
    assert row(db) == [(0, 0, 0, 0, 0, 0)]


def test_only_a_jump_goes_back(db):
    start(db, 10)
    with pytest.raises(psycopg2.Error) as refused:
        advance(db, 10, 9)
    assert refused.value.pgcode == "TK002"
    jump(db, 10, 0, "topic made anew")
    assert row(db)[0][0] == 0


@pytest.mark.parametrize("statement", [
    "SELECT ingest_start('g', 'c', 't', 0, -1)",
    "SELECT ingest_start('g', 'c', 't', 0, NULL)",
    "SELECT ingest_advance('g', 'c', 't', 0, NULL, 1, 0, 0, 0, 0, 0)",
    "SELECT ingest_advance('g', 'c', 't', 0, 0, NULL, 0, 0, 0, 0, 0)",
    "SELECT ingest_jump('g', 'c', 't', 0, 0, -1, 'x')",
    "SELECT ingest_jump('g', 'c', 't', 0, 0, 1, NULL)",
])
def test_nonsense_is_refused(db, statement):
    db.query("INSERT INTO ingest_offsets VALUES ('g', 'c', 't', 0, 0)")
    with pytest.raises(psycopg2.Error) as refused:
        db.query(statement)
    assert refused.value.pgcode == "TK002"


def test_jump_is_recorded_and_counts_nothing(db):
    start(db, 10)
    advance(db, 10, 12, 2, 2, 0, 0, 0)
    jump(db, 12, 5000, "retention")
    assert row(db) == [(5000, 2, 2, 0, 0, 0)]
    assert db.query("SELECT group_id, cluster_id, topic, kafka_partition, from_offset, to_offset, reason"
                    " FROM ingest_gaps") == [(*AT, 12, 5000, "retention")]


def in_background(session, sql):
    """Runs sql in a thread; the list it returns receives the error, or None."""
    outcome = []

    def run():
        try:
            with session.cursor() as cursor:
                cursor.execute(sql)
            outcome.append(None)
        except psycopg2.Error as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def test_of_two_movers_at_once_the_later_is_fenced(db):
    start(db, 0)
    first, second = db.session(user="tickd"), db.session(user="tickd")
    sql = "SELECT ingest_advance('g', 'c', 't', 3, 0, 5, 5, 5, 0, 0, 0)"
    with first.cursor() as cursor:
        cursor.execute(sql)
    thread, outcome = in_background(second, sql)
    wait_until(lambda: db.count("pg_stat_activity", "wait_event_type = 'Lock' AND datname = %s", (db.name,)),
               "the second to wait for the first")
    first.commit()
    thread.join()
    assert outcome[0] is not None and outcome[0].pgcode == "TK001"
    assert row(db) == [(5, 5, 5, 0, 0, 0)]
    first.close()
    second.close()


def test_of_two_starts_at_once_both_get_the_same_offset(db):
    first, second = db.session(user="tickd"), db.session(user="tickd")
    with first.cursor() as cursor:
        cursor.execute("SELECT ingest_start('g', 'c', 't', 3, 5)")
    thread, outcome = in_background(second, "SELECT ingest_start('g', 'c', 't', 3, 8)")
    wait_until(lambda: db.count("pg_stat_activity", "wait_event_type = 'Lock' AND datname = %s", (db.name,)),
               "the second to wait for the first")
    first.commit()
    thread.join()
    assert outcome == [None]
    second.commit()
    assert start(db, 99) == 5
    first.close()
    second.close()
