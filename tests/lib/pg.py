# SPDX-License-Identifier: MIT
"""A private PostgreSQL cluster: loopback and a unix socket, trust authentication, own data.

As root it runs as user postgres, because the server refuses root. fsync stays on: the tests are
about what survives.
"""

import os
import pwd
import shutil
import signal
import subprocess

import psycopg2
import psycopg2.extensions

from . import net, proc, schema
from .wait import Timeout, wait_until

DEFAULT_BINDIR = "/usr/lib/postgresql/15/bin"
SUPERUSER = "postgres"
_START_ATTEMPTS = 5

_SETTINGS = {
    "listen_addresses": f"'{net.LOOPBACK}'",
    "fsync": "on",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "max_wal_size": "256MB",
    "dynamic_shared_memory_type": "mmap",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "'%m [%p] %a '",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "datestyle": "'iso, mdy'",
}

# For a cluster with TimescaleDB. Its workers would sit in databases that are to be copied.
TIMESCALE = {
    "shared_preload_libraries": "'timescaledb'",
    "timescaledb.telemetry_level": "off",
    "timescaledb.max_background_workers": "0",
}

_STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}


def bindir():
    """Where the server's programs are."""
    return os.environ.get("TICKD_PG_BINDIR", DEFAULT_BINDIR)


def missing():
    """Why no cluster can be made on this machine, or None."""
    for program in ("postgres", "initdb"):
        if not os.access(os.path.join(bindir(), program), os.X_OK):
            return f"no {program} in {bindir()} (TICKD_PG_BINDIR)"
    if os.getuid() == 0 and server_user() is None:
        return "running as root and there is no user postgres to run the server as"
    return None


