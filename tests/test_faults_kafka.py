# SPDX-License-Identifier: MIT
"""Brokers and topics in trouble: brokers that die, freeze, move; logs that lose what was to be read.

Whatever Kafka still has is in the table once; whatever it has lost is said, never passed over.
"""

import itertools

import pytest

from lib import kafka as kafka_lib
from lib import net, produce
from lib.faults import Load, kafka_proxy, kafka_through, wait_stored
from lib.flow import Flow, canonical, now_ms
from lib.need import need
from lib.proxy import DOWN, FLIP
from lib.wait import wait_until

pytestmark = pytest.mark.early

_topics = itertools.count()


def make_flow(db, cluster, tickd, partitions=3, **config):
    name = f"broken-{next(_topics)}"
    return Flow(db, cluster, tickd, topic=name, group=name, partitions=partitions,
                **config).create_topic()


@pytest.fixture(scope="module")
def _three(scratch):
    need("KAFKA", kafka_lib.missing())
    cluster = kafka_lib.KafkaCluster(scratch, 3)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def three(_three, show_log):
    """Three brokers, all up, shared by the tests of this file."""
    for broker in _three.brokers:
        show_log(broker.log)
    _three.resume()
    _three.start()
    return _three


@pytest.fixture
def led(db, three, tickd):
    """Ticks flow from three brokers, each partition on all of them."""
    flow = make_flow(db, three, tickd)
    flow.start()
    flow.send_ticks(300)
    flow.wait_consumed()
    return flow


@pytest.fixture
def flow(db, kafka, tickd):
    return make_flow(db, kafka, tickd)


def wait_leader_leaves(flow, node):
    wait_until(lambda: flow.broker.leader(flow.topic) not in (node, -1), "another leader")


# --- brokers

@pytest.mark.parametrize("fault, mend", [("kill", "start"), ("pause", "resume")],
                         ids=["sigkill", "sigstop"])
def test_leader_is_lost_and_another_takes_over(led, fault, mend):
    flow, cluster = led, led.broker
    node = cluster.wait_leader(flow.topic)
    with Load(flow, 300):
        getattr(cluster, fault)(node)
        wait_leader_leaves(flow, node)
        wait_stored(flow, 300)
        getattr(cluster, mend)(node)
        wait_stored(flow, 300)
    flow.wait_consumed()
    flow.check()


def test_brokers_restart_one_after_the_other_on_other_ports(led):
    """In the end none is where the configuration says."""
    flow, cluster = led, led.broker
    with Load(flow, 300):
        for broker in cluster.brokers:
            cluster.restart(broker.node, port=net.free_port())
            wait_stored(flow, 300)
    flow.wait_consumed()
    flow.check()


def test_all_brokers_away_and_back(led):
    """It says so, waits, and says no longer so when ticks flow again."""
    flow, cluster = led, led.broker
    cluster.kill()
    flow.daemon.wait_log("event=kafka_down")
    flow.daemon.wait_log('event=state msg="waiting for broker"')
    mark = flow.daemon.mark()
    cluster.start()
    with Load(flow, 300):
        wait_stored(flow, 300)
        flow.daemon.wait_log("event=state msg=flowing", mark)
    flow.wait_consumed()
    flow.check()


# --- topics

def test_partitions_are_added(flow):
    """They are found, and read from their beginning."""
    flow.start()
    flow.send_ticks(300)
    flow.wait_consumed()
    flow.broker.add_partitions(flow.topic, 5)
    flow.partitions = 5
    flow.renew_producer()
    flow.send_ticks(300, symbols=("BTC", "ETH", "SOL", "XRP", "DOGE"))
    flow.wait_consumed()
    flow.check()


def lose_the_past(flow):
    """The log of the only partition begins where it ends now. Returns that offset."""
    flow.broker.set_topic_config(flow.topic, retention_ms=1)
    end = produce.end_offsets(flow.broker.bootstrap, flow.topic)[0]
    wait_until(lambda: produce.begin_offsets(flow.broker.bootstrap, flow.topic)[0] == end,
               "retention to do its work")
    flow.broker.set_topic_config(flow.topic)
    return end


def forget_sent(flow, first, last):
    """These will never come: what check() knows of what was sent without them."""
    for seq in range(first, last + 1):
        del flow.sent[seq]


def gaps(flow):
    return flow.rows("SELECT kafka_partition, from_offset, to_offset FROM ingest_gaps ORDER BY 1")


@pytest.fixture
def single(db, kafka, tickd):
    """One partition, 100 ticks read, tickd stopped."""
    flow = make_flow(db, kafka, tickd, partitions=1)
    flow.start()
    flow.send_ticks(100)
    flow.wait_consumed()
    flow.daemon.stop()
    return flow


