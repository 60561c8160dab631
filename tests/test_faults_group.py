# SPDX-License-Identifier: MIT
"""The consumer group in trouble, on a real broker: zombies, evictions, storms, a name taken twice.

Members may be frozen, fenced and thrown out as one likes; every tick is in the table once.
"""

import itertools
import os
import random

import pytest

from lib import produce
from lib.faults import (BEGIN_SENT, COPY_HEADER, MANY_ROWS, ROWS_ENDED, Load, MidCopy, database_through,
                        kafka_proxy, kafka_through, large_batches, members, wait_stored)
from lib.flow import Flow
from lib.proxy import BLACKHOLE, UP
from lib.wait import wait_until

# A storm is one minute for every 40 of these.
STORM_ROUNDS = int(os.environ.get("TICKD_STORM_ROUNDS", "10"))

_groups = itertools.count()


@pytest.fixture
def flow(db, kafka, tickd, proxy_factory):
    """Three partitions, small batches, the database behind flow.proxy."""
    name = f"group-{next(_groups)}"
    made = Flow(db, kafka, tickd, topic=name, group=name, partitions=3, batch_rows=100, linger_ms=5)
    made.config["kafka.session.timeout.ms"] = 3000
    made.proxy = proxy_factory(db.cluster.port)
    return database_through(made, made.proxy).create_topic()


# --- zombies

def stalled_before(pattern):
    return lambda flow: flow.proxy.after(UP, BLACKHOLE, pattern=pattern, before=True)


@pytest.mark.parametrize("stalled, holds_keys", [(stalled_before(BEGIN_SENT), False), (MidCopy, True),
                                                 (stalled_before(ROWS_ENDED), True)],
                         ids=["before_begin", "in_mid_copy", "before_end_of_rows"])
