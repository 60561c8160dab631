# SPDX-License-Identifier: MIT
"""The mock broker (tests/mockbroker.c) as a child process."""

import os
import subprocess

from . import proc, programs

# Kafka's numbers of the requests that tests disturb.
API_KEYS = {
    "Produce": 0, "Fetch": 1, "ListOffsets": 2, "Metadata": 3, "OffsetCommit": 8, "OffsetFetch": 9,
    "FindCoordinator": 10, "JoinGroup": 11, "Heartbeat": 12, "LeaveGroup": 13, "SyncGroup": 14,
    "ApiVersions": 18, "InitProducerId": 22,
}


class MockBroker:
    """Owns the process. A cluster of its own, with as many topics as are asked for.

    Group timing of the mock is fixed in librdkafka 2.0.2: the first member of an empty group waits
    3 s; after a member has left or died the next one waits session.timeout.ms - 1 s. A
    session.timeout.ms below that first wait expires in it, and nobody ever gets in: 4000 is a good
    value for tests that restart consumers. (The real broker of lib.kafka lets members in at once.)
    """

    def __init__(self, scratch, brokers=1):
        self.brokers = brokers
        self.log = os.path.join(scratch.dir("mock"), "log")
        self._child = proc.Child(
            [programs.path("mockbroker"), "--brokers", str(brokers)], log=self.log,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        word, _, self.bootstrap = self._answer().partition(" ")
        assert word == "bootstrap", f"mockbroker did not start\n{proc.tail(self.log)}"

    def command(self, *words):
        """Sends one command line; raises RuntimeError with the reason if it was refused."""
        pipe = self._child.popen.stdin
        pipe.write(" ".join(str(word) for word in words).encode() + b"\n")
        pipe.flush()
        answer = self._answer()
        if answer != "ok":
            raise RuntimeError(f"mockbroker: {' '.join(map(str, words))}: {answer}")

    def create_topic(self, name, partitions=1):
        """Returns the name."""
        self.command("topic", name, partitions)
        return name

    def topic_error(self, name, error):
        """What Metadata says of the topic from now on; 'NO_ERROR' heals."""
        self.command("topic-error", name, error)

    def down(self, broker=None):
        """Cuts the connections and takes no new ones; all brokers, or one (1, 2, ...)."""
        self.command("down", *([broker] if broker else []))

    def up(self, broker=None):
        self.command("up", *([broker] if broker else []))

    def rtt(self, delay_ms, broker=None):
        """Every answer comes that much later."""
        self.command("rtt", delay_ms, *([broker] if broker else []))

    def errors(self, api, error, count=1):
        """The next `count` requests of that kind fail. '_TRANSPORT' cuts the connection."""
        self.command("errors", _api_key(api), count, error)

    def clear_errors(self, api):
        self.command("clear-errors", _api_key(api))

    def delay(self, api, delay_ms, count=1, broker=1):
        """The next `count` answers to that kind of request come that much later."""
        self.command("delay", broker, _api_key(api), count, delay_ms)

    def leader(self, topic, partition, broker):
        """Moves a partition; -1 leaves it without a leader."""
        self.command("leader", topic, partition, broker)

    def coordinator(self, group, broker):
        self.command("coordinator", group, broker)

    @property
    def child(self):
        """The process, to be paused or killed."""
        return self._child

    def close(self):
        """Ends the process by closing its input, as the end of this process would."""
        self._child.resume()
        for pipe in (self._child.popen.stdin, self._child.popen.stdout):
            pipe.close()
        self._child.end(timeout=5)

    def _answer(self):
        return self._child.popen.stdout.readline().decode().rstrip("\n")


def _api_key(api):
    return API_KEYS.get(api, api)
