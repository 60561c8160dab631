# SPDX-License-Identifier: MIT
"""A private Prometheus with tickd's rules, in a hurry: what takes minutes there takes seconds here."""

import json
import os
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request

from . import net, proc
from .schema import ROOT
from .wait import DEADLINE_S, wait_until

CONFIG = os.path.join(ROOT, "conf", "prometheus", "prometheus.yml")
RULES = os.path.join(ROOT, "conf", "prometheus", "tickd.rules.yml")


def missing():
    """Why there can be none, or None."""
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        return "no prometheus: scripts/deps check"
    return None


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def hurried(rules):
    """The rules without patience: nothing has to hold for a while, and 15 and 30 seconds are 5."""
    rules, count = re.subn(r"\bfor: \S+", "for: 0s", rules)
    assert count > 10, "the rules have changed: mend this"
    rules, count = re.subn(r"\[(15|30)s\]", "[5s]", rules)
    assert count == 2, "the rules have changed: mend this"
    return rules


def aimed(config, target):
    """The sample configuration, but asking often, and asking the target."""
    for name in ("scrape_interval", "evaluation_interval"):
        config, count = re.subn(rf"\b{name}: \S+", f"{name}: 500ms", config)
        assert count == 1, name
    config, count = re.subn(r"targets: \['tickd:9187'\]", f"targets: ['{target}']", config)
    assert count == 1, "targets"
    return config


class Prometheus:
    """Owns the process and its directory."""

    def __init__(self, scratch, target):
        base = scratch.dir("prometheus")
        self.port = net.free_port()
        self.log = os.path.join(base, "log")
        for name, text in (("prometheus.yml", aimed(read(CONFIG), target)),
                           ("tickd.rules.yml", hurried(read(RULES)))):
            with open(os.path.join(base, name), "w", encoding="utf-8") as file:
                file.write(text)
        self._child = proc.Child(
            ["prometheus", f"--config.file={base}/prometheus.yml", f"--storage.tsdb.path={base}/data",
             f"--web.listen-address={net.LOOPBACK}:{self.port}", "--log.level=warn"],
            log=self.log, cwd=base, name="prometheus")

    def ask(self, path, **parameters):
        """The data of an answer of its API."""
        url = f"http://{net.LOOPBACK}:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        """The samples of an instant query."""
        return self.ask("query", query=expression)["result"]

    def firing(self):
        """{alert's name: [labels of each that fires]}"""
        found = {}
        for alert in self.ask("alerts")["alerts"]:
            if alert["state"] == "firing":
                found.setdefault(alert["labels"]["alertname"], []).append(alert["labels"])
        return found

    def wait_until(self, condition, what, detail=None):
        """As lib.wait.wait_until, with what fires and what it logged; gives up when it ends."""
        def seen():
            return "\n".join([str(detail() if detail else self.firing()), proc.tail(self.log)])
        def unless_deaf():
            try:
                return condition()
            except urllib.error.HTTPError as error:
                if error.code == 503:
                    return None  # it is starting
                raise AssertionError(f"{error.url}: {error.read().decode()}") from None
            except (ConnectionError, urllib.error.URLError):
                return None
        return wait_until(unless_deaf, what, detail=seen,
                          abort=lambda: None if self._child.alive else "Prometheus ended")

    def close(self):
        self._child.end()
