# SPDX-License-Identifier: MIT
"""A real Apache Kafka cluster: one or three nodes in KRaft combined mode, loopback only.

The jars are looked for in build/kafka/<version>/libs ($TICKD_KAFKA_LIBS overrides) and fetched
there once by Maven, see tests/kafka/pom.xml. Where Java, Maven or the network are missing,
missing() says so and the tests that need a real broker are skipped.

Each broker listens four times: CLIENT for clients, PROXIED for clients that come through a proxy
of the test (the broker advertises the proxy's port there), INTERNAL between brokers, CONTROLLER.
"""

import base64
import fcntl
import hashlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import uuid
from dataclasses import dataclass, field

import confluent_kafka
import confluent_kafka.admin

from . import net, proc
from .schema import ROOT
from .scratch import Scratch
from .wait import DEADLINE_S, Timeout, wait_until

POM = os.path.join(ROOT, "tests", "kafka", "pom.xml")
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
_MAX_MESSAGE = 8 * 1024 * 1024
_HEAP = ("-Xms64m", "-Xmx256m")
_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto",
        "-Djava.awt.headless=true",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS")
_START_ATTEMPTS = 5
_STOP_S = 60.0
_REASON_LENGTH = 400
_ANSI = re.compile("\x1b\\[[0-9;]*m")
# In full, because to look up a short one Maven asks the network first.
_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies"
_METADATA_S = 0.5


def version():
    """The version to run: $TICKD_KAFKA_VERSION, else the one in the pom."""
    if os.environ.get("TICKD_KAFKA_VERSION"):
        return os.environ["TICKD_KAFKA_VERSION"]
    with open(POM, encoding="utf-8") as file:
        return re.search(r"<kafka\.version>([^<]+)<", file.read())[1]


def libs():
    """The directory of the jars."""
    return os.environ.get("TICKD_KAFKA_LIBS") or os.path.join(ROOT, "build", "kafka", version(),
                                                              "libs")


def missing():
    """Fetches the jars if need be. Why there can be no real broker on this machine, or None."""
    if shutil.which("java") is None:
        return "no java (default-jre-headless)"
    if not os.path.isdir(libs()):
        if shutil.which("mvn") is None:
            return f"no Kafka in {libs()} and no mvn to fetch it (maven)"
        reason = _fetch(libs())
        if reason:
            return reason
    _share_classes()
    return None


def _archive():
    """The broker's classes as the JVM maps them into memory (class data sharing): with it a start takes two
    thirds of the time. The JVM ignores one that is not its own, or not of these jars."""
    return libs() + ".jsa"


def _share_classes():
    """Makes the archive of a broker that has had something to do, once. Brokers start without one, too."""
    if os.path.exists(_archive()) or not os.access(os.path.dirname(_archive()), os.W_OK):
        return
    with open(libs() + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(_archive()):
            return
        partial = _archive() + ".partial"
        scratch = Scratch()
        cluster = KafkaCluster(scratch)
        try:
            broker = cluster.brokers[0]
            broker.start(jvm=(f"-XX:ArchiveClassesAtExit={partial}",))
            cluster.wait_ready()
            _write_and_read(cluster)
            broker.stop()
            os.rename(partial, _archive())
        except (OSError, Timeout, confluent_kafka.KafkaException) as error:
            print(f"Kafka's classes are not shared: {error}")
        finally:
            cluster.close()
            scratch.remove()


def _write_and_read(cluster):
    """What every test has a broker do: a topic, messages, a group that reads and commits."""
    topic, bootstrap = "classes", cluster.bootstrap
    cluster.create_topic(topic, 1)
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap})
    producer.produce(topic, b"{}")
    producer.flush(DEADLINE_S)
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": topic,
                                         "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    consumer.poll(DEADLINE_S)
    consumer.close()


def _fetch(target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.isdir(target):
            return None
        partial = target + ".partial"
        shutil.rmtree(partial, ignore_errors=True)
        done = subprocess.run(
            ["mvn", "-q", "-B", "-f", POM, f"-Dkafka.version={version()}",
             f"-DoutputDirectory={partial}", _GOAL], check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "MAVEN_OPTS": "-XX:-UsePerfData"})
        if done.returncode != 0:
            return f"mvn could not fetch Kafka {version()}: {_complaint(done.stdout)}"
        os.rename(partial, target)
        return None


