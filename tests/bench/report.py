# SPDX-License-Identifier: MIT
"""From the figures of all rounds to the results: medians, ratios, a table."""

import os
import statistics

from lib.schema import ROOT

from .load import FASTEST as _SCRAPED

DOCS = os.path.join(ROOT, "docs", "performance.md")
_BEGIN, _END = "<!-- begin: written by scripts/bench -->\n", "<!-- end -->\n"

# Key, what it is, unit, what is to be reached (and whether more or less is better).
KEYS = (
    ("drain_vs_copy_fk", "drain / `\\copy` with the foreign key", "", ">=", 2.5),
    ("drain_vs_copy_nofk", "drain / `\\copy` without the foreign key", "", ">=", 0.8),
    ("decode_ns", "decoding a canonical tick", "ns", "<=", 400),
    ("decode_vs_jansson", "decoder / jansson, rates", "", ">=", 8),
    ("instructions_per_tick", "instructions a tick, from the consumer to the bytes of COPY", "",
     "<=", 5000),
    ("cpu_s_per_million", "tickd's CPU for a million ticks", "s", "<=", 1.5),
    ("peak_rss_mib", "tickd's greatest resident memory", "MiB", "<=", 64),
    ("cpu_pct_at_250", "tickd's CPU at 250 ticks/s, of one core", "%", "<=", 0.5),
    ("p99_ms_at_250", "99th percentile of produce-to-visible at 250/s, `linger_ms = 5`", "ms", "<=",
     20),
    ("p99_ms_at_250_default", "the same with the defaults (`linger_ms = 100`)", "ms", "<=", 150),
    ("cold_start_s", "from starting tickd to the first tick in the table", "s", "<=", 2),
    ("scrape_cost_pct", "tickd's CPU for a scrape of `/metrics` each second, of one core", "%", "<=",
     1),
)

_NAMES = {"copy_fk": "`psql \\copy` binary, foreign key",
          "copy_nofk": "`psql \\copy` binary, no foreign key",
          "bare": "librdkafka alone, counting"}


def median(rounds, name, value=lambda figures: figures["rate"]):
    """Over the rounds that have it; None if none has."""
    found = [value(each[name]) for each in rounds if name in each]
    return statistics.median(found) if found else None


def ratios(rounds, above, below):
    """Of the rates within each round: what disturbs a round disturbs both."""
    return [each[above]["rate"] / each[below]["rate"] for each in rounds
            if above in each and below in each]


def ratio(rounds, above, below):
    """Their median, None if there are none."""
    found = ratios(rounds, above, below)
    return statistics.median(found) if found else None


def drains(rounds):
    """The names of the kinds of drain that were measured for their speed."""
    return sorted(name for name in rounds[0] if name.startswith("drain_"))


def loads(rounds):
    """The names of all kinds of load, as the tables have them."""
    return ("copy_fk", "copy_nofk", "bare", *drains(rounds), "scraped")


def best_drain(rounds):
    return max(drains(rounds), key=lambda name: median(rounds, name))


def summarize(raw):
    """The results' own keys, from the raw figures."""
    rounds = raw["rounds"]
    best = best_drain(rounds)
    live = raw.get("live", {})
    count = raw["ticks"]
    found = {
        "drain_vs_copy_fk": ratio(rounds, best, "copy_fk"),
        "drain_vs_copy_nofk": ratio(rounds, best, "copy_nofk"),
        "decode_ns": raw["decode"].get("decode_ns"),
        "decode_vs_jansson": raw["decode"].get("decode_vs_jansson"),
        "instructions_per_tick": raw.get("instructions"),
        "cpu_s_per_million": median(rounds, best,
                                    lambda one: one["cpu_s"]["loader"] * 1e6 / count),
        "peak_rss_mib": raw["long"]["rss_mib"] if raw.get("long") else None,
        "cpu_pct_at_250": live["default_250"]["cpu_pct"] if live else None,
        "p99_ms_at_250": live["quick_250"]["latency_ms"]["p99"] if live else None,
        "p99_ms_at_250_default": live["default_250"]["latency_ms"]["p99"] if live else None,
        "cold_start_s": statistics.median(raw["starts"]),
        "scrape_cost_pct": median(rounds, "scraped", lambda one: 100 * one["scrape_s"]),
    }
    return {**{key: _round(found[key]) for key, *_ in KEYS}, "drain": best}


def table(results):
    """Markdown."""
    return "\n".join([*_heading(results), "", *_targets(results), "", *_loads(results), "",
                      *_scraping(results), "", *_cpu(results), "", *_live(results)]) + "\n"