def server_user():
    """The user to run the server as: 'postgres' when root, else None for the current one."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None


def offers_timescale():
    """True if the server has it to offer."""
    share = subprocess.run([os.path.join(bindir(), "pg_config"), "--sharedir"], stdout=subprocess.PIPE,
                           text=True, check=False).stdout.strip()
    return os.path.exists(os.path.join(share, "extension", "timescaledb.control"))


class Cluster:
    """Owns a data directory and, while started, a postmaster. Not started by the constructor."""

    _template = None

    def __init__(self, scratch, **settings):
        """scratch: lib.scratch.Scratch. settings: lines of postgresql.conf, e.g. wal_level='logical'."""
        self.bindir = bindir()
        self.user = server_user()
        base = scratch.dir("pg")
        if self.user:
            shutil.chown(base, self.user, self.user)
        self.socket_dir = base
        self.data = os.path.join(base, "data")
        self.log = os.path.join(base, "log")
        self.port = None
        self.postmaster = None
        self._settings = {**_SETTINGS, "unix_socket_directories": f"'{base}'", **settings}
        self._deployed = None
        self._make_data(scratch)

    # --- life

    def start(self):
        """Starts the server and waits until it takes connections. Keeps its port over restarts."""
        keep_port = self.port is not None
        for _ in range(_START_ATTEMPTS):
            if not keep_port:
                self.port = net.free_port()
            if self._try_start():
                return
        raise RuntimeError(f"PostgreSQL did not start\n{proc.tail(self.log)}")

    def stop(self, mode="fast"):
        """Shuts down: smart, fast or immediate. Returns when the postmaster is gone."""
        self.postmaster.send(_STOP_SIGNALS[mode])
        self.postmaster.wait()

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def kill_postmaster(self):
        """SIGKILL; returns when the backends, which notice by themselves, are gone as well."""
        backends = self._children()
        self.postmaster.kill()
        wait_until(lambda: not any(proc.pid_exists(pid) for pid in backends),
                   "backends to follow their postmaster")

    def pause(self):
        """SIGSTOP to the postmaster and all its processes: a server that hangs."""
        self.postmaster.pause()
        for pid in self._children():
            _signal(pid, signal.SIGSTOP)

    def resume(self):
        for pid in self._children():
            _signal(pid, signal.SIGCONT)
        self.postmaster.resume()

    def close(self):
        """Clean-up from any state."""
        if self.postmaster is not None:
            self.resume()
            self.postmaster.end(signal.SIGQUIT)

    @property
    def alive(self):
        return self.postmaster is not None and self.postmaster.alive

    # --- use

    def dsn(self, dbname="postgres", user=SUPERUSER, **more):
        """A URL for libpq over TCP. more: further parameters, e.g. connect_timeout=3."""
        query = "&".join(f"{key}={value}" for key, value in more.items())
        url = f"postgresql://{user}@{net.LOOPBACK}:{self.port}/{dbname}"
        return f"{url}?{query}" if query else url

    def connect(self, dbname="postgres", user=SUPERUSER, autocommit=True, **more):
        """A psycopg2 connection; the caller closes it."""
        conn = psycopg2.connect(self.dsn(dbname, user), connect_timeout=10,
                                application_name="test", **more)
        conn.autocommit = autocommit
        return conn

    def query(self, sql, args=None, dbname="postgres", user=SUPERUSER):
        """Runs one statement on a connection of its own; the rows as tuples ([] if none)."""
        conn = self.connect(dbname, user)
        try:
            with conn.cursor() as cursor:
                cursor.execute(sql, args)
                return cursor.fetchall() if cursor.description else []
        finally:
            conn.close()

    def psql(self, sql, dbname="postgres", user=SUPERUSER):
        """Runs a script in psql; returns its unaligned output. Fails on the first error."""
        return self._psql(["-c", sql], dbname, user)

    def psql_file(self, path, dbname="postgres", user=SUPERUSER, variables=None,
                  single_transaction=False):
        """Runs a file in psql, in the project's root directory."""
        options = [f"--set={key}={value}" for key, value in (variables or {}).items()]
        options += ["--single-transaction"] if single_transaction else []
        return self._psql([*options, "-f", path], dbname, user)

    def create_database(self, name=None, template="template0"):
        """A new database; returns its name."""
        name = name or f"db{self._next_number()}"
        self.query(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def create_deployed(self, name=None):
        """A new database with the project's schema, copied from one made at the first call."""
        if self._deployed is None:
            self._deployed = self.create_database("tickd_template")
            schema.deploy(self, self._deployed)
        name = self.create_database(name, self._deployed)
        # What hangs on the database itself is not copied from a template.
        self.query("UPDATE pg_database d SET datacl = t.datacl FROM pg_database t"
                   " WHERE d.datname = %s AND t.datname = %s", (name, self._deployed))
        self.query("INSERT INTO pg_db_role_setting SELECT d.oid, s.setrole, s.setconfig"
                   " FROM pg_db_role_setting s JOIN pg_database t ON t.oid = s.setdatabase,"
                   " pg_database d WHERE d.datname = %s AND t.datname = %s", (name, self._deployed))
        return name

    def drop_database(self, name):
        self.query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def terminate_backends(self, like="tickd:%"):
        """Terminates the sessions whose application_name is LIKE that; returns how many."""
        rows = self.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                          " WHERE application_name LIKE %s AND pid <> pg_backend_pid()", (like,))
        return len(rows)

    def backends(self, like="tickd:%"):
        """(pid, state, wait_event, query) of the sessions whose application_name is LIKE that."""
        return self.query("SELECT pid, state, wait_event, query FROM pg_stat_activity"
                          " WHERE application_name LIKE %s ORDER BY backend_start", (like,))

    # --- inside

    def _make_data(self, scratch):
        template = Cluster._template
        if template is None or not os.path.isdir(template):
            template = os.path.join(scratch.dir("pg-template"), "data")
            if self.user:
                shutil.chown(os.path.dirname(template), self.user, self.user)
            self._run([os.path.join(self.bindir, "initdb"), "-D", template, "-U", SUPERUSER,
                       "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
                       "--no-instructions"])
            Cluster._template = template
        self._run(["cp", "-a", "--reflink=auto", template, self.data])
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="ascii") as file:
            file.writelines(f"{key} = {value}\n" for key, value in self._settings.items())

    def _run(self, argv):
        identity = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        done = subprocess.run(argv, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, **identity)
        if done.returncode != 0:
            raise RuntimeError(f"{argv[0]} failed: {done.stdout.decode('utf-8', 'replace')}")

    def _try_start(self):
        """False if the port was taken meanwhile or the dead server's shared memory is in use."""
        self.postmaster = proc.Child(
            [os.path.join(self.bindir, "postgres"), "-D", self.data, "-p", str(self.port)],
            log=self.log, cwd="/", user=self.user, env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            death_signal=signal.SIGQUIT)
        try:
            wait_until(self._answers, "PostgreSQL to take connections",
                       abort=lambda: None if self.postmaster.alive else "the postmaster ended")
            return True
        except Timeout:
            if self.postmaster.alive:
                self.postmaster.end(signal.SIGQUIT)
                raise
            return False

    def _answers(self):
        try:
            psycopg2.connect(self.dsn(), connect_timeout=2).close()
            return True
        except psycopg2.OperationalError:
            return False

    def _children(self):
        path = f"/proc/{self.postmaster.pid}/task/{self.postmaster.pid}/children"
        try:
            with open(path, encoding="ascii") as file:
                return [int(pid) for pid in file.read().split()]
        except OSError:
            return []

    def _psql(self, arguments, dbname, user):
        done = subprocess.run(
            [os.path.join(self.bindir, "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
             "-d", self.dsn(dbname, user), *arguments], cwd=schema.ROOT, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True)
        if done.returncode != 0:
            raise AssertionError(f"psql {arguments} failed ({done.returncode}):\n{done.stderr}")
        return done.stdout.rstrip("\n")

    def _next_number(self):
        self._number = getattr(self, "_number", 0) + 1
        return self._number


class Standby(Cluster):
    """A cluster that follows another one, which runs, until it is promoted."""

    def __init__(self, scratch, primary, **settings):
        self._primary = primary
        super().__init__(scratch, **settings)

    def _make_data(self, scratch):
        self._run([os.path.join(self.bindir, "pg_basebackup"), "-D", self.data, "--write-recovery-conf",
                   "--checkpoint=fast", "--no-sync", "-d", self._primary.dsn()])
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="ascii") as file:
            file.writelines(f"{key} = {value}\n" for key, value in self._settings.items())


