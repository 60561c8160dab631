# SPDX-License-Identifier: MIT
"""Sends exact messages to a broker and knows where each one went."""

import time
from dataclasses import dataclass, field
from typing import Optional

import confluent_kafka

from .wait import DEADLINE_S

# Idempotence keeps order and makes the client's own retries harmless: what was asked to be sent
# stands in the log once.
_DEFAULTS = {"enable.idempotence": True, "linger.ms": 0, "socket.nagle.disable": True,
             "message.timeout.ms": int(DEADLINE_S * 1000), "message.max.bytes": 8 * 1024 * 1024,
             "log_level": 3}
_POLL_S = 0.1


@dataclass
class Sent:
    """One message. offset is None until the broker has acknowledged it."""

    topic: str
    partition: int
    key: Optional[bytes]
    value: Optional[bytes]
    timestamp_ms: Optional[int] = None
    headers: list = field(default_factory=list)
    offset: Optional[int] = None
    error: Optional[str] = None


class Producer:
    """A client of one broker (or cluster); keeps every message it sent, in order, in `sent`."""

    def __init__(self, bootstrap, **conf):
        """conf: librdkafka properties, '_' for '.': compression_type='zstd'."""
        self._client = confluent_kafka.Producer(
            {**_DEFAULTS, "bootstrap.servers": bootstrap, **_properties(conf)})
        self.sent = []
        self._transactional = False

    def send(self, topic, value, key=None, partition=0, timestamp_ms=None, headers=None):
        """Queues one message; value and key as bytes, str (sent as UTF-8) or None."""
        message = Sent(topic, partition, _bytes(key), _bytes(value), timestamp_ms, headers or [])

        def delivered(error, record):
            message.error = str(error) if error else None
            message.offset = None if error else record.offset()

        more = {}
        if timestamp_ms is not None:
            more["timestamp"] = timestamp_ms
        if headers:
            more["headers"] = headers
        while True:
            try:
                self._client.produce(topic, value=message.value, key=message.key,
                                     partition=partition, on_delivery=delivered, **more)
                break
            except BufferError:
                self._client.poll(_POLL_S)
        self.sent.append(message)
        self._client.poll(0)
        return message

    def transaction(self, commit, send):
        """Calls send() within a transaction, then commits or aborts it. Needs transactional_id."""
        if not self._transactional:
            self._client.init_transactions(DEADLINE_S)
            self._transactional = True
        self._client.begin_transaction()
        send()
        self._client.flush(DEADLINE_S)
        if commit:
            self._client.commit_transaction(DEADLINE_S)
        else:
            self._client.abort_transaction(DEADLINE_S)

    def flush(self, timeout=DEADLINE_S):
        """Waits until everything is acknowledged; fails if anything was refused. Returns `sent`."""
        left = self._client.flush(timeout)
        assert left == 0, f"{left} messages not acknowledged within {timeout} s"
        refused = [message for message in self.sent if message.error]
        assert not refused, f"{len(refused)} messages refused, the first: {refused[0]}"
        return self.sent


def produce(bootstrap, topic, values, partition=0, key=None, **conf):
    """Sends a list of values to one partition and returns the list of Sent, with offsets."""
    producer = Producer(bootstrap, **conf)
    for value in values:
        producer.send(topic, value, key=key, partition=partition)
    return producer.flush()


def read_all(bootstrap, topic, partitions=1, timeout=DEADLINE_S, **conf):
    """Every message that stands in the topic now, as Sent, ordered by partition and offset."""
    consumer = _consumer(bootstrap, "read-all", {
        **conf, "enable.auto.commit": False, "check.crcs": True, "enable.partition.eof": True})
    found, left = [], set(range(partitions))
    end = time.monotonic() + timeout
    try:
        consumer.assign([confluent_kafka.TopicPartition(topic, number, _watermarks(
            consumer, topic, number)[0]) for number in left])
        while left:
            record = consumer.poll(_POLL_S)
            if record is None:
                assert time.monotonic() < end, f"{topic}: partitions {left} not read to their end"
            elif not record.error():
                found.append(_sent(record))
            elif record.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                left.discard(record.partition())
            else:
                raise AssertionError(record.error())
        return sorted(found, key=lambda message: (message.partition, message.offset))
    finally:
        consumer.close()


def end_offsets(bootstrap, topic, partitions=1, **conf):
    """The offset after the newest message of each partition, as a list."""
    consumer = _consumer(bootstrap, "ends", conf)
    try:
        return [_watermarks(consumer, topic, number)[1] for number in range(partitions)]
    finally:
        consumer.close()


def begin_offsets(bootstrap, topic, partitions=1, **conf):
    """The offset of the oldest message that each partition still has, as a list."""
    consumer = _consumer(bootstrap, "begins", conf)
    try:
        return [_watermarks(consumer, topic, number)[0] for number in range(partitions)]
    finally:
        consumer.close()


def committed(bootstrap, group, topic, partitions=1, **conf):
    """The offsets the group has committed in Kafka, as a list; -1001 where there is none."""
    consumer = _consumer(bootstrap, group, conf)
    try:
        asked = [confluent_kafka.TopicPartition(topic, number) for number in range(partitions)]
        return [found.offset for found in consumer.committed(asked, timeout=DEADLINE_S)]
    finally:
        consumer.close()


def _consumer(bootstrap, group, conf):
    return confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": group,
                                     "log_level": 3, **_properties(conf)})


def _properties(conf):
    """Keyword arguments as librdkafka's properties; log_level is the one with an underscore."""
    return {key if key == "log_level" else key.replace("_", "."): value
            for key, value in conf.items()}


def _watermarks(consumer, topic, number):
    return consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, number),
                                          timeout=DEADLINE_S)


def _sent(record):
    kind, stamp = record.timestamp()
    return Sent(record.topic(), record.partition(), record.key(), record.value(),
                None if kind == confluent_kafka.TIMESTAMP_NOT_AVAILABLE else stamp,
                record.headers() or [], record.offset())


def _bytes(text):
    return text.encode() if isinstance(text, str) else text
