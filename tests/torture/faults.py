# SPDX-License-Identifier: MIT
"""How each kind of fault is done and undone. A function returns when its fault is healed: None, or the
plain kind that it came to because the moment it waits for did not come.

They run in the threads of their lanes. What they touch belongs to the lane (the database, the
brokers) or is locked while they do (a member).
"""

import contextlib
import os
import signal
import threading
import time

import psycopg2

from lib import crash
from lib.faults import COPY_HEADER, ROWS_ENDED
from lib.proxy import BLACKHOLE, DOWN, RST, UP
from lib.wait import Timeout, wait_until

from . import schedule
from .world import NotInjected

_TABLES = ("ticks", "rejected_ticks", "ingest_offsets", "pairs")
_RIGHTS = ("INSERT ON ticks", "INSERT ON rejected_ticks", "UPDATE ON ingest_offsets", "SELECT ON pairs")
# Points that a daemon passes sooner or later without anybody's help.
_POINTS = ("offsets_asked", "before_begin", "mid_copy", "copy_ended", "letters_unsent",
           "commit_answered", "kafka_commit_unsent")
_POINT_S = 2.5    # a member that has nothing to write may not come there; then it is killed where it is
_IN_SYNC_S = 25.0
_IDLE_S = 20.0


def kill(world, fault):
    with world.take(fault.pick) as member:
        member.restart_killed()


def kill_mid_copy(world, fault):
    with world.take(fault.pick) as member:
        met = _try_at(world, UP, BLACKHOLE, COPY_HEADER, [member.proxy])
        member.kill()
        member.proxy.heal()
        member.start()
    return None if met else "kill"


def kill_before_commit(world, fault):
    """The end of the rows never arrives, and so nothing is committed."""
    def strike(member):
        member.kill()
        member.proxy.cut(RST)
    return _kill_at(world, fault, strike, before=True)


def kill_at_commit(world, fault):
    """The batch arrives as a whole, its answer finds nobody."""
    return _kill_at(world, fault, lambda member: member.kill(), before=False)


def _kill_at(world, fault, strike, before):
    with world.take(fault.pick) as member:
        met = _try_at(world, UP, lambda: strike(member), ROWS_ENDED, [member.proxy], before)
        member.restart_killed()
    return None if met else "kill"


def _try_at(world, direction, action, pattern, proxies=None, before=False):
    """True if the moment came; where nothing flows it does not, and the fault is done without it."""
    try:
        world.at_point(direction, action, pattern, proxies, before, _POINT_S)
        return True
    except NotInjected:
        return False


def kill_at_point(world, fault):
    """It dies by its own hand, at one of the steps of a batch."""
    point = _POINTS[fault.pick % len(_POINTS)]
    with world.take(fault.pick >> 8) as member:
        member.kill()
        member.start(crash.binary(), crash.environment(point, 1 + (fault.pick >> 16) % 3))
        with contextlib.suppress(Timeout):    # It may have nothing to write.
            wait_until(lambda: not member.alive, f"crash point {point}", _POINT_S)
        lived = member.alive
        member.daemon.kill9()
        met = _is_dead_at_point(member)    # which it may have met just now
        member.ended(by_sigkill=met or lived and member.daemon.child.returncode == -signal.SIGKILL)
        member.start()
    return None if met else "kill"


def _is_dead_at_point(member):
    return (member.daemon.child.returncode == -signal.SIGKILL
            and bool(crash.deaths(member.daemon.log_text(member.daemon.began))))