class Database:
    """One database of a cluster, and a lasting connection to look into it as superuser."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self._conn = None

    def dsn(self, user="tickd", **more):
        """URL to connect as the daemon's role (or another)."""
        return self.cluster.dsn(self.name, user, **more)

    def query(self, sql, args=None):
        """Rows as tuples, autocommit, as superuser.

        A connection that was found dead, because the server was away since the last call, is
        replaced and the statement sent again.
        """
        fresh = self._conn is None
        try:
            return self._execute(sql, args)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            dead = self._conn is None or self._conn.closed
            self.close()
            if fresh or not dead:
                raise
            return self._execute(sql, args)

    def one(self, sql, args=None):
        """The first column of the first row."""
        return self.query(sql, args)[0][0]

    def count(self, table, where="true", args=None):
        return self.one(f"SELECT count(*) FROM {table} WHERE {where}", args)

    def session(self, user=SUPERUSER, autocommit=False):
        """Another connection of its own, e.g. to hold a lock; the caller closes it."""
        return self.cluster.connect(self.name, user, autocommit)

    def _execute(self, sql, args):
        if self._conn is None:
            self._conn = self.cluster.connect(self.name)
        with self._conn.cursor() as cursor:
            cursor.execute(sql, args)
            return cursor.fetchall() if cursor.description else []

    def close(self):
        """Closes the connection; the next query opens another."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None


def _signal(pid, signum):
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        pass
