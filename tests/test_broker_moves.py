# SPDX-License-Identifier: MIT
"""A broker that comes back under another address: a group with its coordinator there is found again."""

import pytest

from lib import net
from lib.flow import Flow


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
    assert daemon.logged("event=kafka_renewed")
    flow.check()