def _complaint(output):
    """What Maven says in its first error, without the story of how it got there."""
    lines = [line for line in _ANSI.sub("", output).splitlines() if "ERROR" in line]
    first = lines[0] if lines else "no reason given"
    return first[max(first.find("Could not"), 0):][:_REASON_LENGTH]


@dataclass
class Security:
    """How clients talk to the brokers. The defaults are plain text without authentication.

    protocol: of the listeners CLIENT and PROXIED.
    listeners: further ones and their protocols, e.g. {"MUTUAL": "SSL"}; see address_of().
    broker: lines of server.properties for the listeners (key stores, SASL).
    format: further arguments of the storage format, e.g. --add-scram and its value.
    client: librdkafka properties that a well-behaved client of CLIENT needs.
    """

    protocol: str = "PLAINTEXT"
    listeners: dict = field(default_factory=dict)
    broker: dict = field(default_factory=dict)
    format: list = field(default_factory=list)
    client: dict = field(default_factory=dict)


class Broker:
    """One node: owns its directory and, while started, its process."""

    def __init__(self, cluster, node, base):
        self.cluster = cluster
        self.node = node
        self.base = base
        self.data = os.path.join(base, "data")
        self.log = os.path.join(base, "log")
        self.proxy_port = net.free_port()
        self.draw_ports()
        self.child = None
        self._began = 0    # the log's end when it was started last

    @property
    def address(self):
        return f"{net.LOOPBACK}:{self.port}"

    @property
    def alive(self):
        return self.child is not None and self.child.alive

    def draw_ports(self):
        """Those it listens on; for a cluster that was never up, whose nodes know them from their files."""
        self.port = net.free_port()
        self.proxied_port = net.free_port()
        self.internal_port = net.free_port()
        self.controller_port = net.free_port()
        self.ports = {name: net.free_port() for name in self.cluster.security.listeners}

    def start(self, port=None, jvm=()):
        """Starts the process, on another client port if one is given. Does not wait. jvm: further flags."""
        self.port = port or self.port
        self._began = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        path = self.write_properties()
        self.child = proc.Child(_java(self.base, "kafka.Kafka", path, jvm=jvm), log=self.log, cwd=self.base,
                                name=f"kafka-{self.node}", env=_environment(self.base))

    def lost_a_port(self):
        """True if it has ended because others listen where it should."""
        if self.alive:
            return False
        with open(self.log, "rb") as log:
            log.seek(self._began)
            return b"Address already in use" in log.read()

    def stop(self):
        """Controlled shutdown, which moves leaders away first."""
        self.child.send(signal.SIGTERM)
        self.child.wait(_STOP_S)

    def kill(self):
        self.child.kill()

    def pause(self):
        self.child.pause()

    def resume(self):
        self.child.resume()

    def write_properties(self):
        """(Re)writes server.properties; returns its path."""
        path = os.path.join(self.base, "server.properties")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{key}={value}\n" for key, value in self._properties().items())
        return path

    def format_command(self):
        return _java(self.base, "kafka.tools.StorageTool", "format",
                     "-t", self.cluster.cluster_id, "-c", self.write_properties(),
                     *self.cluster.security.format)

    def _properties(self):
        cluster = self.cluster
        copies = len(cluster.brokers)
        in_sync = 2 if copies > 2 else 1
        host = net.LOOPBACK
        further = "".join(f",{name}://{host}:{port}" for name, port in self.ports.items())
        protocols = "".join(f",{name}:{protocol}"
                            for name, protocol in cluster.security.listeners.items())
        return {
            "process.roles": "broker,controller",
            "node.id": self.node,
            "log.dirs": self.data,
            "controller.quorum.voters": ",".join(
                f"{broker.node}@{host}:{broker.controller_port}" for broker in cluster.brokers),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "INTERNAL",
            "listeners": f"CLIENT://{host}:{self.port},PROXIED://{host}:{self.proxied_port},"
                         f"INTERNAL://{host}:{self.internal_port},"
                         f"CONTROLLER://{host}:{self.controller_port}{further}",
            "advertised.listeners": f"CLIENT://{host}:{self.port},"
                                    f"PROXIED://{cluster.proxied_host}:{self.proxy_port},"
                                    f"INTERNAL://{host}:{self.internal_port}{further}",
            "listener.security.protocol.map":
                f"CLIENT:{cluster.security.protocol},PROXIED:{cluster.security.protocol},"
                f"INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}",
            # A missing topic stays missing until a test makes it.
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 3,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": 3,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_sync,
            # Tests restart consumers all the time; waiting for more members has no use here.
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "broker.heartbeat.interval.ms": 500,
            "broker.session.timeout.ms": 3000,
            "controlled.shutdown.enable": "true",
            "message.max.bytes": _MAX_MESSAGE,
            "replica.fetch.max.bytes": _MAX_MESSAGE,
            "num.network.threads": 2,
            "num.io.threads": 2,
            "background.threads": 2,
            "log.initial.task.delay.ms": 500,
            "log.retention.check.interval.ms": 500,
            # Messages may be of any year here; a topic says itself when it forgets.
            "log.retention.ms": -1,
            "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
            **cluster.security.broker,
            **cluster.properties,
        }


