# SPDX-License-Identifier: MIT
"""What must hold when everything is healed: each check is a line, true or not."""

import os
import struct
from dataclasses import dataclass, field

import confluent_kafka

from lib import replay
from lib.wait import Timeout, wait_until

from .world import GROUP, TOPIC

DRAIN_S = 240.0
_RSS_LIMIT = 256 * 1024 * 1024
_GROUP_METADATA = 2    # the version of the key of such a record in __consumer_offsets
_READ_S = 20.0


@dataclass
class Verdict:
    """checks: (what, holds, figures). facts: numbers for the report."""

    checks: list = field(default_factory=list)
    facts: dict = field(default_factory=dict)

    def check(self, what, holds, figures=""):
        self.checks.append((what, bool(holds), str(figures)))

    @property
    def passed(self):
        return all(holds for _, holds, _ in self.checks)

    @property
    def violations(self):
        return [what for what, holds, _ in self.checks if not holds]


def prove(world, watch, fds_at_rest):
    """Ends the stream, waits until all is written, and looks at everything. Stops the members."""
    verdict = Verdict()
    sent = world.end_of_stream()
    _check_drained(verdict, world, watch)
    _check_sent(verdict, world, watch, sent)
    _check_members(verdict, world, watch, fds_at_rest)
    _check_orderly_end(verdict, world)
    _check_books(verdict, world)
    _check_items(verdict, world)
    _check_rows(verdict, world)
    verdict.facts["rebalances"] = rebalances(world)
    verdict.check("the harness did what it meant to do", not world.trouble, "; ".join(world.trouble))
    return verdict


def _check_drained(verdict, world, watch):
    try:
        wait_until(watch.drained, "all to be written", DRAIN_S)
        drained = True
    except Timeout:
        drained = False
    ends, stored = watch.log_ends(), watch.samples[-1][1]
    verdict.check("all is written: stored offsets are the log's ends", drained and stored == ends,
                  f"stored {stored}, ends {ends}")
    verdict.check("stored offsets never went back", not watch.went_back, "; ".join(watch.went_back[:5]))
    verdict.facts["messages"] = sum(ends or ())


def _check_sent(verdict, world, watch, sent):
    """Not about tickd: whether the broker has what it acknowledged."""
    expected = world.expect["messages"] + world.poison_sent["messages"]
    verdict.check("the stream was sent and acknowledged",
                  sent["exit_code"] == 0 and sent["sent"] == world.expect["messages"],
                  f"{sent['sent']} of {world.expect['messages']}, {sent.get('why') or 'no trouble'}")
    verdict.check("Kafka has each message once", verdict.facts["messages"] == expected,
                  f"{verdict.facts['messages']} of {expected}")


def _check_members(verdict, world, watch, fds_at_rest):
    verdict.check("nobody ended by himself", not watch.deaths,
                  "; ".join(f"{name} with {code} at {when:.1f} s" for when, name, code in watch.deaths))
    peak = max(watch.peak_rss.values(), default=0)
    verdict.facts["rss_mib"] = round(peak / 2**20, 1)
    # A sanitizer's memory is not tickd's.
    bounded = peak < _RSS_LIMIT or "asan" in os.environ.get("TICKD_BIN", "")
    verdict.check("memory is bounded", bounded, f"{peak / 2**20:.1f} MiB at most")
    if world.elder is not None:
        allowed = fds_at_rest + 4 + 4 * world.plan.brokers    # connections to brokers come and go
        fds = world.elder.daemon.child.fd_count
        try:
            wait_until(lambda: fds() <= allowed, "connections to close", 30)
        except Timeout:
            pass
        verdict.facts["fds"] = (fds_at_rest, fds())
        verdict.check("no file descriptor leaks", fds() <= allowed,
                      f"{fds_at_rest} before, {fds()} after, {allowed} allowed")


def _check_orderly_end(verdict, world):
    bad = []
    for member in world.members:
        try:
            with member.lock:
                member.stop()
        except AssertionError as problem:
            bad.append(f"{member.name}: {problem}")
    for member in world.everybody():
        try:
            member.daemon.check_log()
        except AssertionError as problem:
            bad.append(f"{member.name}: {problem}")
    verdict.check("SIGTERM ends each with 0, sanitizers are silent", not bad, "; ".join(bad))


