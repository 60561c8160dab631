# SPDX-License-Identifier: MIT
"""The servers, the proxies, the members of the group and the stream of a run.

    tickreplay send ──▶ Kafka ──▶ proxy of each broker ──▶ members ──▶ proxy of each member ──▶ PostgreSQL

Children are tied to the thread that started them, so threads that start any live until `over`.
"""

import contextlib
import json
import os
import signal
import threading
import time
from collections import Counter

from lib import kafka, net, pg, proc, programs, replay
from lib.daemon import Tickd, environment
from lib.proxy import Proxy
from lib.wait import Timeout, wait_until

from .schedule import SESSION_TIMEOUT_S

TOPIC, GROUP = "ticks", "tickd"
PARTITIONS = 6
_SETTLE_S = 120.0
_TAKE_S = 5.0
_POISON = 400
_TOO_LARGE = 1_200_000    # above max_message_bytes, whose default is 1 MiB

_PG = {
    "max_connections": "40",
    "deadlock_timeout": "'200ms'",
    "log_min_messages": "fatal",
}

# A static member whose answer to a join was lost is taken for another one by the coordinator, and
# librdkafka gives up. tickd ends with 1, and whoever supervises it starts it again.
_FENCED = "event=kafka_fatal .*Static consumer fenced"

# All else is tickd's default, so that what is shown holds for that.
_CONFIG = {
    "topics": TOPIC,
    "group": GROUP,
    "require_hypertable": "no",
    "schema_check_interval_ms": 1000,
    "stats_interval_ms": 0,
    "kafka.session.timeout.ms": int(SESSION_TIMEOUT_S * 1000),
    "kafka.heartbeat.interval.ms": 500,
}


class NotInjected(Exception):
    """A fault could not be done: what it would strike was not there."""


class Member:
    """One tickd of the group with its own way to the database. Hold `lock` to stop or start it."""

    def __init__(self, world, name, static, daemon, proxy):
        self.name = name
        self.static = static
        self.daemon = daemon
        self.proxy = proxy
        self.lock = threading.RLock()
        self.stopped = False    # SIGSTOP
        self.wanted = False    # should be running: if it is not, it has ended by itself
        self._world = world

    @property
    def alive(self):
        return self.daemon.alive

    def start(self, binary=None, env=None):
        self.daemon.start(binary, env)
        self.wanted = True

    def kill(self):
        """SIGKILL, at any time; counted if that is what it died of."""
        if self.find_dead():
            return
        if self.wanted:
            self.daemon.kill9()
            self.ended(self.daemon.child.returncode == -signal.SIGKILL)

    def stop(self):
        """SIGTERM: it must leave in good order, if it is still there."""
        if self.find_dead() or not self.wanted:
            return
        try:
            self.daemon.stop()
        except AssertionError:
            if not self._is_fenced():
                raise
            self._world.tally["fenced"] += 1
        finally:
            self._leave()

    def find_dead(self):
        """True if it has ended although it should be running; that is written down, once."""
        dead = self.wanted and not self.alive
        if dead:
            self.ended(by_sigkill=False)
        return dead

    def ended(self, by_sigkill):
        """It is dead: killed by us, fenced by Kafka, or else by itself."""
        self._leave()
        if by_sigkill:
            self._world.tally["sigkills"] += 1
        elif self._is_fenced():
            self._world.tally["fenced"] += 1
        else:
            self._world.deaths.append((self._world.now(), self.name, self.daemon.child.returncode))

    def _leave(self):
        self.wanted = False
        if not self.static:
            self._world.departures.append(self._world.now())

    def _is_fenced(self):
        return self.daemon.child.returncode == 1 and self.daemon.logged(_FENCED, self.daemon.began)

    def restart_killed(self):
        self.kill()
        self.start()

    def close(self):
        self.wanted = False
        if self.daemon.child is not None:
            self.daemon.child.kill()
        self.proxy.close()


