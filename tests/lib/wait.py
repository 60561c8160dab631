# SPDX-License-Identifier: MIT
"""Waiting for conditions. Tests never sleep for luck: they poll a fact until a deadline."""

import time

# Generous, because it is only ever reached by a failing test on a slow, shared machine.
DEADLINE_S = 60.0
_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.1


class Timeout(AssertionError):
    """The condition did not come true before the deadline."""


def wait_until(condition, what, timeout=DEADLINE_S, detail=None, abort=None):
    """Polls condition() until it is truthy and returns that value.

    what names the condition in the failure. detail() adds to the failure what was seen last.
    abort() returns a reason to give up early (the process died), or something falsy.
    """
    end = time.monotonic() + timeout
    pause = _FIRST_PAUSE_S
    while True:
        value = condition()
        if value:
            return value
        reason = abort() if abort else None
        if reason:
            # The condition may have come true just before the reason to give up did.
            value = condition()
            if value:
                return value
            raise Timeout(_message(f"gave up waiting for {what}: {reason}", detail, value))
        if time.monotonic() >= end:
            raise Timeout(_message(f"no {what} within {timeout:g} s", detail, value))
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_S)


def holds_for(condition, what, seconds):
    """Fails as soon as condition() is false; passes when it was true all the time.

    For "nothing happens" facts only, where there is no event to wait for.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), f"{what} did not hold"
        time.sleep(_LONGEST_PAUSE_S / 2)


def _message(text, detail, value):
    seen = detail() if detail else None
    if seen is None and value is not None and value is not False:
        seen = repr(value)
    return f"{text}\n{seen}" if seen else text
