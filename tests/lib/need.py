# SPDX-License-Identifier: MIT
"""What a test needs of the machine it runs on."""

import os

import pytest


def need(what, reason):
    """Skips if there is a reason to; where TICKD_REQUIRE_<what> is set, that is a failure."""
    if not reason:
        return
    if os.environ.get(f"TICKD_REQUIRE_{what}"):
        pytest.fail(f"{reason} (TICKD_REQUIRE_{what} is set)", pytrace=False)
    pytest.skip(reason)
