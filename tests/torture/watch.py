# SPDX-License-Identifier: MIT
"""What is seen during a run: the diary of faults, stored offsets, log ends, memory, deaths."""

import threading
from dataclasses import dataclass

import confluent_kafka
import psycopg2

from .world import GROUP, PARTITIONS, TOPIC

_OFFSETS_EVERY_S = 0.05
_ENDS_EVERY_S = 0.3
_MEMBERS_EVERY_S = 0.2
_ANSWER_S = 2.0


@dataclass
class Entry:
    """A fault as it really happened; times count from the beginning of the stream."""

    fault: object
    began: float
    healed: float = None
    note: str = ""
    instead: str = ""    # the plain kind that it came to, where the moment it waits for did not come
    recovery: object = None

    @property
    def done(self):
        return self.healed is not None and not self.note

    @property
    def kind(self):
        return self.instead or self.fault.kind


class Diary:
    """What was done, in order. Used by all lanes."""

    def __init__(self, clock):
        self.entries = []
        self._clock = clock

    def begin(self, fault):
        entry = Entry(fault, self._clock())
        self.entries.append(entry)
        return entry

    def end(self, entry, note="", instead=""):
        entry.note = note
        entry.instead = instead
        entry.healed = self._clock()


class Watch:
    """Owns its threads, which live as long as the world."""

    def __init__(self, world):
        self.samples = []    # (when, next_offset of each partition)
        self.ends = []    # (when, log end of each partition)
        self.went_back = []    # stored offsets that were seen to decrease
        self.peak_rss = {}
        self._world = world
        self._threads = [threading.Thread(target=target, name=target.__name__, daemon=True)
                         for target in (self._watch_offsets, self._watch_ends, self._watch_members)]

    def start(self):
        for thread in self._threads:
            thread.start()

    def drained(self):
        """True when the newest sample of the offsets has reached the log's ends of now."""
        ends = _log_ends(_consumer(self._world))
        return ends is not None and bool(self.samples) and self.samples[-1][1] == ends

    def log_ends(self):
        return _log_ends(_consumer(self._world), timeout=10)

    # --- the threads

    def _watch_offsets(self):
        conn = None
        while not self._world.over.wait(_OFFSETS_EVERY_S):
            try:
                conn = conn or self._world.cluster.connect(self._world.db.name)
                with conn.cursor() as cursor:
                    cursor.execute("SELECT kafka_partition, next_offset FROM ingest_offsets"
                                   " WHERE group_id = %s", (GROUP,))
                    self._take(dict(cursor.fetchall()))
            except psycopg2.Error:
                # Away, or the table is renamed.
                if conn is not None and conn.closed:
                    conn = None

    def _take(self, found):
        offsets = tuple(found.get(number, 0) for number in range(PARTITIONS))
        before = self.samples[-1][1] if self.samples else offsets
        now = self._world.now()
        self.went_back += [f"partition {number} from {before[number]} to {offsets[number]} at {now:.1f} s"
                           for number in range(PARTITIONS) if offsets[number] < before[number]]
        self.samples.append((now, offsets))

    def _watch_ends(self):
        consumer = _consumer(self._world)
        while not self._world.over.wait(_ENDS_EVERY_S):
            asked = self._world.now()
            ends = _log_ends(consumer)
            if ends is not None:
                self.ends.append((asked, ends))

    def _watch_members(self):
        while not self._world.over.wait(_MEMBERS_EVERY_S):
            for member in self._world.present():
                if member.lock.acquire(blocking=False):
                    try:
                        self._look_at(member)
                    finally:
                        member.lock.release()

    def _look_at(self, member):
        if member.find_dead():
            member.start()
        try:
            rss = member.daemon.child.rss_bytes()
        except (OSError, KeyError):
            return
        self.peak_rss[member.name] = max(rss, self.peak_rss.get(member.name, 0))


def _consumer(world):
    return confluent_kafka.Consumer({
        "bootstrap.servers": world.kafka.bootstrap, "group.id": "torture-watch", "log_level": 0,
        "reconnect.backoff.max.ms": 500})


def _log_ends(consumer, timeout=_ANSWER_S):
    """The end of each partition's log, None where a broker does not answer."""
    try:
        return tuple(consumer.get_watermark_offsets(confluent_kafka.TopicPartition(TOPIC, number),
                                                    timeout=timeout)[1]
                     for number in range(PARTITIONS))
    except (confluent_kafka.KafkaException, TypeError):
        return None