def write_docs(results):
    """Puts the table between its markers in docs/performance.md."""
    with open(DOCS, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(_BEGIN)
    text = before + _BEGIN + table(results) + _END + rest.split(_END)[1]
    with open(DOCS, "w", encoding="utf-8") as file:
        file.write(text)


# --- parts of the table

def _heading(results):
    of = results["of"]
    return [f"{of['table']}, PostgreSQL {of['postgresql']}, Kafka {of['kafka']}, {of['cpus']} CPUs"
            f" ({of['cpu']}) for all of them. {results['ticks']} canonical ticks of 30 pairs on"
            f" {of['partitions']} partitions; medians of {len(results['rounds'])} rounds, ratios"
            " within each round.",
            "", "Of " + ", ".join(of["versions"]) + "."]


def _targets(results):
    rows = [f"| {what} | `{key}` | {_show(results[key])} {unit} | {sense} {goal:g} |"
            f" {_verdict(results[key], sense, goal)} |" for key, what, unit, sense, goal in KEYS]
    return ["| | key | | to reach | |", "|---|---|---|---|---|", *rows]


def _loads(results):
    rounds = results["rounds"]
    rows = []
    for name in loads(rounds):
        rows.append(f"| {_title(name)} | {median(rounds, name):,.0f} |"
                    f" {_show(ratio(rounds, name, 'copy_fk'))} |"
                    f" {_show(ratio(rounds, name, 'copy_nofk'))} | {_spread(rounds, name)} |"
                    f" {_merged(rounds, name)} |")
    return ["| load | rows/s | / `\\copy` with FK | / `\\copy` without | slowest to fastest |"
            " batches merged |", "|---|---|---|---|---|---|", *rows]


def _scraping(results):
    """The drains, to set beside `scrape_cost_pct`, which is less than they differ by themselves."""
    found = ratios(results["rounds"], "scraped", _SCRAPED)
    return [f"Scraped each second / not scraped, {_title(_SCRAPED)}: {statistics.median(found):.3f}"
            f" ({min(found):.3f} to {max(found):.3f})."]


def _cpu(results):
    rounds, count = results["rounds"], results["ticks"]
    rows = []
    for name in loads(rounds):
        cells = [median(rounds, name, lambda one, who=each: one["cpu_s"].get(who, 0))
                 for each in ("loader", "backend", "broker")]
        shown = [_show(cell * 1e6 / count) if cell else "" for cell in cells]
        shown += [_median_and_most(rounds, name, key) for key in ("others", "steal")]
        rows.append(f"| {_title(name)} | " + " | ".join(shown) + " |")
    return ["| CPU seconds for a million rows | tickd, psql, consumer | backends | broker |"
            " others, cores (most) | stolen, cores (most) |", "|---|---|---|---|---|---|", *rows]


def _median_and_most(rounds, name, key):
    """Of the rounds: the most shows the one in which a neighbour got what the load needed."""
    found = [each[name][key] for each in rounds]
    return f"{statistics.median(found):.2f} ({max(found):.2f})"


def _live(results):
    rows = []
    for name, one in results.get("live", {}).items():
        latency = one["latency_ms"]
        rows.append(f"| {_LIVE[name]} | {one['rate']:,.0f} | {latency['p50']:.1f} |"
                    f" {latency['p99']:.1f} | {latency['max']:.1f} | {one['cpu_pct']:.2f} |"
                    f" {one['rss_mib']:.0f} |")
    if not rows:
        return []
    return ["| live | messages/s | p50 ms | p99 ms | max ms | CPU % | peak RSS MiB |",
            "|---|---|---|---|---|---|---|", *rows]


_LIVE = {"default_250": "250/s, defaults", "quick_250": "250/s, `linger_ms = 5`",
         "quick_5000": "5,000/s, `linger_ms = 5`"}


def _title(name):
    if name in _NAMES:
        return _NAMES[name]
    if name == "scraped":
        return f"{_title(_SCRAPED)}, scraped"
    _, mode, writers = name.split("_")
    return f"tickd, `fk_check = {mode}`, {writers} writer{'s' if writers != '1' else ''}"


def _spread(rounds, name):
    rates = [each[name]["rate"] for each in rounds]
    return f"{min(rates):,.0f} to {max(rates):,.0f}"


def _merged(rounds, name):
    if "merges" not in rounds[0][name]:
        return ""
    merges = sum(each[name]["merges"] for each in rounds)
    return f"{merges} of {sum(each[name]['commits'] for each in rounds)}"


def _verdict(value, sense, goal):
    if value is None:
        return "not measured"
    return "reached" if (value >= goal if sense == ">=" else value <= goal) else "**not reached**"


def _round(value):
    return None if value is None else float(f"{value:.4g}")


def _show(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
