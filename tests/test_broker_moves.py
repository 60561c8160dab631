# SPDX-License-Identifier: MIT
"""Brokers that librdkafka does not find again by itself: a new client does."""

import pytest

from lib import librdkafka, net, preload
from lib.flow import Flow
from lib.forgetful import Forgetful
from lib.need import need


@pytest.mark.parametrize("moment", ["while it reads", "while it starts"])
def test_coordinator_under_another_address_is_found(db, kafka_factory, tickd, moment):
    """librdkafka itself knocks at the old address for ever (include/kafka_coord.h)."""
    kafka = kafka_factory()
    other = net.free_port()
    flow = Flow(db, kafka, tickd, partitions=2).create_topic()
    flow.config["kafka.bootstrap.servers"] += f",{net.LOOPBACK}:{other}"
    daemon = flow.start()
    flow.send_ticks(100)
    flow.wait_consumed()
    if moment == "while it starts":
        mark = daemon.mark()
        daemon.restart()
        daemon.wait_log("event=kafka_up", mark)
    kafka.kill()
    kafka.start(port=other)
    flow._producer = None    # of the old address
    flow.send_ticks(100)
    flow.wait_consumed()
    # Killed before librdkafka has heard of a coordinator, it has nothing to forget.
    assert moment == "while it starts" or daemon.logged("event=kafka_renewed")
    flow.check()


@pytest.fixture
def slow_main(scratch):
    """The library to be preloaded, see tests/slowmain.c."""
    return preload.build(scratch, "slowmain")


def test_brokers_that_were_forgotten_are_found(db, kafka, tickd, slow_main):
    """A broker on its way down may name no broker at all; then librdkafka knows none (src/kafka_link.c)."""
    need("KAFKA", librdkafka.missing())
    env = {**librdkafka.environment(), "LD_PRELOAD": slow_main}
    node = kafka.brokers[0]
    way = Forgetful(node.proxy_port, node.proxied_port)
    try:
        flow = Flow(db, kafka, lambda config: tickd(config, env=env), topic="forgotten")
        flow.config["kafka.bootstrap.servers"] = kafka.proxied_bootstrap
        flow.config["kafka.topic.metadata.refresh.interval.ms"] = 500
        flow.create_topic().start()
        flow.send_ticks(100)
        flow.wait_consumed()
        way.leaving = True
        flow.daemon.wait_until(way.gone.is_set, "the broker to leave")
        flow.daemon.wait_log("event=kafka_down")
        way.back()
        flow.send_ticks(100)
        flow.daemon.wait_log("event=kafka_renewed .*may know no broker")
        flow.wait_consumed()
        flow.check()
    finally:
        way.close()