class KafkaCluster:
    """Owns its brokers. Methods that take `broker` mean all of them when it is None."""

    def __init__(self, scratch, brokers=1, security=None, proxied_host=net.LOOPBACK, **properties):
        """properties: server.properties of all brokers, '_' for '.': log_retention_ms=1000.

        proxied_host: by which name clients on the listener PROXIED are told to come.
        """
        self.proxied_host = proxied_host
        self.security = security or Security()
        self.properties = {key.replace("_", "."): value for key, value in properties.items()}
        self.cluster_id = _random_id()
        self.brokers = []
        for node in range(1, brokers + 1):
            self.brokers.append(Broker(self, node, scratch.dir(f"kafka-{node}")))
        self._format()

    # --- life

    def start(self, broker=None, port=None):
        """Starts what is not running and waits until the whole cluster answers.

        Where a port was taken meanwhile it tries again: a cluster that was never up with others.
        """
        fresh = all(each.child is None for each in self.brokers)
        for attempt in range(1, _START_ATTEMPTS + 1):
            for each in self._chosen(broker):
                if not each.alive:
                    each.start(port)
            try:
                self.wait_ready()
                return
            except Timeout:
                if attempt == _START_ATTEMPTS or not any(each.lost_a_port() for each in self.brokers):
                    raise
            if fresh:
                self.close()
                for each in self.brokers:
                    each.draw_ports()

    def stop(self, broker=None):
        """Controlled shutdown."""
        chosen = self._chosen(broker)
        if len(chosen) == len(self.brokers) > 1:
            # The last nodes of a combined quorum cannot hand over: do not wait for that.
            for each in chosen:
                each.kill()
            return
        for each in chosen:
            each.stop()

    def kill(self, broker=None):
        """SIGKILL."""
        for each in self._chosen(broker):
            each.kill()

    def pause(self, broker=None):
        """SIGSTOP: the broker's machine hangs; its connections stay open."""
        for each in self._chosen(broker):
            each.pause()

    def resume(self, broker=None):
        for each in self._chosen(broker):
            each.resume()

    def restart(self, broker=None, port=None):
        """Stops and starts again; with a port, clients must learn the new address."""
        self.stop(broker)
        self.start(broker, port)

    def wait_ready(self):
        """Returns when every living broker is in the metadata."""
        alive = [broker for broker in self.brokers if broker.alive]
        wait_until(lambda: len(self._metadata().brokers) >= len(alive), "Kafka to be ready",
                   timeout=2 * DEADLINE_S, abort=lambda: self._obituary(alive),
                   detail=lambda: "\n".join(proc.tail(broker.log) for broker in alive))

    def wait_in_sync(self, timeout=2 * DEADLINE_S):
        """Returns when each partition, of the group's offsets too, has all its replicas in sync."""
        def in_sync():
            topics = self._metadata().topics
            return topics and all(len(part.isrs) == len(part.replicas) and part.leader > 0
                                  for topic in topics.values() for part in topic.partitions.values())
        wait_until(in_sync, "replicas to be in sync", timeout)

    def close(self):
        """Clean-up from any state; nothing is worth a controlled shutdown then."""
        for broker in self.brokers:
            if broker.child is not None:
                broker.kill()

    # --- use

    @property
    def bootstrap(self):
        return ",".join(broker.address for broker in self.brokers)

    def address_of(self, listener):
        """For clients of one of security.listeners."""
        return ",".join(f"{net.LOOPBACK}:{broker.ports[listener]}" for broker in self.brokers)

    @property
    def proxied_bootstrap(self):
        """For clients that shall go through the proxies, which the test puts on proxy_port."""
        return ",".join(f"{net.LOOPBACK}:{broker.proxy_port}" for broker in self.brokers)

    def create_topic(self, name, partitions=1, **config):
        """Creates a topic and waits until each partition has a leader. Returns the name.

        config: topic configuration, '_' for '.': retention_ms=1000.
        """
        topic = confluent_kafka.admin.NewTopic(
            name, num_partitions=partitions, replication_factor=len(self.brokers),
            config={key.replace("_", "."): str(value) for key, value in config.items()})
        admin = self._admin()
        admin.create_topics([topic])[name].result(DEADLINE_S)
        wait_until(lambda: self._has_leaders(name, partitions), f"topic {name} to have leaders")
        return name

    def delete_topic(self, name):
        """Deletes a topic and waits until it has left the metadata."""
        admin = self._admin()
        admin.delete_topics([name])[name].result(DEADLINE_S)
        wait_until(lambda: name not in self._metadata().topics, f"topic {name} to be gone")

    def add_partitions(self, name, total):
        new = confluent_kafka.admin.NewPartitions(name, total)
        admin = self._admin()
        admin.create_partitions([new])[name].result(DEADLINE_S)
        wait_until(lambda: self._has_leaders(name, total), f"{total} partitions of {name}")

    def set_topic_config(self, name, **config):
        """Replaces the topic's own configuration."""
        resource = confluent_kafka.admin.ConfigResource(
            "topic", name, {key.replace("_", "."): str(value) for key, value in config.items()})
        admin = self._admin()
        admin.alter_configs([resource])[resource].result(DEADLINE_S)

    def set_broker_config(self, **config):
        """Replaces the first broker's dynamic configuration; a name may hold dots."""
        resource = confluent_kafka.admin.ConfigResource("broker", "1", config)
        admin = self._admin()
        admin.alter_configs([resource])[resource].result(DEADLINE_S)

    def set_scram_password(self, user, mechanism, password):
        """Makes the user, or changes the password: SCRAM-SHA-256 or SCRAM-SHA-512.

        In the protocol's own bytes (AlterUserScramCredentials), for want of a client that can.
        """
        salt, rounds = os.urandom(16), 4096
        kind, digest = _SCRAM[mechanism]
        salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, rounds)
        no_tags = b"\0"
        request = (struct.pack(">hhih", 51, 0, 1, -1) + no_tags    # its header, no client id
                   + bytes([0 + 1])                                # deletions
                   + bytes([1 + 1]) + _compact(user.encode()) + struct.pack(">bi", kind, rounds)
                   + _compact(salt) + _compact(salted) + no_tags + no_tags)
        with socket.create_connection((net.LOOPBACK, self.brokers[0].internal_port),
                                      DEADLINE_S) as sock:
            sock.sendall(struct.pack(">i", len(request)) + request)
            with sock.makefile("rb") as answers:
                answer = answers.read(struct.unpack(">i", answers.read(4))[0])
        # Correlation id, tags, throttle time, one result: the user, its error code.
        error = struct.unpack_from(">h", answer, 4 + 1 + 4 + 1 + len(_compact(user.encode())))[0]
        assert error == 0, f"Kafka error {error}"

    def leader(self, topic, partition=0):
        """The broker that leads the partition (1, 2, ...), -1 if none does or nobody tells."""
        known = self._metadata().topics.get(topic)
        return known.partitions[partition].leader if known and known.partitions else -1

    def wait_leader(self, topic, partition=0):
        """The broker that leads the partition, as soon as one does and is known."""
        return wait_until(lambda: max(self.leader(topic, partition), 0), f"a leader of {topic}")

    def batches(self, topic, partition=0):
        """The record batches in the leader's log, oldest first, see read_batches()."""
        broker = self.brokers[self.wait_leader(topic, partition) - 1]
        return read_batches(os.path.join(broker.data, f"{topic}-{partition}"))

    # --- inside

    def _format(self):
        running = [(broker, proc.Child(broker.format_command(), log=broker.log, cwd=broker.base,
                                       env=_environment(broker.base))) for broker in self.brokers]
        for broker, child in running:
            if child.wait() != 0:
                raise RuntimeError(f"Kafka's storage format failed\n{proc.tail(broker.log)}")

    def _chosen(self, broker):
        return self.brokers if broker is None else [self.brokers[broker - 1]]

    def _admin(self):
        # Brokers change their addresses, so a client is not kept from call to call. The caller
        # must hold it until the answer is there: its futures do not.
        alive = [broker.address for broker in self.brokers if broker.alive]
        return confluent_kafka.admin.AdminClient({
            "bootstrap.servers": ",".join(alive), "log_level": 2,
            "reconnect.backoff.max.ms": 200, **self.security.client})

    def _metadata(self):
        try:
            return self._admin().list_topics(timeout=_METADATA_S)
        except confluent_kafka.KafkaException:
            return confluent_kafka.admin.ClusterMetadata()

    def _has_leaders(self, name, partitions):
        topic = self._metadata().topics.get(name)
        return (topic is not None and topic.error is None and len(topic.partitions) == partitions
                and all(part.leader > 0 for part in topic.partitions.values()))

    def _obituary(self, brokers):
        dead = [broker.node for broker in brokers if not broker.alive]
        return f"broker {dead} ended" if dead else None


