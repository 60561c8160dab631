# SPDX-License-Identifier: MIT
"""Alerts, their tests, their runbook and the dashboard belong together, and Prometheus reads them."""

import glob
import json
import os
import re
import subprocess

import pytest

from lib import prometheus
from lib.need import need
from lib.prometheus import CONFIG, RULES, read
from lib.schema import ROOT

DASHBOARD = os.path.join(ROOT, "conf", "grafana", "tickd.json")
UNIT_TESTS = sorted(glob.glob(os.path.join(ROOT, "tests", "prometheus", "*.yml")))
SUFFIXES = re.compile(r"_(bucket|sum|count)$")


@pytest.fixture
def promtool():
    """promtool(ARGUMENT...): runs it; its output if it finds nothing wrong."""
    need("PROMETHEUS", prometheus.missing())

    def run(*arguments):
        done = subprocess.run(["promtool", *arguments], stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, check=False, timeout=600)
        assert done.returncode == 0, done.stdout
        return done.stdout
    return run


def alerts():
    """{name: its text} of the rules."""
    parts = re.split(r"(?m)^ +- alert: (\w+)\n", read(RULES))
    found = dict(zip(parts[1::2], parts[2::2]))
    assert len(found) == len(parts) // 2, "an alert's name comes twice"
    return found


def scenarios():
    """The texts of promtool's tests, one for each `name:`."""
    return [scenario for path in UNIT_TESTS for scenario in re.split(r"(?m)^  - name: ", read(path))[1:]]


def panels():
    """The panels of the dashboard that show something."""
    return [panel for panel in json.loads(read(DASHBOARD))["panels"] if panel["type"] != "row"]


def dashboard_expressions(instance="tickd:9187"):
    """Its expressions, as Grafana would ask them."""
    return [target["expr"].replace("$instance", instance).replace("$__rate_interval", "30s")
            for panel in panels() for target in panel["targets"]]


def documented():
    """The metrics of docs/metrics.md: {name: type}."""
    text = read(os.path.join(ROOT, "docs", "metrics.md"))
    return dict(re.findall(r"(?m)^\| `(\w+)` \| (\w+) \|", text))


def undocumented(text):
    """Names in an expression that look like metrics of tickd and are in no table."""
    known = documented()
    recorded = set(re.findall(r"- record: (\S+)", read(RULES)))
    names = set(re.findall(r"\b(?:job:)?(?:tickd|process)_\w+(?::\w+)?", text)) - recorded
    histograms = {name for name, kind in known.items() if kind == "histogram"}
    return {name for name in names
            if name not in known and SUFFIXES.sub("", name) not in histograms}


def expressions_of_rules():
    without_comments = re.sub(r"(?m)^ *#.*$", "", read(RULES))
    return re.findall(r"expr: (?:>-\n)?((?:.|\n)*?)\n +(?:for|labels|- |$)", without_comments)


def test_prometheus_accepts_rules_and_configuration(promtool):
    assert "SUCCESS" in promtool("check", "rules", RULES)
    assert "1 rule files found" in promtool("check", "config", CONFIG)


@pytest.mark.parametrize("path", UNIT_TESTS, ids=os.path.basename)
def test_alerts_fire_and_clear_as_written(promtool, path):
    assert "SUCCESS" in promtool("test", "rules", path)


@pytest.mark.parametrize("name", alerts())
def test_alert_is_complete(name):
    text = alerts()[name]
    assert re.search(r"labels: \{severity: (critical|warning|info)\}", text)
    for key in ("summary", "description"):
        assert re.search(rf"(?m)^ +{key}: \S", text), key
    anchor = "docs/runbook.md#" + name.lower()
    assert re.search(rf"(?m)^ +runbook_url: {anchor}$", text), anchor


@pytest.mark.parametrize("name", alerts())
def test_alert_has_a_test_that_fires_and_clears_it(name):
    """In one scenario: a silence in another one is no end of this alert."""
    fires = re.compile(rf"alertname: {name}\n +eval_time: \S+\n +exp_alerts:\n +- ")
    clears = re.compile(rf"\{{alertname: {name}, eval_time: \S+, exp_alerts: \[\]\}}")
    fired = [(scenario, match.end()) for scenario in scenarios() if (match := fires.search(scenario))]
    assert fired, "never fires"
    assert any(clears.search(scenario, end) for scenario, end in fired), "never clears"


def test_runbook_has_a_section_for_each_alert_and_no_other():
    text = read(os.path.join(ROOT, "docs", "runbook.md"))
    parts = re.split(r"(?m)^## (Tickd\w+)$", text)
    sections = dict(zip(parts[1::2], parts[2::2]))
    assert set(sections) == set(alerts())
    for name, body in sections.items():
        for part in ("**Means.**", "**Look.**", "**Do.**"):
            assert part in body, f"{name} has no {part}"


def test_metrics_in_the_rules_exist():
    expressions = expressions_of_rules()
    assert len(expressions) == len(alerts()) + read(RULES).count("- record:")
    assert not undocumented("\n".join(expressions))
    assert not undocumented(re.sub(r"runbook_url.*", "", read(RULES)).replace("tickd-records", ""))


def test_unit_tests_feed_metrics_that_exist():
    series = re.findall(r"series: '(\w+)\{", "".join(map(read, UNIT_TESTS)))
    assert len(series) > 50
    assert not undocumented("\n".join(series))


def test_dashboard_is_one_that_grafana_takes():
    dashboard = json.loads(read(DASHBOARD))
    assert dashboard["uid"] == "tickd" and dashboard["schemaVersion"] >= 36
    variables = {each["name"]: each for each in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["current"]["value"] == "prometheus"
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        assert panel["title"] and panel["description"] and panel["targets"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24


def test_dashboard_asks_for_metrics_that_exist(promtool, tmp_path):
    expressions = dashboard_expressions()
    assert not undocumented("\n".join(expressions))
    # A rule must be an expression that Prometheus reads.
    rules = {"groups": [{"name": "dashboard", "rules": [
        {"record": f"panel:{number}", "expr": each} for number, each in enumerate(expressions)]}]}
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps(rules), encoding="utf-8")
    assert f"SUCCESS: {len(expressions)} rules found" in promtool("check", "rules", str(path))
