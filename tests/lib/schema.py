# SPDX-License-Identifier: MIT
"""Deploys the project's Sqitch changes: with plain psql, in plan order, or as a container does."""

import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SQL_DIR = os.path.join(ROOT, "sql")
DEPLOY = os.path.join(ROOT, "deploy")
PLAN = os.path.join(SQL_DIR, "sqitch.plan")
PASSWORD = "b5c1f0"  # of the role tickd, by migrate()

# A change's line: name, optional [dependencies], time stamp, planner; tags start with @.
_CHANGE = re.compile(r"^(?P<name>[^\s%#@\[]+)\s+(\[[^\]]*\]\s+)?\d{4}-\d\d-\d\dT")


def changes(plan=PLAN):
    """The names of the changes, in order of deployment."""
    with open(plan, encoding="utf-8") as file:
        found = (_CHANGE.match(line.strip()) for line in file)
        return [match["name"] for match in found if match]


def deploy(cluster, dbname, upto=None):
    """Deploys all changes, or those up to and including `upto` (half a schema)."""
    for name in changes():
        cluster.psql_file(os.path.join(SQL_DIR, "deploy", name + ".sql"), dbname)
        if name == upto:
            return
    assert upto is None, f"no change {upto} in {PLAN}"


def revert(cluster, dbname):
    """Reverts all changes, the last one first."""
    for name in reversed(changes()):
        cluster.psql_file(os.path.join(SQL_DIR, "revert", name + ".sql"), dbname)


def verify(cluster, dbname):
    """Runs the verify script of each change."""
    for name in changes():
        cluster.psql_file(os.path.join(SQL_DIR, "verify", name + ".sql"), dbname)


def migrate(cluster, dbname, scratch, **more):
    """Runs deploy/migrate on a database, as a container would: subprocess.CompletedProcess. more: its environment."""
    secret = os.path.join(scratch.dir("migrate"), "tickd_password")
    with open(secret, "w", encoding="utf-8") as file:
        file.write(PASSWORD + "\n")
    env = {"PATH": os.environ["PATH"], "PGHOST": "127.0.0.1", "PGPORT": str(cluster.port),
           "PGUSER": "postgres", "PGDATABASE": dbname, "TICKD_PASSWORD_FILE": secret,
           "TICKD_SQL": SQL_DIR, **more}
    return subprocess.run([os.path.join(DEPLOY, "migrate")], env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


# --- the afternoon of the outage

# What was lost then: everything but `ticks`, whether tickd needs it or another service does.
LOST = ("pairs", "orders", "positions", "whale_activities", "performance_metrics", "candles_15m_ohlcv",
        "ingest_offsets", "rejected_ticks", "ingest_gaps")
_VIEWS = ("candles_15m_ohlcv",)


def drop_all_but_ticks(db):
    """Under whoever is connected; pairs goes with its trigger's function and ticks' foreign key."""
    tables = ", ".join(name for name in LOST if name not in _VIEWS)
    db.query(f"DROP VIEW {', '.join(_VIEWS)}; DROP TABLE {tables} CASCADE; DROP FUNCTION pairs_notify")


def restore(db):
    """By the changes that make what was lost, as an operator would, in plan order."""
    for name in changes():
        if name in LOST or name in ("pairs_seed", "pairs_notify", "tickd_role"):
            db.cluster.psql_file(os.path.join(SQL_DIR, "deploy", name + ".sql"), db.name)
    db.query("ALTER TABLE ticks ADD FOREIGN KEY (symbol) REFERENCES pairs")
