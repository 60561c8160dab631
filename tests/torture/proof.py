# SPDX-License-Identifier: MIT
"""What must hold when everything is healed: each check is a line, true or not."""

import contextlib
import os
import struct
from dataclasses import dataclass, field

import confluent_kafka

from lib import replay
from lib.wait import Timeout, wait_until

from .world import GROUP, TOPIC

DRAIN_S = 240.0
_RSS_LIMIT = 96 * 1024 * 1024
_FDS_MORE, _FDS_PER_BROKER = 4, 4    # connections to brokers come and go
_FDS_S = 30.0
# Findings of tickreplay verify.
_KINDS = {"lost": ("missing", "letter_missing"), "twice": ("extra", "letter_extra", "repeat_stored")}
_GROUP_METADATA = 2    # the version of the key of such a record in __consumer_offsets
_READ_S = 20.0


# What a process says of itself when it ends with 0 but not in good order.
_ENDINGS = {
    "hangs": "librdkafka does not come back",
    "crashes_in_closing": "librdkafka has crashed in closing",    # known of 2.0.2
    "shutdown_timeouts": "event=shutdown_timeout ",
}


@dataclass
class Verdict:
    """checks: (what, holds, figures). facts: numbers for the report; None is what was not seen."""

    checks: list = field(default_factory=list)
    facts: dict = field(default_factory=lambda: dict.fromkeys(
        ("messages", "lost", "twice", "rebalances", "rss_mib", *_ENDINGS)))

    def check(self, what, holds, figures=""):
        self.checks.append((what, bool(holds), str(figures)))

    def attempt(self, what, look):
        """look() makes checks of its own. If it cannot, that is a failure, and the others are still made."""
        try:
            look()
        except Exception as problem:    # whatever it is
            self.check(f"{what} could be looked at", False, repr(problem))

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
    for what, look in (
            ("what is written", lambda: _check_drained(verdict, watch)),
            ("what was sent", lambda: _check_sent(verdict, world, sent)),
            ("memory", lambda: _check_memory(verdict, watch)),
            ("file descriptors", lambda: _check_descriptors(verdict, world, fds_at_rest)),
            ("the end of the members", lambda: _check_orderly_end(verdict, world)),
            ("the members' logs", lambda: _check_endings(verdict, world)),
            ("the books", lambda: _check_books(verdict, world)),
            ("the items", lambda: _check_items(verdict, world)),
            ("the rows", lambda: _check_rows(verdict, world)),
            ("rebalances", lambda: verdict.facts.update(rebalances=rebalances(world)))):
        verdict.attempt(what, look)
    verdict.check("the harness did what it meant to do", not world.trouble, "; ".join(world.trouble))
    return verdict


def _check_drained(verdict, watch):
    try:
        wait_until(watch.drained, "all to be written", DRAIN_S)
        drained = True
    except Timeout:
        drained = False
    ends, stored = watch.log_ends(), watch.samples[-1][1]
    verdict.check("all is written: stored offsets are the log's ends", drained and stored == ends,
                  f"stored {stored}, ends {ends}")
    verdict.check("stored offsets never went back", not watch.went_back, "; ".join(watch.went_back[:5]))
    verdict.facts["messages"] = None if ends is None else sum(ends)


def _check_sent(verdict, world, sent):
    """Not about tickd: whether the broker has what it acknowledged."""
    expected = world.expect["messages"] + world.poison_sent["messages"]
    verdict.check("the stream was sent and acknowledged",
                  sent["exit_code"] == 0 and sent["sent"] == world.expect["messages"],
                  f"{sent['sent']} of {world.expect['messages']}, {sent.get('why') or 'no trouble'}")
    verdict.check("Kafka has each message once", verdict.facts["messages"] == expected,
                  f"{verdict.facts['messages']} of {expected}")


def _check_memory(verdict, watch):
    peak = max(watch.peak_rss.values(), default=0)
    verdict.facts["rss_mib"] = round(peak / 2**20, 1)
    # A sanitizer's memory is not tickd's.
    bounded = peak < _RSS_LIMIT or "asan" in os.environ.get("TICKD_BIN", "")
    verdict.check("memory is bounded", bounded, f"{peak / 2**20:.1f} MiB at most")


def _check_descriptors(verdict, world, at_rest):
    """Of each member; most of one that was never killed, where what leaks would have added up."""
    more = _FDS_MORE + _FDS_PER_BROKER * world.plan.brokers

    def counts():
        return {member.name: member.daemon.child.fd_count() for member in world.members}

    def few():
        return all(count <= at_rest[name] + more for name, count in counts().items())

    with contextlib.suppress(Timeout):
        wait_until(few, "connections to close", _FDS_S)
    verdict.facts["fds"] = {name: (at_rest[name], count) for name, count in counts().items()}
    verdict.check("no file descriptor leaks", few(), "; ".join(
        f"{name} {before} before, {after} after" for name, (before, after) in verdict.facts["fds"].items())
        + f", {more} more allowed")


def _check_orderly_end(verdict, world):
    bad = []
    for member in world.members:
        mark = member.daemon.mark()
        try:
            with member.lock:
                member.stop()
        except AssertionError as problem:
            bad.append(f"{member.name}: {problem}")
        # Nothing is broken any more that it would have to wait for.
        bad += [f"{member.name}: {line}" for line in member.daemon.logged(_ENDINGS["shutdown_timeouts"], mark)]
    for member in world.everybody():
        try:
            member.daemon.check_log()
        except AssertionError as problem:
            bad.append(f"{member.name}: {problem}")
    verdict.check("SIGTERM ends each with 0 and in time, sanitizers are silent", not bad, "; ".join(bad))
    verdict.check("nobody ended by himself", not world.deaths,
                  "; ".join(f"{name} with {code} at {when:.1f} s" for when, name, code in world.deaths))


def _check_endings(verdict, world):
    """A stop that is given up because what it waits for is broken is right, and counted; a hang is not."""
    logs = [member.daemon.log_text() for member in world.everybody()]
    verdict.facts.update({name: sum(log.count(said) for log in logs) for name, said in _ENDINGS.items()})
    verdict.check("no stop hung", verdict.facts["hangs"] == 0, f"{verdict.facts['hangs']} did")


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
    verdict.facts.update(judge(done.found))
    verdict.check("tickreplay verify finds each row as it was sent", done.code == replay.DONE,
                  "" if done.code == replay.DONE else done.out + done.err)


def judge(found):
    """How many tickreplay verify found lost and twice; None each if it did not come to an end."""
    if "kinds" not in found:
        return dict.fromkeys(("lost", "twice"))
    count = {name: kind["count"] for name, kind in found["kinds"].items()}
    return {name: sum(count.get(kind, 0) for kind in kinds) for name, kinds in _KINDS.items()}


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
