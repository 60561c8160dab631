# SPDX-License-Identifier: MIT
"""`make bench` in small: it measures everything it says, and its table can be written from that."""

import json
import os
import pathlib
import subprocess

import pytest

from lib import programs
from lib.schema import ROOT

from bench import cpu, load, report

SMALL = {"BENCH_TICKS": 4000, "BENCH_ROUNDS": 1, "BENCH_LONG_TICKS": 6000, "BENCH_LIVE_SECONDS": 2,
         "BENCH_TRACED_TICKS": 500}


@pytest.fixture
def out(scratch):
    return scratch.dir("bench")


def run(out):
    more = {key: str(value) for key, value in SMALL.items()}
    return subprocess.run([os.path.join(ROOT, "scripts", "bench")], check=False, text=True,
                          env={**os.environ, **more, "BENCH_OUT": out,
                               "TICKD_BIN": programs.path("tickd")},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_small_bench_has_every_figure(kafka, pg, out):
    assert kafka and pg  # both are to be had
    done = run(out)
    assert done.returncode == 0, done.stderr
    with open(os.path.join(out, "results.json"), encoding="utf-8") as file:
        results = json.load(file)
    assert len(results["rounds"]) == SMALL["BENCH_ROUNDS"]
    for key, *_ in report.KEYS:
        assert results[key] > 0, key
        assert f"`{key}`" in done.stdout
    assert set(results["rounds"][0]) == {"copy_fk", "copy_nofk", "bare", "scraped", *load.DRAINS}
    for name, figures in results["rounds"][0].items():
        assert figures["rate"] > 0 and figures["others"] >= 0 and figures["steal"] >= 0
        for who in ("loader", "broker") if name == "bare" else ("loader", "backend", "broker"):
            assert figures["cpu_s"][who] > 0, (name, who)
    assert set(results["live"]) == {"default_250", "quick_250", "quick_5000"}


def round_of(**rates):
    return {name: {"rate": rate, "seconds": 1.0, "cpu_s": {}} for name, rate in rates.items()}


def test_ratios_are_medians_of_ratios_within_a_round():
    rounds = [round_of(copy_fk=100, drain_row_1=200), round_of(copy_fk=10, drain_row_1=40),
              round_of(copy_fk=50, drain_row_1=150)]
    assert report.ratio(rounds, "drain_row_1", "copy_fk") == 3
    assert report.ratio(rounds, "drain_row_1", "copy_nofk") is None


def test_best_drain_is_the_fastest_at_the_median():
    rounds = [round_of(drain_row_1=5, drain_batch_1=9, drain_batch_2=8),
              round_of(drain_row_1=6, drain_batch_1=3, drain_batch_2=8),
              round_of(drain_row_1=7, drain_batch_1=3, drain_batch_2=9)]
    assert report.best_drain(rounds) == "drain_batch_2"


PAGE = "before\n<!-- begin: written by scripts/bench -->\n{}<!-- end -->\nbehind\n"


@pytest.fixture
def page(monkeypatch, out):
    """A page with an old table, as a pathlib.Path."""
    path = pathlib.Path(out, "page.md")
    path.write_text(PAGE.format("old\n"), encoding="utf-8")
    monkeypatch.setattr(report, "DOCS", path)
    return path


def test_docs_take_the_table_between_their_markers(monkeypatch, page):
    monkeypatch.setattr(report, "table", lambda results: f"new {results}\n")
    report.write_docs("figures")
    assert page.read_text(encoding="utf-8") == PAGE.format("new figures\n")


def test_docs_stay_when_the_results_are_of_another_bench(page):
    with pytest.raises(KeyError):
        report.write_docs({"of": {}})
    assert page.read_text(encoding="utf-8") == PAGE.format("old\n")


def test_stolen_time_is_not_work():
    assert cpu.machine_of("cpu  100 20 30 4000 500 6 7 800 50 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n") == (
        1.63, 8.0)