def test_frozen_member_is_replaced_and_writes_nothing_when_it_wakes(flow, stalled, holds_keys):
    """SIGSTOP past the session timeout. Its half of a transaction is held by the network, and let go
    when its successor has written everything: after ending the session, where that holds keys."""
    flow.config["stalled_session_ms"] = 1000
    zombie = large_batches(flow).start()
    flow.send_ticks(300)
    flow.wait_consumed()
    fault = stalled(flow)
    flow.send_together(*("BTC", "ETH", "SOL") * (MANY_ROWS // 3))    # one message is one batch
    flow.flush()
    fault.wait()
    zombie.child.pause()
    successor = flow.start(database_url=flow.direct_url)
    flow.wait_consumed()
    flow.check()
    if holds_keys:
        successor.wait_log("event=stalled_session_ended")
    else:
        assert not successor.logged("event=stalled_session_ended")
    before = flow.next_offsets()

    zombie.child.resume()
    flow.proxy.heal()
    zombie.wait_log("event=kafka_revoked .*lost=yes")
    assert flow.next_offsets() == before
    flow.check()
    wait_until(lambda: members(flow) == 2, "the zombie to join again")
    flow.send_ticks(300)
    flow.wait_consumed()
    successor.stop()
    flow.daemon = zombie
    flow.send_ticks(300)
    flow.wait_consumed()
    flow.check()


def test_zombie_that_knows_of_nothing_is_stopped_by_the_fence(flow, proxy_factory):
    """Kafka's news do not reach it, so it writes on: its batch arrives whole after its successor's."""
    kafka = kafka_proxy(proxy_factory, flow.broker.brokers[0])
    direct = flow.config["kafka.bootstrap.servers"]
    flow.config.update({"kafka.group.instance.id": "only-one", "kafka.session.timeout.ms": 45000})
    zombie = kafka_through(flow).start()
    flow.send_ticks(300)
    flow.wait_consumed()
    fault = flow.proxy.after(UP, BLACKHOLE, pattern=BEGIN_SENT, before=True)
    flow.send_ticks(300)
    flow.flush()
    fault.wait()
    kafka.blackhole()
    flow.start(database_url=flow.direct_url, **{"kafka.bootstrap.servers": direct})
    flow.wait_consumed()
    flow.check()
    flow.proxy.heal()
    zombie.wait_log("event=commit_failed .*outcome=fenced .*sqlstate=TK001")
    zombie.wait_log("event=rewind")
    flow.check()
    kafka.heal()
    assert zombie.wait_exit() == 1
    assert zombie.logged("event=kafka_fatal .*fenced")
    flow.send_ticks(300)
    flow.wait_consumed()
    flow.check()


def test_frozen_for_longer_than_max_poll_joins_again(flow):
    """Alone in its group, which has forgotten it meanwhile."""
    flow.config["kafka.max.poll.interval.ms"] = 3000
    flow.start()
    flow.send_ticks(300)
    flow.wait_consumed()
    flow.daemon.child.pause()
    wait_until(lambda: members(flow) == 0, "the group to throw it out")
    flow.send_ticks(300)
    flow.flush()
    flow.daemon.child.resume()
    flow.wait_consumed()
    flow.check()


def test_member_cut_off_from_kafka_stops_writing_by_itself(flow, proxy_factory):
    """It reaches the database all the time, and Kafka no more: its successor finds nothing in its way."""
    proxy = kafka_proxy(proxy_factory, flow.broker.brokers[0])
    direct = flow.config["kafka.bootstrap.servers"]
    cut_off = kafka_through(flow).start()
    flow.send_ticks(300)
    flow.wait_consumed()
    proxy.blackhole()
    flow.send_ticks(300)
    flow.start(**{"kafka.bootstrap.servers": direct})
    flow.wait_consumed()
    flow.check()
    proxy.heal()
    wait_until(lambda: members(flow) == 2, "both to be members")
    with Load(flow, 500):
        flow.daemon.stop()
        flow.daemon = cut_off
        wait_stored(flow, 500)
    flow.wait_consumed()
    flow.check()


# --- rebalances

class Storm:
    """Members that come and go in each of the ways there are; never fewer than one at work."""

    def __init__(self, flow, seed):
        self.flow = flow
        self.dice = random.Random(seed)
        self.all = []
        self.working = []
        self.frozen = []
        self.join()

    def join(self):
        self.all.append(self.flow.new_daemon())
        self.working.append(self.all[-1])

    def wake(self):
        member = self.frozen.pop(0)
        member.child.resume()
        self.working.append(member)

    def leave(self, how):
        member = self.working.pop(self.dice.randrange(len(self.working)))
        if how == "freeze":
            member.child.pause()
            self.frozen.append(member)
        elif how == "kill":
            member.kill9()
        else:
            member.stop()

    def step(self):
        act = self.dice.choice(("join", "join", "wake", "stop", "kill", "freeze"))
        if act == "wake" and self.frozen:
            self.wake()
        elif len(self.working) == 1 or (act in ("join", "wake") and len(self.working) < 4):
            self.join()
        else:
            self.leave(act if act in ("kill", "freeze") else "stop")
        self.flow.daemon = self.working[-1]

    def calm(self):
        while self.frozen:
            self.wake()

    def assignments(self):
        return sum(len(member.logged("event=kafka_assigned")) for member in self.all)


def test_rebalance_storm(flow):
    """Members join, stop, die, freeze and wake all the time, while ticks flow."""
    flow.config["writers"] = 2
    storm = Storm(flow, os.environ.get("TICKD_STORM_SEED", "1"))
    flow.daemon = storm.working[0]
    with Load(flow, 300):
        for _ in range(STORM_ROUNDS):
            storm.step()
            wait_stored(flow, 100)
    storm.calm()
    flow.wait_consumed()
    flow.check()
    # Members that come while others do make one generation.
    assert storm.assignments() >= STORM_ROUNDS // 2


def test_member_without_its_database_holds_nobody_up(flow):
    """It cannot know where to start, so that others have to join while it does not. Then it can."""
    flow.config["kafka.session.timeout.ms"] = 30000
    flow.proxy.blackhole()
    waits = flow.start(**{"kafka.group.instance.id": "a"})
    waits.wait_log("event=kafka_assigned .*partitions=3")
    other = flow.start(database_url=flow.direct_url, **{"kafka.group.instance.id": "b"})
    other.wait_log("event=kafka_assigned .*partitions=1")
    waits.wait_log("event=kafka_assigned .*partitions=2")
    flow.send_ticks(300)
    wait_until(lambda: flow.db.count("ticks") == 100, "the ticks of the other's partition")
    assert not waits.logged("event=database_up")
    flow.proxy.heal()
    flow.wait_consumed()
    flow.check()
    assert not other.logged("event=kafka_revoked"), "nothing was taken from it"


def test_name_taken_twice_ends_the_older_with_its_exit_code(flow):
    """Two tickd with one group.instance.id: the broker fences one, which ends and says why."""
    flow.config["kafka.group.instance.id"] = "only-one"
    first = flow.start()
    flow.send_ticks(300)
    flow.wait_consumed()
    second = flow.new_daemon()
    assert first.wait_exit() == 1
    assert first.logged("event=kafka_fatal .*fenced")
    assert "level=debug event=batch_done" in first.recorded()
    flow.daemon = second
    flow.send_ticks(300)
    flow.wait_consumed()
    flow.check()


def test_restart_under_the_same_name_moves_no_partition(flow):
    """Static membership: kill -9 and start again within the session timeout is no rebalance."""
    flow.config["kafka.session.timeout.ms"] = 30000
    first = flow.start(**{"kafka.group.instance.id": "a"})
    other = flow.start(**{"kafka.group.instance.id": "b"})
    other.wait_log("event=kafka_assigned .*partitions=[12]")
    first.wait_log("event=kafka_assigned .*partitions=[12]")
    mark = other.mark()
    first.restart()
    flow.send_ticks(300)
    flow.wait_consumed()
    flow.check()
    assert not other.logged("event=kafka_revoked", mark)


# --- giving partitions up in mid-COPY

def revoke_in_mid_copy(flow, **config):
    """The partition of flow.daemon, whose whole batch is held up on its way to the database, is taken
    away from it and given to flow.other: the group sorts its members by name."""
    flow.config.update(linger_ms=60000, batch_rows=30, **{"kafka.session.timeout.ms": 30000}, **config)
    flow.start(**{"kafka.group.instance.id": "b"})
    flow.daemon.wait_log("event=state msg=flowing")
    fault = flow.proxy.after(UP, BLACKHOLE, pattern=COPY_HEADER)
    flow.send_ticks(30, symbols=("BTC",))
    flow.flush()
    fault.wait()
    flow.other = flow.new_daemon(database_url=flow.direct_url, **{"kafka.group.instance.id": "a"})
    flow.daemon.wait_log("event=kafka_revoked .*lost=no")


@pytest.fixture
def single(flow):
    """The same with one partition."""
    flow.topic, flow.partitions = f"{flow.topic}-single", 1
    flow.config["topics"] = flow.topic
    return flow.create_topic()


def test_revoke_waits_for_the_flying_copy(single):
    """The batch ends, its offsets are told to Kafka too, and nobody reads it again."""
    flow = single
    revoke_in_mid_copy(flow)
    flow.proxy.heal()
    flow.other.wait_log("event=kafka_assigned .*partitions=1 ")
    flow.wait_consumed()
    flow.check()
    assert not flow.daemon.logged("event=(release_timeout|commit_failed|rewind)")
    flow.daemon.wait_until(
        lambda: produce.committed(flow.broker.bootstrap, flow.config["group"], flow.topic) == [30],
        "Kafka to be told of the last batch")
    flow.other.stop()
    assert "messages=0 " in flow.other.logged("event=stopped")[0]


def test_revoke_does_not_wait_longer_than_it_may(single):
    """The copy is given up and rolled back, and the next owner writes its rows."""
    flow = single
    revoke_in_mid_copy(flow, shutdown_timeout_ms=500)
    flow.daemon.wait_log("event=release_timeout")
    flow.other.wait_log("event=kafka_assigned .*partitions=1 ")
    flow.wait_consumed()
    flow.proxy.heal()
    flow.check()
    flow.other.stop()
    assert "stored=30 " in flow.other.logged("event=stopped")[0]
