# SPDX-License-Identifier: MIT
"""How pytest-xdist deals the tests out to its workers."""

import os

from xdist.scheduler import LoadScopeScheduling

# Programs that know nothing of each other, some of which take minutes.
_APART = frozenset(("test_unit.py",))


class ByFile(LoadScopeScheduling):
    """A file at a time, in the order in which they were collected: its tests share servers, and what they
    build. xdist's own way deals a quarter of all tests out before it begins, and all that take long,
    which come first, went to one worker.
    """

    def _split_scope(self, nodeid):
        path = nodeid.split("::", 1)[0]
        return nodeid if os.path.basename(path) in _APART else path
