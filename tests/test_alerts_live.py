# SPDX-License-Identifier: MIT
"""The real Prometheus with tickd's rules scrapes the real daemon: alerts fire when it breaks, and clear."""

import os

import pytest

from lib import prometheus, schema
from lib.flow import Flow
from lib.need import need
from lib.web import Web
from test_alerts import dashboard_expressions

# What a flow without archiving, stated capacity or old data has no samples of.
MAY_BE_EMPTY = ("tickd_database_capacity_bytes", "tickd_schema_object_missing", "tickd_ticks_growth",
                "tickd_wal_archive", "ALERTS")


class Watched:
    """A flow and the Prometheus that watches it. Ticks come only while somebody waits for something."""

    def __init__(self, flow, web, server):
        self.flow, self.web, self.server = flow, web, server

    def wait(self, condition, what, ticks=True, detail=None):
        def once():
            if ticks:
                self.flow.send_ticks(30)
                self.flow.flush()
            return condition()
        return self.server.wait_until(once, what, detail)

    def fires(self, name, ticks=True, **labels):
        def found():
            return any(labels.items() <= each.items() for each in self.server.firing().get(name, []))
        self.wait(found, f"{name} to fire", ticks)

    def clears(self, *names):
        self.wait(lambda: not set(names) & set(self.server.firing()), f"{names} to clear")


@pytest.fixture
def watched(db_private, mock, tickd, scratch, show_log):
    need("PROMETHEUS", prometheus.missing())
    web = Web()
    flow = Flow(db_private, mock, tickd, http_listen=web.listen, schema_check_interval_ms=200,
                database_stats_interval_ms=1000).create_topic()
    flow.start()
    server = prometheus.Prometheus(scratch, web.listen)
    show_log(server.log)
    try:
        yield Watched(flow, web, server)
    finally:
        server.close()


def test_alerts_fire_and_clear(watched):
    flow, server = watched.flow, watched.server
    # What is wrong before the first tick is over when ticks flow.
    watched.wait(lambda: server.query("job:tickd_ticks_written:rate30s > 0"), "ticks in Prometheus")
    watched.clears("TickdDown", "TickdNotReady", "TickdTicksStopped", "TickdBrokerUnreachable",
                   "TickdDatabaseUnreachable", "TickdSchemaObjectMissing")

    watched.fires("TickdTicksStopped", ticks=False, severity="critical")
    watched.clears("TickdTicksStopped")

    flow.db.query("DROP TABLE rejected_ticks")
    watched.fires("TickdSchemaObjectMissing", object="rejected_ticks")
    watched.fires("TickdNotReady")
    for name in ("rejected_ticks", "tickd_role"):
        flow.db.cluster.psql_file(os.path.join(schema.SQL_DIR, "deploy", name + ".sql"), flow.db.name)
    watched.clears("TickdSchemaObjectMissing", "TickdNotReady")

    flow.db.query("DROP VIEW candles_15m_ohlcv")
    watched.fires("TickdForeignObjectMissing", object="candles_15m_ohlcv", severity="warning")

    flow.db.cluster.stop("immediate")
    watched.fires("TickdDatabaseUnreachable")
    watched.fires("TickdTicksStopped")
    flow.db.cluster.start()
    watched.clears("TickdDatabaseUnreachable", "TickdTicksStopped", "TickdNotReady")

    dashboard_has_data(watched)

    flow.daemon.stop()
    watched.fires("TickdDown", ticks=False)


def test_afternoon_of_the_outage(watched):
    """Everything but ticks is dropped under the running daemon: who is on call hears of each object,
    and of nothing any more when the schema is back. Nobody has restarted anything."""
    flow = watched.flow
    watched.wait(lambda: watched.server.query("tickd_ready == 1"), "readiness in Prometheus")
    watched.clears("TickdNotReady", "TickdTicksStopped", "TickdSchemaObjectMissing")
    pid = flow.daemon.pid

    schema.drop_all_but_ticks(flow.db)
    alerts = ("TickdSchemaObjectMissing", "TickdForeignObjectMissing")

    def named():
        firing = watched.server.firing()
        return {each["object"] for alert in alerts for each in firing.get(alert, [])}
    watched.wait(lambda: set(schema.LOST) <= named(), "each missing object's alert", ticks=False,
                 detail=named)
    watched.fires("TickdNotReady", severity="critical")
    watched.fires("TickdTicksStopped", severity="critical")
    answer = watched.web.get("/readyz")
    assert (answer.status, answer.json["ready"]) == (503, False)

    schema.restore(flow.db)
    watched.clears(*alerts, "TickdNotReady", "TickdTicksStopped", "TickdDatabaseUnreachable")
    assert watched.web.get("/readyz").status == 200
    assert flow.daemon.alive and flow.daemon.pid == pid
    flow.wait_consumed()
    flow.check_rows()


def dashboard_has_data(watched):
    """Each expression of the dashboard is one that Prometheus answers, with data where there are any."""
    def empty():
        return [expression for expression in dashboard_expressions(watched.web.listen)
                if not watched.server.query(expression)
                and not any(name in expression for name in MAY_BE_EMPTY)]
    watched.wait(lambda: not empty(), "data in each panel", detail=empty)
