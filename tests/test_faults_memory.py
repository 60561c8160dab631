# SPDX-License-Identifier: MIT
"""Memory that is not to be had ends the process cleanly, or is survived; its successor goes on."""

import random
import signal

import pytest

from lib import preload
from lib.fault import Disturbed
from lib.wait import wait_until

# From the start to the first committed batch there are about 1300 allocations.
LAST = 1500
SINGLE = 30
ALL = 10
# When all is running, so many ticks need more allocations than that.
TICKS = 400
LAST_LATER = 400
LATER = 12


@pytest.fixture(scope="module")
def failmalloc(scratch):
    """The library to be preloaded, see tests/failmalloc.c."""
    return preload.build(scratch, "failmalloc")


@pytest.fixture
def flow(db, kafka, tickd):
    """A static member, so that successors take over at once. An allocation that libpq has lost looks to it
    like an answer still to come, so requests have a short deadline."""
    return Disturbed(db, kafka, tickd, statement_timeout_ms=1000, lock_timeout_ms=500,
                     **{"kafka.group.instance.id": "one"})


def outlive(flow, tickd, env):
    """Runs a daemon in which allocations fail until it has died of it or done its work."""
    flow.send_more(20)
    return ended(flow, tickd(flow.config, env=env), env)


def outlive_later(flow, tickd, env):
    """The same where they fail when it has long been at work."""
    flow.daemon = daemon = tickd(flow.config, env={**env, "FAILMALLOC_LATER": "1"})
    flow.wait_state("flowing")
    flow.go_on(20)
    daemon.child.send(signal.SIGUSR2)
    flow.send_more(TICKS)
    return ended(flow, daemon, env)


def ended(flow, daemon, env):
    """Waits until it has died or done its work; whether it has died, of nothing but want of memory."""
    wait_until(lambda: not daemon.alive or flow.consumed(), f"an end of {env}",
               detail=daemon.log_text)
    if daemon.alive:
        daemon.kill9()
        return False
    # abort(), by tickd or by a library, after a word about it: nobody has run into a NULL.
    text = daemon.log_text()
    assert daemon.wait_exit() == -signal.SIGABRT, text
    assert not text.endswith("failmalloc: now\n"), text
    return True


def test_allocation_that_fails_once(flow, tickd, failmalloc):
    moments = random.Random(1).sample(range(1, LAST), SINGLE)
    died = sum(outlive(flow, tickd, {"LD_PRELOAD": failmalloc, "FAILMALLOC_AT": str(moment)})
               for moment in moments)
    assert died >= SINGLE // 4, "hardly anything failed"
    flow.run()


def test_memory_that_ends_for_good(flow, tickd, failmalloc):
    moments = random.Random(2).sample(range(1, LAST), ALL)
    died = sum(outlive(flow, tickd, {"LD_PRELOAD": failmalloc, "FAILMALLOC_AT": str(moment),
                                     "FAILMALLOC_ALL": "1"}) for moment in moments)
    assert died >= ALL // 3, "hardly anything failed"
    flow.run()


@pytest.mark.parametrize("more", [{}, {"FAILMALLOC_ALL": "1"}], ids=["once", "for_good"])
def test_memory_that_ends_while_ticks_flow(flow, tickd, failmalloc, more):
    moments = random.Random(3).sample(range(1, LAST_LATER), LATER)
    died = sum(outlive_later(flow, tickd, {"LD_PRELOAD": failmalloc, "FAILMALLOC_AT": str(moment), **more})
               for moment in moments)
    assert died >= LATER // 4, "hardly anything failed"
    flow.run()
