# SPDX-License-Identifier: MIT
"""How long tickd needs from its start until ticks are in the table."""

import itertools
import time

from lib.daemon import Tickd

from .bed import Wrong
from .load import config_of

_LOOK_S = 0.005
_START_S = 60.0
_numbers = itertools.count(1)


def cold_start(bed, topic):
    """Seconds from starting tickd until a query sees a tick that was waiting in the topic.

    Its group is new, and both servers are up.
    """
    bed.empty()
    daemon = Tickd(bed.scratch, config_of(bed, topic, f"start-{next(_numbers)}"))
    began = time.monotonic()
    daemon.start()
    try:
        while not bed.db.one("SELECT EXISTS (SELECT FROM ticks)"):
            if not daemon.alive or time.monotonic() - began > _START_S:
                raise Wrong(f"not started\n{daemon.log_text()[-2000:]}")
            time.sleep(_LOOK_S)
        seconds = time.monotonic() - began
        daemon.stop()
        return seconds
    finally:
        daemon.child.kill()
