# SPDX-License-Identifier: MIT
"""The table of runs in docs/guarantees.md, made of docs/torture-runs.jsonl."""

import difflib
import json
import os
import re
import sys

from lib.schema import ROOT

from .report import RUNS, SUMS, figure

PAGE = os.path.join(ROOT, "docs", "guarantees.md")
_BEGIN, _END = "<!-- runs: written by scripts/torture-table -->", "<!-- end of runs -->"
_MARKED = re.compile(f"({re.escape(_BEGIN)}\n).*?({re.escape(_END)})", re.DOTALL)

_HEADS = ("seed", "commit", "minutes", "brokers", "members", "options", "faults", *SUMS, "messages",
          "lost", "twice", "recovery p50", "p99", "p99 after kills", "slowest calm", "memory", "result")


def read_runs(path=RUNS):
    """The records, in the order in which they were made; [] without a file."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def render(runs):
    """The table in Markdown, and below it what the runs come to together."""
    rows = [_HEADS] + [_cells(run) for run in runs]
    if not runs:
        return "No run was recorded yet.\n"
    total = ["**all**", "", f"{_sum(runs, 'minutes'):g}", "", "", "",
             f"{sum(sum(run['faults'].values()) for run in runs):,}",
             *(_total(runs, name) for name in (*SUMS, "messages", "lost", "twice")), *[""] * 6]
    lines = [_row([head.replace("_", " ") for head in _HEADS]), "|" + "---|" * len(_HEADS)]
    return "\n".join(lines + [_row(row) for row in rows[1:]] + [_row(total)]) + "\n\n" + _kinds(runs)


def write(text, runs):
    """The page with the table of these runs between its marks."""
    assert _MARKED.search(text), f"{PAGE} has no place for the table"
    return _MARKED.sub(lambda match: match[1] + render(runs) + match[2], text)


def _cells(run):
    members = f"{run['members']}, {run['static']} static" if run["static"] else str(run["members"])
    options = " ".join(f"{key}={value}" for key, value in run["settings"].items())
    calms = [seconds for seconds in run["calms_s"] if seconds is not None]
    return [run["seed"], run["commit"], f"{run['minutes']:g}", run["brokers"], members, options or "",
            *map(figure, (sum(run["faults"].values()), *(run[name] for name in SUMS), run["messages"],
                          run["lost"], run["twice"])),
            *map(_seconds, (run["recovery_p50_s"], run["recovery_p99_s"], run.get("recovery_kill_p99_s"),
                            max(calms, default=None))),
            "" if run["rss_mib"] is None else f"{run['rss_mib']:.0f} MiB", run["result"]]


def _kinds(runs):
    """Each kind of fault, and how often it was done."""
    names = sorted({name for run in runs for name in run["faults"]})
    return "Faults by kind: " + ", ".join(
        f"{name.replace('_', ' ')} {sum(run['faults'].get(name, 0) for run in runs):,}"
        for name in names) + ".\n"


def _sum(runs, name):
    return sum(run[name] or 0 for run in runs)


def _total(runs, name):
    """What is known, and whether that is all."""
    known = figure(_sum(runs, name))
    return known if all(run[name] is not None for run in runs) else f"{known} and unproven"


def _seconds(value):
    return "" if value is None else f"{value:.1f} s"


def _row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def update():
    """Writes the page anew."""
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(write(text, read_runs()))


def main():
    if "--check" in sys.argv[1:]:
        with open(PAGE, encoding="utf-8") as file:
            text = file.read()
        wanted = write(text, read_runs())
        sys.stdout.writelines(difflib.unified_diff(text.splitlines(True), wanted.splitlines(True),
                                                   "docs/guarantees.md", "as it should be"))
        sys.exit(0 if text == wanted else 1)
    update()


if __name__ == "__main__":
    main()