class World:
    """Owns all of it. Use as a context manager: what was started is ended."""

    def __init__(self, plan, scratch, rate, settings=None):
        self.plan = plan
        self.scratch = scratch
        self.rate = rate
        self.config = {**_CONFIG, **(settings or {})}
        self.tally = Counter()
        self.trouble = []    # what went wrong in the harness itself
        self.deaths = []    # ends nobody asked for: (when, member, exit code)
        self.departures = []    # when dynamic members ended, for whose partitions Kafka may have to wait
        self.began = time.monotonic()    # later the beginning of the stream
        self.over = threading.Event()
        self.hurry = threading.Event()    # an interrupt: no more faults
        self.members = []
        self.joiners = []
        self.past_members = []
        self.kafka_proxies = {}
        self.poison_sent = Counter()
        self.journal = os.path.join(scratch.dir("stream"), "sent.tsv.zst")
        self._members_lock = threading.Lock()
        self._sender = None
        self._joined = 0
        self._base = os.path.dirname(self.journal)

    # --- life

    def __enter__(self):
        try:
            self._start_servers()
            for number in range(self.plan.members):
                self.members.append(self._new_member(f"member-{number}", self.plan.static[number]))
                self.members[-1].start()
            for member in self.members:
                member.daemon.wait_log("event=kafka_assigned", timeout=_SETTLE_S)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.over.set()
        if self._sender is not None:
            self._sender.kill()
        for member in self.everybody():
            member.close()
        for proxy in self.kafka_proxies.values():
            proxy.close()
        for server in (getattr(self, "kafka", None), getattr(self, "cluster", None)):
            if server is not None:
                server.close()

    def _start_servers(self):
        self.cluster = pg.Cluster(self.scratch, **_PG)
        self.cluster.start()
        self.db = pg.Database(self.cluster, self.cluster.create_deployed())
        self.cluster.query("CREATE ROLE crowd LOGIN")
        self.kafka = kafka.KafkaCluster(self.scratch, self.plan.brokers)
        self.kafka.start()
        # Each broker has two addresses, of which it uses one: clients know both.
        self.addresses = {broker.node: [broker.proxy_port, net.free_port()]
                          for broker in self.kafka.brokers}
        for broker in self.kafka.brokers:
            self.kafka_proxies[broker.node] = Proxy(broker.proxied_port, broker.proxy_port)
        self.kafka.create_topic(TOPIC, PARTITIONS)

    @property
    def bootstrap(self):
        return ",".join(f"{net.LOOPBACK}:{port}" for ports in self.addresses.values()
                        for port in ports)

    def move_broker(self, node):
        """The broker's other address is in force when it starts next."""
        broker = self.kafka.brokers[node - 1]
        old, new = self.addresses[node]
        self.addresses[node] = [new, old]
        self.kafka_proxies[node].close()
        broker.proxy_port = new
        self.kafka_proxies[node] = Proxy(broker.proxied_port, new)

    # --- members

    def now(self):
        """Seconds since the stream began."""
        return time.monotonic() - self.began

    @property
    def elder(self):
        """A member that is never killed, so that what leaks would add up; None if there is one only."""
        return self.members[0] if self.plan.members > 1 else None

    @contextlib.contextmanager
    def take(self, pick, elder=False):
        """A running member to do something to, locked. elder: it may be the one that is spared."""
        end = time.monotonic() + _TAKE_S
        while True:
            for member in self._rotated(pick):
                if (elder or member is not self.elder) and member.lock.acquire(blocking=False):
                    try:
                        if member.alive and not member.stopped:
                            yield member
                            return
                    finally:
                        member.lock.release()
            if time.monotonic() > end:
                raise NotInjected("no member to do it to")
            time.sleep(0.05)

    @contextlib.contextmanager
    def another_member(self, dies=False):
        """One more member, for as long as the block lasts."""
        with self._members_lock:
            self._joined += 1
            name = f"joiner-{self._joined}"
        member = self._new_member(name, static=False)
        member.start()
        self._move(member, None, self.joiners)
        try:
            yield member
        finally:
            self._move(member, self.joiners, self.past_members)
            with member.lock:
                if dies:
                    member.kill()
                else:
                    member.stop()
            member.proxy.close()

    def _new_member(self, name, static):
        proxy = Proxy(self.cluster.port)
        config = {**self.config, "kafka.bootstrap.servers": self.bootstrap,
                  "database_url": self.db.dsn().replace(f":{self.cluster.port}/", f":{proxy.port}/")}
        if static:
            config["kafka.group.instance.id"] = name
        return Member(self, name, static, Tickd(self.scratch, config), proxy)

    def _move(self, member, old, new):
        with self._members_lock:
            if old is not None:
                old.remove(member)
            new.append(member)

    def present(self):
        """The members that should be there now."""
        with self._members_lock:
            return self.members + self.joiners

    def everybody(self):
        """All members, those that were there for a while too."""
        with self._members_lock:
            return self.members + self.joiners + self.past_members

    def _rotated(self, pick):
        start = pick % len(self.members)
        return self.members[start:] + self.members[:start]

    def proxies(self):
        """The members' ways to the database."""
        return [member.proxy for member in self.members]

    # --- the stream

    def make_recording(self):
        """Generates what will be sent; the counts it must come to are in self.expect."""
        self._recording, self.expect = self._generate(
            "stream", "--seed", self.plan.seed, "--count", int(self.rate * self.plan.seconds),
            "--rate", self.rate, "--sequence", "volume")
        poison, self.poison_expect = self._generate(
            "poison", "--seed", self.plan.seed + 1, "--count", _POISON, "--garbage", "60%",
            "--unknown", "20%", "--control", "20%")
        with open(poison, "ab") as file:
            last = 1763208000 * 1_000_000_000
            file.write(b'%d\t{"symbol":"%s"}\n' % (last + 10**12, b"x" * _TOO_LARGE))
        self.poison_expect["rejected"] += 1
        self.poison_expect["messages"] += 1
        self._poison = poison

    def start_stream(self):
        self._report = os.path.join(self._base, "report.json")
        self._sender = self._send(self._recording, "--json", self._report, "--sent", self.journal)

    def send_poison(self):
        """A burst of what must all be refused, as fast as it goes."""
        child = self._send(self._poison, "--max")
        if child.wait(_SETTLE_S) != 0:
            raise RuntimeError(f"poison was not sent\n{proc.tail(child.log)}")
        self.poison_sent.update({key: self.poison_expect[key]
                                 for key in ("messages", "rejected", "ignored")})

    def streaming(self):
        return self._sender is not None and self._sender.alive

    def end_of_stream(self):
        """Waits until everything is sent: the sender's report."""
        try:
            code = self._sender.wait(_SETTLE_S * 2)
            with open(self._report, encoding="utf-8") as file:
                return {**json.load(file), "exit_code": code}
        except (Timeout, OSError, ValueError) as problem:
            return {"exit_code": None, "sent": 0, "why": str(problem)}

    def _generate(self, name, *arguments):
        path, expect = os.path.join(self._base, name + ".tsv"), os.path.join(self._base, name + ".json")
        done = replay.run("generate", *arguments, "--output", path, "--expect", expect)
        if done.code != replay.DONE:
            raise RuntimeError(done.err)
        with open(expect, encoding="utf-8") as file:
            return path, json.load(file)

    def _send(self, path, *more):
        argv = [programs.path("tickreplay"), "send", "--quiet", "--bootstrap", self.kafka.bootstrap,
                "--topic", TOPIC, "--shift-to-now", "--format", "tsv", "--flush-timeout", "120s",
                "--connect-timeout", "120s",
                "--kafka.message.max.bytes=8000000", "--kafka.reconnect.backoff.max.ms=500",
                # With more, librdkafka loses count when leaders move, and gives up for good.
                "--kafka.max.in.flight.requests.per.connection=1", *more, path]
        return proc.Child(argv, log=os.path.join(self._base, "log"), env=environment(),
                          name="tickreplay send")

    # --- waiting

    def pause(self, seconds):
        """While a fault lasts; ends early only when the run is interrupted."""
        self.hurry.wait(seconds)

    def at_point(self, direction, action, pattern, proxies=None, before=False, seconds=_TAKE_S):
        """Does `action` when the pattern passes one of the proxies; NotInjected if it does not come."""
        proxies = self.proxies() if proxies is None else proxies
        acted = threading.Event()

        def act():
            # The proxy forgets a fault that ends its own connection: this is what remembers.
            action()
            acted.set()

        armed = [(proxy, proxy.after(direction, act if callable(action) else action, pattern=pattern,
                                     before=before)) for proxy in proxies]
        try:
            wait_until(lambda: acted.is_set() or any(fault.happened for _, fault in armed),
                       "the point", seconds)
        except Timeout:
            raise NotInjected("nothing passed at which to do it") from None
        finally:
            for proxy, fault in armed:
                proxy.disarm(fault)
