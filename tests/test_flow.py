# SPDX-License-Identifier: MIT
"""The main job: messages in through Kafka, rows out in the table, each exactly once."""

import pytest

from lib.flow import Flow


@pytest.fixture
def flow(db, mock, tickd):
    """A topic of a mock broker, a fresh database; flow.start() puts a tickd between them."""
    return Flow(db, mock, tickd, partitions=2).create_topic()


def test_ticks_become_rows(flow):
    flow.send_ticks(1000)
    flow.start()
    flow.wait_consumed()
    flow.check()