def test_retention_overtakes_and_the_partition_stops(single):
    """What is there is not read over what is lost, until somebody decides so; then the gap is on record."""
    flow = single
    flow.send_ticks(50)
    flow.flush()
    begin = lose_the_past(flow)
    flow.send_ticks(50)
    flow.flush()
    flow.start()
    line = flow.daemon.wait_log("event=offset_gap")
    assert "next_offset=100 " in line and f"log_begin={begin} " in line
    flow.daemon.wait_log('event=state msg="degraded: partitions stopped"')
    assert flow.next_offsets() == {0: 100} and gaps(flow) == []
    flow.daemon.reload({**flow.config, "on_offset_gap": "earliest"})
    flow.wait_consumed()
    forget_sent(flow, 101, 150)
    flow.check()
    assert gaps(flow) == [(0, 100, 150)]


def test_retention_overtakes_and_the_rest_is_read(single):
    flow = single
    flow.send_ticks(50)
    flow.flush()
    lose_the_past(flow)
    flow.send_ticks(50)
    flow.start(on_offset_gap="earliest")
    flow.wait_consumed()
    forget_sent(flow, 101, 150)
    flow.check()
    assert gaps(flow) == [(0, 100, 150)]


@pytest.mark.parametrize("policy", ["stop", "earliest"])
def test_topic_is_deleted_and_made_anew_under_a_running_tickd(flow, policy):
    """Its offsets begin again at 0, where the stored ones no longer mean anything."""
    flow.partitions = 1
    flow.topic += "-again"
    flow.config["topics"] = flow.topic
    flow.create_topic()
    flow.start(on_offset_gap=policy)
    flow.send_ticks(100)
    flow.wait_consumed()
    flow.broker.delete_topic(flow.topic)
    flow.create_topic()
    flow.send_ticks(40)
    flow.flush()
    if policy == "stop":
        assert "next_offset=100 " in flow.daemon.wait_log("event=offset_gap")
        assert flow.db.count("ticks") == 100 and gaps(flow) == []
        flow.daemon.reload({**flow.config, "on_offset_gap": "earliest"})
    flow.daemon.wait_until(lambda: flow.db.count("ticks") == 140, "the new topic to be read")
    flow.send_ticks(100)
    flow.daemon.wait_until(lambda: flow.db.count("ticks") == 240, "what comes after")
    assert flow.next_offsets() == {0: 140} and gaps(flow) == [(0, 100, 0)]
    flow.check()


# --- records

def test_corrupt_record_is_read_again_and_never_stored(flow, proxy_factory):
    """A byte is changed on the way; the checksum tells, and the second reading is right."""
    proxy = kafka_proxy(proxy_factory, flow.broker.brokers[0])
    kafka_through(flow).start()
    flow.send_ticks(300)
    flow.wait_consumed()
    fault = proxy.after(DOWN, FLIP, pattern=b'"price": 666')
    flow.send_raw(canonical("BTC", 666.5, now_ms(), 1000), key="BTC")
    flow.sent[1000] = None
    flow.send_ticks(300)
    del flow.sent[1000]
    fault.wait()
    line = flow.daemon.wait_log("event=kafka_reread")
    assert "CRC" in line
    flow.daemon.wait_until(lambda: flow.db.count("ticks", "price = 666.5") == 1, "the tick")
    flow.wait_consumed()
    flow.db.query("DELETE FROM ticks WHERE price = 666.5")
    flow.check_rows()
    assert flow.counts() == (601, 601, 0, 0, 0)


def test_corrupt_for_a_while_holds_that_partition_only(flow, proxy_factory):
    """As if the disk were bad: it is tried again and again, nothing is passed over, the others flow."""
    proxy = kafka_proxy(proxy_factory, flow.broker.brokers[0])
    kafka_through(flow).start()
    flow.send_ticks(300)
    flow.wait_consumed()
    faults = [proxy.after(DOWN, FLIP, pattern=b'"price": 666') for _ in range(3)]
    flow.send_raw(canonical("BTC", 666.5, now_ms(), 1000), key="BTC")
    flow.send_ticks(30, symbols=("BTC",))
    flow.flush()
    faults[0].wait()
    held = flow.next_offsets()[0]
    flow.send_ticks(300, symbols=("ETH", "SOL"))
    flow.flush()
    flow.daemon.wait_until(lambda: flow.db.count("ticks") >= 600, "the other partitions")
    assert flow.next_offsets()[0] == held or faults[-1].happened
    flow.wait_consumed()
    assert all(fault.happened for fault in faults)
    assert flow.db.query("DELETE FROM ticks WHERE price = 666.5 RETURNING volume") == [(1000.0,)]
    flow.check_rows()
