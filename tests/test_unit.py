# SPDX-License-Identifier: MIT
"""The unit tests in C, one item per program and kind of run."""

import os

import pytest

from lib import unit

# Some wait for minutes: what is short comes last, so that all workers have something to do to the end.
pytestmark = pytest.mark.early


@pytest.mark.parametrize("name", unit.names())
def test_unit(name):
    unit.run(os.path.join(unit.unit_dir(), name))


@pytest.mark.parametrize("name", unit.names())
def test_valgrind(name):
    if unit.valgrind_missing():
        pytest.skip(unit.valgrind_missing())
    unit.run_valgrind(os.path.join(unit.valgrind_dir(), name))
