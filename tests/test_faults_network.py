# SPDX-License-Identifier: MIT
"""The network in trouble, on either side: silent, cut, slow, half closed, without names, moved.

Ticks are sent all the time. Whatever the network does to tickd, each is in the table once, and tickd
goes on by itself.
"""

import itertools

import pytest

from lib import kafka as kafka_lib
from lib import net
from lib.faults import Load, database_through, kafka_proxy, kafka_through, wait_stored
from lib.flow import Flow
from lib.need import need
from lib.proxy import DOWN, FIN, RST, UP
from lib.wait import wait_until

RATE = 300

_topics = itertools.count()


def make_flow(db, broker, tickd, **config):
    name = f"network-{next(_topics)}"
    flow = Flow(db, broker, tickd, topic=name, group=name, partitions=3, batch_rows=100,
                linger_ms=5, connect_timeout_ms=1000, statement_timeout_ms=1000,
                lock_timeout_ms=500, stalled_session_ms=500, **config)
    flow.config["kafka.socket.timeout.ms"] = 1500
    return flow.create_topic()


@pytest.fixture(params=["kafka", "database"])
def flow(request, db, kafka, tickd, proxy_factory):
    """tickd at work, with flow.proxy between it and one of its servers."""
    made = make_flow(db, kafka, tickd)
    if request.param == "kafka":
        made.proxy = kafka_proxy(proxy_factory, kafka.brokers[0])
        kafka_through(made)
    else:
        made.proxy = proxy_factory(db.cluster.port)
        database_through(made, made.proxy)
    made.noticed = f"event={request.param}_down"
    made.start()
    made.send_ticks(300)
    made.wait_consumed()
    return made


def finish(flow):
    flow.wait_consumed()
    flow.check()


def test_silence(flow):
    """Nothing passes, nothing is refused: only its own deadlines tell tickd."""
    with Load(flow, RATE):
        wait_stored(flow, 100)
        mark = flow.daemon.mark()
        flow.proxy.blackhole()
        flow.daemon.wait_log(flow.noticed, mark)
        mark = flow.daemon.mark()
        flow.proxy.heal()
        flow.daemon.wait_log(flow.noticed.replace("down", "up"), mark)
        wait_stored(flow, 100)
    finish(flow)


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_silence_in_one_direction(flow, direction):
    """What tickd says is heard and not answered; or it is not heard."""
    with Load(flow, RATE):
        wait_stored(flow, 100)
        mark = flow.daemon.mark()
        flow.proxy.blackhole(direction)
        flow.daemon.wait_log(flow.noticed, mark)
        flow.proxy.heal()
        wait_stored(flow, 100)
    finish(flow)


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_cut_in_mid_message(flow, direction):
    """After any number of bytes: in a length, in a row, in an answer."""
    with Load(flow, RATE):
        for passed in (1, 3, 17, 101, 1009, 5003):
            fault = flow.proxy.after(direction, RST, bytes_passed=passed)
            fault.wait()
            wait_stored(flow, 50)
    finish(flow)


@pytest.mark.parametrize("how", [FIN, RST])
def test_connections_are_ended(flow, how):
    with Load(flow, RATE):
        for _ in range(4):
            wait_stored(flow, 50)
            flow.proxy.cut(how)
            wait_until(lambda: flow.proxy.connections > 0, "tickd to connect again")
    finish(flow)


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_half_closed(flow, direction):
    """One side hears the end of what the other says, which itself goes on listening."""
    with Load(flow, RATE):
        for _ in range(3):
            wait_stored(flow, 50)
            flow.proxy.half_close(direction)
    finish(flow)


def test_slow(flow):
    """A long way with little room on it: nothing is lost, nobody is taken for dead, lag is all there is."""
    flow.daemon.stop()
    # Whoever has such a line gives it time: a whole fetch takes three seconds on it.
    flow.start(statement_timeout_ms=20000, **{"kafka.socket.timeout.ms": 30000,
                                              "kafka.session.timeout.ms": 30000})
    flow.daemon.wait_log("event=state msg=flowing")
    mark = flow.daemon.mark()
    flow.proxy.delay(0.1)
    flow.proxy.rate(100_000)
    with Load(flow, RATE):
        wait_stored(flow, 300)
        flow.proxy.heal()
        wait_stored(flow, 300)
    finish(flow)
    assert not flow.daemon.logged("event=(kafka_down|kafka_revoked|database_down|commit_failed)", mark)


# --- names

@pytest.fixture(scope="module")
def _named_broker(scratch):
    need("KAFKA", kafka_lib.missing())
    cluster = kafka_lib.KafkaCluster(scratch, proxied_host="kafka.test")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(params=["kafka", "database"])
def named(request, db, _named_broker, tickd, proxy_factory, names):
    """Both servers known by name, and reached through a proxy of which flow.move() can take one to
    another address, which nobody is told of but by its name."""
    node = _named_broker.brokers[0]
    made = make_flow(db, _named_broker, lambda config: tickd(config, wrap=names.wrap))
    places = {"kafka": ("kafka.test", node.proxied_port, node.proxy_port),
              "database": ("db.test", db.cluster.port, net.free_port())}
    proxies = {}

    def open_at(which, host):
        name, target, port = places[which]
        proxies[which] = proxy_factory(target, port, host)
        names.hosts[name] = host

    open_at("kafka", net.LOOPBACK)
    open_at("database", net.LOOPBACK)
    made.config["database_url"] = (f"postgresql://tickd@db.test:{places['database'][2]}/{db.name}"
                                   "?sslmode=disable")
    made.config["kafka.bootstrap.servers"] = f"kafka.test:{node.proxy_port}"
    made.names = names
    made.cut = lambda: proxies[request.param].cut()
    made.close = lambda: proxies[request.param].close()
    made.open_at = lambda host: open_at(request.param, host)
    made.noticed = f"event={request.param}_down"
    made.start()
    made.send_ticks(300)
    made.wait_consumed()
    return made


def test_server_comes_back_at_another_address(named):
    flow = named
    with Load(flow, RATE):
        wait_stored(flow, 100)
        mark = flow.daemon.mark()
        flow.close()
        flow.daemon.wait_log(flow.noticed, mark)
        flow.open_at("127.0.0.2")
        wait_stored(flow, 100)
    finish(flow)


@pytest.mark.parametrize("how", ["silent", "failing"])
def test_names_cannot_be_looked_up(named, how):
    """Connections that are there work on; new ones wait until names come back."""
    flow = named
    with Load(flow, RATE):
        setattr(flow.names, how, True)
        wait_stored(flow, 100)
        mark = flow.daemon.mark()
        flow.cut()
        flow.daemon.wait_log(flow.noticed, mark)
        setattr(flow.names, how, False)
        wait_stored(flow, 100)
    finish(flow)
