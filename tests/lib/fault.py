# SPDX-License-Identifier: MIT
"""What the tests of faults have in common: a flow that is disturbed, and a bound on what is said of it."""

import itertools
import os
import signal

from . import proc
from .flow import Flow
from .wait import wait_until

_topics = itertools.count()


class Disturbed(Flow):
    """A flow through the session's real broker, with a topic and group of its own; it tries again
    quickly, so that what is logged per attempt shows as a storm."""

    def __init__(self, db, broker, tickd, **config):
        name = f"disturbed-{os.getpid()}-{next(_topics)}"
        super().__init__(db, broker, tickd, topic=name, group=name, partitions=2, linger_ms=5,
                         batch_rows=100, retry_min_ms=10, retry_max_ms=100, **config)
        self.create_topic()

    def run(self, count=200, **more):
        """Starts it and lets ticks flow. Returns the log's end, which tells of nothing but that."""
        self.start(**more)
        self.wait_state("flowing")
        return self.go_on(count)

    def go_on(self, count=200):
        """More ticks arrive like all before them. Returns the log's end."""
        self.send_ticks(count)
        self.wait_consumed()
        self.check()
        return self.daemon.mark()

    def send_more(self, count=200):
        """Ticks that cannot arrive now."""
        self.send_ticks(count)
        self.flush()

    def wait_state(self, headline, since=0):
        return self.daemon.wait_log(f'event=state msg="?{headline}"? ', since)

    def wait_blocked(self, condition):
        """The writing session that waits as the SQL condition on pg_stat_activity says."""
        return self.daemon.wait_until(lambda: self.db.query(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND " + condition,
            (f"tickd:{self.config['group']}",)), f"a session with {condition}")[0][0]

    def assert_said(self, since, at_most):
        """No more lines than that were logged, and none in too quick a succession to be read."""
        lines = self.daemon.log_text(since).splitlines()
        assert len(lines) <= at_most, "\n".join([f"{len(lines)} lines, at most {at_most}:", *lines])


class Frozen:
    """A process that does not run (SIGSTOP) as long as the with block lasts."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)
        return self

    def __exit__(self, *_):
        if proc.pid_exists(self.pid):
            os.kill(self.pid, signal.SIGCONT)

    def wait_end(self):
        wait_until(lambda: not proc.pid_exists(self.pid), f"process {self.pid} to end")


def set_server(cluster, name, value):
    """Changes a setting of a running server, for sessions that are open, too; None: as it was."""
    loaded = "SELECT pg_conf_load_time()"
    before = cluster.query(loaded)
    cluster.query(f"ALTER SYSTEM SET {name} = '{value}'" if value is not None
                  else f"ALTER SYSTEM RESET {name}")
    cluster.query("SELECT pg_reload_conf()")
    wait_until(lambda: cluster.query(loaded) != before, "the server to read its settings")