@dataclass
class Batch:
    """One record batch as it stands in the log."""

    base_offset: int
    records: int
    codec: str
    transactional: bool
    control: bool


def read_batches(directory):
    """Parses the headers of the record batches (format 2) of a partition's segments."""
    found = []
    for name in sorted(os.listdir(directory)):
        if not name.endswith(".log"):
            continue
        with open(os.path.join(directory, name), "rb") as file:
            log = file.read()
        at = 0
        while at + _BATCH.size <= len(log):
            base, length, _, magic, _, attributes, *_, records = _BATCH.unpack_from(log, at)
            if length == 0:
                break
            assert magic == 2, f"record format {magic} in {name}"
            found.append(Batch(base, records, CODECS[attributes & 7], bool(attributes & 16),
                               bool(attributes & 32)))
            at += _BATCH_PREFIX + length
    return found


# base offset, length of the rest, leader epoch, magic, crc, attributes, last offset delta, first
# and greatest time, producer id and epoch, base sequence, count of records.
_BATCH = struct.Struct(">qiibIhiqqqhii")
_BATCH_PREFIX = 12


_SCRAM = {"SCRAM-SHA-256": (1, "sha256"), "SCRAM-SHA-512": (2, "sha512")}


def _compact(data):
    """Bytes or a string of up to 126 bytes as the flexible versions of the protocol write them."""
    return bytes([len(data) + 1]) + data


def _java(base, main, *arguments, jvm=()):
    level = os.environ.get("TICKD_KAFKA_LOG", "warn")
    shared = [f"-XX:SharedArchiveFile={_archive()}"] if os.path.exists(_archive()) else []
    return ["java", *_HEAP, *_JVM, *shared, *jvm, f"-Djava.io.tmpdir={base}",
            f"-Dorg.slf4j.simpleLogger.defaultLogLevel={level}",
            "-cp", os.path.join(libs(), "*"), main, *arguments]


def _environment(base):
    """Clean, so that no KAFKA_OPTS or JAVA_TOOL_OPTIONS of the user's gets in."""
    kept = {key: os.environ[key] for key in ("PATH", "JAVA_HOME", "LANG") if key in os.environ}
    return {**kept, "HOME": base, "TMPDIR": base}


def _random_id():
    """A cluster id in Kafka's spelling: a UUID in URL-safe base64, not beginning with a dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
