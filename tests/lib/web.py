# SPDX-License-Identifier: MIT
"""A client of tickd's HTTP side, with nothing between it and the socket; and a strict reader of the
Prometheus text format."""

import http.client
import json
import re
import socket

from . import net

TIMEOUT_S = 30.0

_SAMPLE = re.compile(r"^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


class Reply:
    """Status, headers (names in lower case) and body of an answer."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Web:
    """Where one tickd listens; `listen` is the value of its option."""

    def __init__(self, listen=None):
        self.port = net.free_port()
        self.host = net.LOOPBACK
        self.listen = listen or f"{self.host}:{self.port}"
        self.path = self.listen[len("unix:"):] if self.listen.startswith("unix:") else None
        if self.listen.startswith("["):
            self.host, _, port = self.listen[1:].partition("]:")
            self.port = int(port)

    def request(self, method, path, headers=None, body=None):
        if self.path:
            connection = _UnixConnection(self.path)
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers)

    def json(self, path):
        """The document, whatever the status; None as long as nobody listens."""
        try:
            return self.get(path).json
        except ConnectionError:
            return None

    def metrics(self):
        return parse(self.get("/metrics").body.decode())

    def connect(self):
        """A socket of its own, to say whatever one likes."""
        if not self.path:
            return socket.create_connection((self.host, self.port), timeout=TIMEOUT_S)
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(TIMEOUT_S)
        made.connect(self.path)
        return made


class Metrics:
    """The samples of an exposition by name and labels, and the types of the families."""

    def __init__(self):
        self.samples, self.types, self.help = {}, {}, {}

    def value(self, name, **labels):
        return self.samples[name, frozenset(labels.items())]

    def labels(self, name, label):
        """{label's value: sample} of the samples with that name."""
        return {dict(labels)[label]: value for (found, labels), value in self.samples.items()
                if found == name}

    def histogram(self, name, since=None):
        """{upper bound: count up to it} of a histogram, of what came after an earlier scrape."""
        def buckets(metrics):
            return {float(bound): count for bound, count in metrics.labels(f"{name}_bucket", "le").items()}
        before = buckets(since) if since else {}
        return {bound: count - before.get(bound, 0) for bound, count in sorted(buckets(self).items())}


def quantile(histogram, share):
    """The upper bound of the bucket which that share of the values does not exceed."""
    total = max(histogram.values())
    assert total > 0, "an empty histogram"
    return next(bound for bound, count in histogram.items() if count >= share * total)


def parse(text):
    """Refuses what Prometheus would refuse, and what stands there twice."""
    metrics = Metrics()
    assert text.endswith("\n")
    for line in text.splitlines():
        if line == "# EOF":
            continue
        if line.startswith("# "):
            _, kind, name, rest = line.split(" ", 3)
            into = {"HELP": metrics.help, "TYPE": metrics.types}[kind]
            assert name not in into, f"{name} comes twice"
            into[name] = rest
            continue
        match = _SAMPLE.match(line)
        assert match, f"not a sample: {line}"
        labels = dict(_LABEL.findall(match[2] or ""))
        assert _LABEL.sub("", match[2] or "") == "", f"not labels: {line}"
        key = match[1], frozenset(labels.items())
        assert key not in metrics.samples, f"{line} comes twice"
        metrics.samples[key] = float(match[3])
    return metrics