def _check_books(verdict, world):
    db = world.db
    messages, stored, rejected, ignored, dropped = (int(number or 0) for number in db.query(
        "SELECT sum(messages), sum(stored), sum(rejected), sum(ignored), sum(dropped)"
        " FROM ingest_offsets WHERE group_id = %s", (GROUP,))[0])
    verdict.facts.update(stored=stored, rejected=rejected, ignored=ignored, dropped=dropped)
    verdict.check("each message is in the books once", messages == verdict.facts["messages"],
                  f"{messages} of {verdict.facts['messages']}")
    verdict.check("ticks has what the books say", db.count("ticks") == stored,
                  f"{db.count('ticks')} rows, {stored} stored")
    verdict.check("rejected_ticks has what the books say", db.count("rejected_ticks") == rejected,
                  f"{db.count('rejected_ticks')} rows, {rejected} rejected")
    verdict.check("nothing was skipped", db.count("ingest_gaps") == 0, f"{db.count('ingest_gaps')} gaps")


def _check_items(verdict, world):
    """The recording says what must become of it, poison what must become of that."""
    facts = verdict.facts
    expected = {key: world.expect[key] for key in ("ticks", "rejected", "ignored")}
    expected["rejected"] += world.poison_sent["rejected"]
    expected["ignored"] += world.poison_sent["ignored"]
    verdict.check(
        "stored + dead-lettered + ignored = produced",
        (facts["stored"], facts["rejected"], facts["ignored"], facts["dropped"]) == (
            expected["ticks"], expected["rejected"], expected["ignored"], 0),
        f"{facts['stored']} + {facts['rejected']} + {facts['ignored']} of {sum(expected.values())}")
    twice = world.db.one("SELECT count(*) FROM (SELECT volume FROM ticks WHERE volume > 0"
                         " GROUP BY volume HAVING count(*) > 1) AS numbers")
    verdict.check("no number of the recording is stored twice", twice == 0, f"{twice} numbers")


def _check_rows(verdict, world):
    """tickreplay verify: row by row, by what is in the topic."""
    config = [f"--set={key}={value}" for key, value in world.config.items()
              if not key.startswith("kafka.") and key not in ("topics", "group")]
    where = ["--topic", TOPIC, "--group", GROUP, "--database", world.db.dsn("postgres"), *config]
    done = replay.run("verify", *where, "--bootstrap", world.kafka.bootstrap, timeout=600,
                      json_to=os.path.join(world.scratch.dir("verify"), "topic.json"))
    kinds = {name: kind["count"] for name, kind in done.found.get("kinds", {}).items()}
    verdict.facts["kinds"] = kinds
    verdict.facts["lost"] = sum(kinds.get(name, 0) for name in ("missing", "letter_missing"))
    verdict.facts["twice"] = sum(kinds.get(name, 0) for name in ("extra", "letter_extra"))
    verdict.check("tickreplay verify finds each row as it was sent", done.code == replay.DONE,
                  "" if done.code == replay.DONE else done.out + done.err)


def rebalances(world):
    """How many generations of the group had members: Kafka's own record of it."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": world.kafka.bootstrap, "group.id": "torture-proof",
        "enable.partition.eof": True, "enable.auto.commit": False, "log_level": 0})
    partitions = len(consumer.list_topics("__consumer_offsets", timeout=_READ_S)
                     .topics["__consumer_offsets"].partitions)
    consumer.assign([confluent_kafka.TopicPartition("__consumer_offsets", number, 0)
                     for number in range(partitions)])
    generations, ended = set(), 0
    while ended < partitions:
        message = consumer.poll(_READ_S)
        if message is None:
            raise RuntimeError("__consumer_offsets cannot be read")
        if message.error() is not None:
            ended += message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF
        else:
            generations.add(_generation(message.key(), message.value()))
    consumer.close()
    return len(generations - {None})


def _generation(key, value):
    """Of a record that tells of our group with members in it; None of all others."""
    if value is None or struct.unpack_from(">h", key)[0] != _GROUP_METADATA:
        return None
    group, _ = _text(key, 2)
    _, at = _text(value, 2)
    generation, = struct.unpack_from(">i", value, at)
    # Protocol and leader are null while the group is empty.
    protocol, _ = _text(value, at + 4)
    return generation if group == GROUP.encode() and protocol is not None else None


def _text(data, at):
    """A length of two bytes (-1: null) and that many bytes; and what comes after."""
    length, = struct.unpack_from(">h", data, at)
    return (data[at + 2:at + 2 + length] if length >= 0 else None), at + 2 + max(length, 0)
