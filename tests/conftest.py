# SPDX-License-Identifier: MIT
"""Fixtures of the integration tests. What they hand out is described in lib/."""

import os
import signal
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import dns, faketime, kafka, mock, net, pg, proc, produce, programs, proxy  # noqa: E402
from lib.daemon import Tickd  # noqa: E402
from lib.need import need  # noqa: E402
from lib.scratch import Scratch  # noqa: E402

_TAIL_LINES = 40
_SCRATCH = pytest.StashKey()
_FAILED = pytest.StashKey()
_LOGS = pytest.StashKey()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    # A terminated run cleans up like an interrupted one. Where xdist runs a worker beside its main thread,
    # as it does now and then on a busy machine, no signals can be caught.
    if threading.current_thread() is threading.main_thread():
        # Who is started in the background ignores it, and so would all that is started here.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    config.addinivalue_line("markers", "early: takes long, so it begins first")
    config.stash[_SCRATCH] = Scratch()
    if config.option.basetemp is None:
        config.option.basetemp = os.path.join(config.stash[_SCRATCH].path, "tmp_path")


def pytest_collection_modifyitems(items):
    """What takes long begins first, so that the others are done beside it."""
    items.sort(key=lambda item: item.get_closest_marker("early") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Not asked for where there is no xdist."""
    from lib.deal import ByFile
    return ByFile(config, log)


def pytest_unconfigure(config):
    proc.stop_all()
    if _SCRATCH in config.stash:
        config.stash[_SCRATCH].remove()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the ends of the logs of the processes it used."""
    outcome = yield
    report = outcome.get_result()
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    if report.failed:
        for path in item.stash.get(_LOGS, []):
            report.sections.append(("log", proc.tail(path, _TAIL_LINES)))



@pytest.fixture(scope="session")
def scratch(pytestconfig):
    """The run's temporary directory (lib.scratch.Scratch)."""
    return pytestconfig.stash[_SCRATCH]


@pytest.fixture
def show_log(request):
    """show_log(path): that file's end is shown if the test fails."""
    return request.node.stash.setdefault(_LOGS, []).append


@pytest.fixture(scope="session")
def _pg_session(scratch):
    _skip_if(pg.missing())
    cluster = pg.Cluster(scratch)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(name="pg")
def pg_fixture(_pg_session, show_log):
    """The session's PostgreSQL cluster (lib.pg.Cluster), running. Leave it as it was."""
    show_log(_pg_session.log)
    if not _pg_session.alive:
        _pg_session.start()
    return _pg_session


@pytest.fixture
def pg_factory(scratch, show_log):
    """pg_factory(**settings): clusters of the test's own, running; settings of postgresql.conf."""
    _skip_if(pg.missing())
    made = []

    def make(**settings):
        cluster = pg.Cluster(scratch, **settings)
        made.append(cluster)
        show_log(cluster.log)
        cluster.start()
        return cluster

    yield make
    for cluster in made:
        cluster.close()


@pytest.fixture(scope="session")
def pg_timescale(scratch):
    """The cluster of the run with TimescaleDB, where the server offers it."""
    _skip_if(pg.missing() or (None if pg.offers_timescale() else "this server does not offer TimescaleDB"))
    cluster = pg.Cluster(scratch, **pg.TIMESCALE)
    cluster.start()
    yield cluster
    cluster.close()


@pytest.fixture
def pg_private(pg_factory):
    """A cluster of the test's own, running, to be stopped, killed or filled up."""
    return pg_factory()


@pytest.fixture
def db(pg):
    """A fresh database with the schema (lib.pg.Database), in the session's cluster."""
    database = _deployed(pg)
    try:
        yield database
    finally:
        database.close()
        if pg.alive:
            pg.drop_database(database.name)


@pytest.fixture
def db_private(pg_private):
    """A fresh database with the schema, in the test's own cluster."""
    database = _deployed(pg_private)
    yield database
    database.close()


@pytest.fixture
def mock_factory(scratch, show_log):
    """mock_factory(brokers=3): further mock brokers."""
    made = []

    def make(brokers=1):
        broker = mock.MockBroker(scratch, brokers)
        made.append(broker)
        show_log(broker.log)
        return broker

    yield make
    for broker in made:
        broker.close()


@pytest.fixture(name="mock")
def mock_fixture(mock_factory):
    """A mock broker of the test's own (lib.mock.MockBroker), one node."""
    return mock_factory()


@pytest.fixture(scope="session")
def _kafka_session(scratch):
    need("KAFKA", kafka.missing())
    cluster = kafka.KafkaCluster(scratch)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(name="kafka")
def kafka_fixture(_kafka_session, show_log):
    """The session's real Kafka broker (lib.kafka.KafkaCluster), running. Use topics and groups of
    your own. A test that stopped it or let it crash finds it started again in the next test."""
    show_log(_kafka_session.brokers[0].log)
    _kafka_session.resume()
    _kafka_session.start()
    return _kafka_session


@pytest.fixture
def kafka_factory(scratch, show_log):
    """kafka_factory(brokers=3, security=..., **properties): clusters of the test's own, running."""
    need("KAFKA", kafka.missing())
    made = []

    def make(brokers=1, security=None, **properties):
        cluster = kafka.KafkaCluster(scratch, brokers, security, **properties)
        made.append(cluster)
        for broker in cluster.brokers:
            show_log(broker.log)
        cluster.start()
        return cluster

    yield make
    for cluster in made:
        cluster.close()


@pytest.fixture(scope="session")
def need_kafka():
    """Skips where there can be no real broker."""
    need("KAFKA", kafka.missing())


@pytest.fixture
def clock(tmp_path):
    """The wall clock of a daemon that is started with its `env` (lib.faketime.Clock)."""
    _skip_if(faketime.missing())
    return faketime.Clock(tmp_path)


@pytest.fixture
def proxy_factory():
    """proxy_factory(target_port, port=None, host=...): proxies (lib.proxy.Proxy)."""
    made = []

    def make(target, port=None, host=net.LOOPBACK):
        made.append(proxy.Proxy(target, port, host))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def names(scratch):
    """Names of the test's own (lib.dns.Names)."""
    _skip_if(dns.missing())
    made = dns.Names(scratch)
    yield made
    made.close()


@pytest.fixture
def tickd(request, scratch, show_log):
    """tickd(config, arguments=(), env=None, wrap=None): a started daemon (lib.daemon.Tickd).

    What still runs at the end of a test that passed is stopped and must end well.
    """
    made = []

    def make(config, arguments=(), env=None, wrap=None, binary=None):
        made.append(Tickd(scratch, config, arguments, env, wrap, binary))
        show_log(made[-1].log)
        return made[-1].start()

    yield make
    passed = not request.node.stash.get(_FAILED, False)
    problems = []
    for each in made:
        try:
            each.finish(orderly=passed)
        except AssertionError as problem:
            problems.append(str(problem))
        finally:
            each.child.kill()
    assert not problems, "\n".join(problems)


@pytest.fixture
def send():
    """send(broker, topic, values, **more): lib.produce.produce() to a mock or real broker."""
    def produce_to(broker, topic, values, **more):
        return produce.produce(broker.bootstrap, topic, values, **more)
    return produce_to


@pytest.fixture(scope="session")
def program():
    """program(name): full path of a program of the build."""
    return programs.path


def _deployed(cluster):
    return pg.Database(cluster, cluster.create_deployed())


def _skip_if(reason):
    if reason:
        pytest.skip(reason)