def kill_storm(world, fault):
    """Killed again while it starts, joins, reads its offsets, writes its first batch."""
    pauses = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
    end = time.monotonic() + fault.seconds
    number = 0
    while time.monotonic() < end and not world.hurry.is_set():
        with world.take(fault.pick + number // 3) as member:
            member.restart_killed()
        world.pause(pauses[(fault.pick + number * 5) % len(pauses)])
        number += 1


def zombie(world, fault):
    _zombie(world, fault, lambda member: True)


def zombie_mid_copy(world, fault):
    """It is stopped while the database waits for the rest of its rows; or, when it has all of them, for
    their end: then the successor meets keys in the index, and has to end that session."""
    pattern, before = (COPY_HEADER, False) if fault.pick & 1 else (ROWS_ENDED, True)
    met = _zombie(world, fault, lambda member: _try_at(
        world, UP, BLACKHOLE, pattern, [member.proxy], before))
    return None if met else "zombie"


def _zombie(world, fault, first):
    """Frozen for longer than the group waits, while another has its partitions."""
    with world.take(fault.pick, elder=True) as member:
        met = first(member)
        member.stopped = True
        member.daemon.child.pause()
        try:
            if len(world.members) > 1:
                world.pause(fault.seconds)
            else:
                with world.another_member():
                    world.pause(fault.seconds)
        finally:
            member.daemon.child.resume()
            member.stopped = False
            member.proxy.heal()
        world.tally["zombies"] += 1
    return met


def join_and_leave(world, fault):
    with world.another_member():
        world.pause(fault.seconds)


def join_and_die(world, fault):
    with world.another_member(dies=True):
        world.pause(fault.seconds)


def join_storm(world, fault):
    end = time.monotonic() + fault.seconds
    number = 0
    while time.monotonic() < end and not world.hurry.is_set():
        with world.another_member(dies=number % 3 == 2):
            world.pause(0.5 + (fault.pick + number) % 4 * 0.4)
        number += 1


def restart(world, fault):
    with world.take(fault.pick) as member:
        member.stop()
        member.start()


def reload(world, fault):
    with world.take(fault.pick, elder=True) as member:
        member.daemon.wait_log("event=started", member.daemon.began)
        member.daemon.reload()


# --- PostgreSQL


def pg_immediate(world, fault):
    _pg_away(world, fault, lambda: world.cluster.stop("immediate"))
    world.tally["immediate_stops"] += 1


def pg_fast(world, fault):
    _pg_away(world, fault, lambda: world.cluster.stop("fast"))


def pg_kill(world, fault):
    _pg_away(world, fault, world.cluster.kill_postmaster)


def _pg_away(world, fault, stop):
    stop()
    try:
        world.pause(fault.seconds)
    finally:
        world.cluster.start()


def pg_freeze(world, fault):
    world.cluster.pause()
    try:
        world.pause(fault.seconds)
    finally:
        world.cluster.resume()


def pg_terminate(world, fault):
    if world.cluster.terminate_backends() == 0:
        raise NotInjected("no session of tickd")


def pg_terminate_mid_copy(world, fault):
    return _terminate_at(world, fault, COPY_HEADER)


def pg_terminate_at_commit(world, fault):
    return _terminate_at(world, fault, ROWS_ENDED, before=fault.pick % 2 == 0)


def _terminate_at(world, fault, pattern, before=False):
    # It runs in the proxy: the database may be frozen, but is not gone.
    if _try_at(world, UP, world.cluster.terminate_backends, pattern, before=before):
        return None
    pg_terminate(world, fault)
    return "pg_terminate"


def pg_backend_stop(world, fault):
    """The process that serves a session is frozen, with whatever it holds."""
    writing = [row[0] for row in world.cluster.query(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'tickd:%' ORDER BY xact_start")]
    if not writing:
        raise NotInjected("no session of tickd")
    try:
        os.kill(writing[0], signal.SIGSTOP)
    except ProcessLookupError:
        raise NotInjected("its session has ended") from None
    try:
        world.pause(fault.seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(writing[0], signal.SIGCONT)


def pg_lock(world, fault):
    table = ("ticks", "ingest_offsets", "pairs")[fault.pick % 3]
    conn = world.db.session()
    try:
        with conn.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            world.pause(fault.seconds)
    finally:
        conn.close()


def pg_deadlock(world, fault):
    """A session that locks pairs in another order than the ticks come."""
    end = time.monotonic() + fault.seconds
    conn = world.db.session()
    try:
        while time.monotonic() < end and not world.hurry.is_set():
            with conn.cursor() as cursor:
                _lock_pairs(cursor, fault.pick)
            conn.rollback()
    finally:
        conn.close()


def _lock_pairs(cursor, pick):
    cursor.execute("SELECT symbol FROM pairs ORDER BY md5(symbol || %s::text)", (pick,))
    try:
        for symbol, in cursor.fetchall():
            cursor.execute("SELECT pg_sleep(0.01) FROM pairs WHERE symbol = %s FOR UPDATE", (symbol,))
    except psycopg2.errors.DeadlockDetected:
        pass    # It was us, this time.


def pg_too_many(world, fault):
    """All connections are taken when tickd's sessions break."""
    crowd = []
    try:
        for attempt in range(2):
            try:
                while len(crowd) < 100:
                    crowd.append(world.cluster.connect(user="crowd"))
            except psycopg2.OperationalError:
                pass    # As many as there are.
            if attempt == 0:
                world.cluster.terminate_backends()
        world.pause(fault.seconds)
    finally:
        for conn in crowd:
            conn.close()


def pg_read_only(world, fault):
    _set_read_only(world, "on")
    try:
        world.pause(fault.seconds)
    finally:
        _set_read_only(world, "off")


def _set_read_only(world, value):
    world.cluster.query(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    world.cluster.query("SELECT pg_reload_conf()")


def pg_revoke(world, fault):
    what = _RIGHTS[fault.pick % len(_RIGHTS)]
    _ddl(world, f"REVOKE {what} FROM tickd")
    try:
        world.pause(fault.seconds)
    finally:
        _ddl(world, f"GRANT {what} TO tickd")


def pg_rename(world, fault):
    table = _TABLES[fault.pick % len(_TABLES)]
    _ddl(world, f"ALTER TABLE {table} RENAME TO away")
    try:
        world.pause(fault.seconds)
    finally:
        _ddl(world, f"ALTER TABLE away RENAME TO {table}")


def pg_pairs(world, fault):
    """A pair that nobody trades comes, is switched off and on, and goes."""
    _ddl(world, "INSERT INTO pairs (symbol, max_leverage, min_order_size, tick_size, category,"
         " whale_threshold_usd) VALUES ('NOBODY', 1, 1, 1, 'none', 1) ON CONFLICT DO NOTHING")
    world.pause(fault.seconds)
    _ddl(world, "UPDATE pairs SET active = false WHERE symbol = 'NOBODY'")
    _ddl(world, "DELETE FROM pairs WHERE symbol = 'NOBODY'")


def _ddl(world, sql):
    """Waits for locks in short turns, so as not to hold up everybody behind it for long."""
    def done():
        try:
            world.db.cluster.query("SET lock_timeout = '500ms'; " + sql, dbname=world.db.name)
            return True
        except psycopg2.errors.LockNotAvailable:
            return False
    wait_until(done, "a table lock", 60)


# --- brokers


def broker_kill(world, fault):
    _broker_away(world, _node(world, fault), fault, world.kafka.kill)
    world.tally["broker_kills"] += 1


def broker_stop(world, fault):
    """In good order, which moves its leaders to the others."""
    _broker_away(world, _node(world, fault), fault, world.kafka.stop)


def broker_new_address(world, fault):
    def move(node):
        world.kafka.kill(node)
        world.move_broker(node)
    _broker_away(world, _node(world, fault), fault, move)
    world.tally["broker_kills"] += 1


def broker_all(world, fault):
    _broker_away(world, None, fault, world.kafka.kill)
    world.tally["broker_kills"] += world.plan.brokers


def _broker_away(world, node, fault, stop):
    stop(node)
    try:
        world.pause(fault.seconds)
    finally:
        world.kafka.start(node)
        _wait_in_sync(world)


def broker_freeze(world, fault):
    node = _node(world, fault)
    world.kafka.pause(node)
    try:
        world.pause(fault.seconds)
    finally:
        world.kafka.resume(node)
        _wait_in_sync(world)


def _wait_in_sync(world):
    """Healed is a broker when others can be spared again; or else the next fault is a worse one."""
    with contextlib.suppress(Timeout):
        world.kafka.wait_in_sync(_IN_SYNC_S)


def _node(world, fault):
    return 1 + fault.pick % world.plan.brokers


# --- the network


def net_pg_cut(world, fault):
    _each(_ways_to_pg(world, fault), lambda proxy: proxy.cut())


def net_pg_half_close(world, fault):
    _each(_ways_to_pg(world, fault), lambda proxy: proxy.half_close(_direction(fault)))


def net_pg_blackhole(world, fault):
    _for_a_while(world, fault, _ways_to_pg(world, fault), lambda proxy: proxy.blackhole())


def net_pg_slow(world, fault):
    _for_a_while(world, fault, _ways_to_pg(world, fault), lambda proxy: _slow(proxy, fault))


def net_kafka_cut(world, fault):
    _each(_ways_to_kafka(world, fault), lambda proxy: proxy.cut())


def net_kafka_half_close(world, fault):
    _each(_ways_to_kafka(world, fault), lambda proxy: proxy.half_close(_direction(fault)))


def net_kafka_blackhole(world, fault):
    _for_a_while(world, fault, _ways_to_kafka(world, fault), lambda proxy: proxy.blackhole())


def net_kafka_slow(world, fault):
    _for_a_while(world, fault, _ways_to_kafka(world, fault), lambda proxy: _slow(proxy, fault))


def _direction(fault):
    return DOWN if fault.pick & 1 else UP


def _slow(proxy, fault):
    if fault.pick & 1:
        proxy.delay(0.05 + (fault.pick >> 8) % 10 / 20)
    else:
        proxy.rate(20_000 + (fault.pick >> 8) % 100_000)


def _ways_to_pg(world, fault):
    return _some(world.proxies(), fault)


def _ways_to_kafka(world, fault):
    return _some(list(world.kafka_proxies.values()), fault)


def _some(proxies, fault):
    """All of them, or one."""
    return proxies if fault.pick >> 4 & 1 else [proxies[(fault.pick >> 5) % len(proxies)]]


def _for_a_while(world, fault, proxies, begin):
    _each(proxies, begin)
    try:
        world.pause(fault.seconds)
    finally:
        _each(proxies, lambda proxy: proxy.heal())


def _each(proxies, act):
    for proxy in proxies:
        if not proxy.closed:    # its broker has another address now
            act(proxy)


# --- what comes out of the topic


def poison(world, fault):
    world.send_poison()


class Lane(threading.Thread):
    """Does the faults of one lane, each at its time or as soon after as the one before allows."""

    def __init__(self, world, faults, diary):
        super().__init__(name=faults[0].lane, daemon=True)
        self._world = world
        self._faults = faults
        self._diary = diary
        self.done = threading.Event()

    def run(self):
        for fault in self._faults:
            self._world.hurry.wait(max(0.0, fault.at - self._world.now()))
            late = self._world.now() > self._world.plan.seconds + _IDLE_S
            if self._world.hurry.is_set() or late:
                break
            entry = self._diary.begin(fault)
            if schedule.is_calm(self._world.plan.seconds, entry.began, fault.lane):
                self._diary.end(entry, "not done: those before it took too long")
            else:
                self._do(entry, fault)
                self._world.pause(schedule.REST_S.get(fault.lane, 0.0))
        self.done.set()
        # What this thread has started would end with it.
        self._world.over.wait()

    def _do(self, entry, fault):
        try:
            instead = globals()[fault.kind](self._world, fault)
            self._diary.end(entry, instead=instead or "")
        except NotInjected as reason:
            self._diary.end(entry, f"not done: {reason}")
        except Exception as problem:    # whatever it is, the run has failed and says so at its end
            self._diary.end(entry, f"failed: {problem!r}")
            self._world.trouble.append(f"{fault}: {problem!r}")
