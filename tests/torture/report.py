# SPDX-License-Identifier: MIT
"""What is printed of a run, and the one line of JSON that is kept of it."""

import json
import os
import re
import subprocess
import time

from lib import kafka, pg
from lib.daemon import run as run_tickd
from lib.schema import ROOT

from . import recovery, schedule

RUNS = os.path.join(ROOT, "docs", "torture-runs.jsonl")

# What a run of 10 minutes is made to reach.
SUMS = ("sigkills", "rebalances", "immediate_stops", "broker_kills", "zombies", "fenced")
# Of the faults, so many may be left undone, because what they would strike was not there: where times to
# recover are judged, and where they are not, on a machine that has other work.
_MISSED, _MISSED_IF_SLOW = 0.1, 0.5


def say(text=""):
    print(text, flush=True)


def show_plan(plan, rate, settings):
    kinds = ", ".join("static" if static else "dynamic" for static in plan.static)
    say(f"torture: seed {plan.seed}, {plan.seconds / 60:g} minutes, {rate} messages a second, brokers: "
        f"{plan.brokers}, members: {plan.members} ({kinds})")
    if settings:
        say("torture: " + " ".join(f"{key}={value}" for key, value in settings.items()))
    say(f"torture: schedule of {len(plan.faults)} faults")
    for fault in plan.faults:
        say(f"    {fault}")


def measure(diary, watch, world):
    """Fills in how each fault was recovered from; a Recovery for each calm that was one."""
    seen = recovery.Seen(watch.samples, watch.ends, world.departures, schedule.SESSION_TIMEOUT_S)
    # What was not done is over as well, but heals nothing.
    done = [entry for entry in diary.entries if entry.done]
    spans = [(entry.began, entry.healed) for entry in done]
    for entry, found in zip(done, recovery.recoveries(spans, seen)):
        entry.recovery = found
    calms = []
    for begin in schedule.calms(world.plan.seconds):
        healed = max((end for began, end in spans if began < begin + schedule.CALM_S), default=begin)
        if healed < begin + schedule.CALM_S / 3:    # else what was to be healed by then was not
            calms.append(recovery.since(healed, seen))
    return calms


def show_faults(diary):
    say("torture: what was done: begun, healed, and how long until all partitions advanced after it was "
        "healed (~: after the next that came between)")
    for entry in diary.entries:
        healed = f"{entry.healed:6.1f}" if entry.healed is not None else "     ?"
        say(f"    {entry.began:6.1f} {healed}  {entry.fault.kind:24} {entry.note or _after(entry)}")


def _after(entry):
    found = entry.recovery
    if found is None or found.seconds is None:
        return "never seen"
    as_what = f" (as {entry.instead})" if entry.instead else ""
    return f"{found.seconds:6.2f} s" + ("" if found.undisturbed else " ~") + as_what


def check_faults(verdict, diary, plan, limit_s):
    """A run in which little was done proves little; and what was done must be recovered from."""
    missed, never = not_done(diary, plan), never_recovered(diary)
    allowed = _MISSED if limit_s else _MISSED_IF_SLOW
    verdict.check("the faults were done", missed <= allowed * len(plan.faults),
                  f"{missed} of {len(plan.faults)} were not")
    verdict.check("each fault was recovered from", not never, "; ".join(
        f"{entry.fault.kind} at {entry.began:.1f} s" for entry in never))


def not_done(diary, plan):
    """How many faults could not be done, or not begun in time."""
    return len(plan.faults) - sum(entry.done for entry in diary.entries)


def never_recovered(diary):
    """The entries that were done and whose recovery was not seen."""
    return [entry for entry in diary.entries
            if entry.done and (entry.recovery is None or entry.recovery.seconds is None)]


def check_recoveries(verdict, diary, calms, limit_s):
    """Times to recover into the facts; against the limit only if there is one.

    Where Kafka may first have to wait for a member that is dead, it may take so much longer.
    """
    found = [entry.recovery for entry in diary.entries if entry.recovery and entry.recovery.seconds is not None]
    facts = verdict.facts
    for name, awaits, allowed_s in (("recovery", False, limit_s),
                                    ("recovery_kill", True, limit_s + schedule.SESSION_TIMEOUT_S)):
        times = [one.seconds for one in found if one.awaits_member is awaits]
        for share in (50, 99):
            facts[f"{name}_p{share}_s"] = _rounded(recovery.percentile(times, share / 100))
        if limit_s:
            verdict.check(f"recovered within {allowed_s:g} s (p99)"
                          + (", where a dynamic member ended" if awaits else ""),
                          (facts[f"{name}_p99_s"] or 0) < allowed_s,
                          f"{facts[f'{name}_p99_s']} s of {len(times)}")
    facts["calms_s"] = [_rounded(calm.seconds) for calm in calms]
    if limit_s:
        verdict.check("recovered in each calm within the same", all(
            calm.seconds is not None
            and calm.seconds < limit_s + (schedule.SESSION_TIMEOUT_S if calm.awaits_member else 0)
            for calm in calms), facts["calms_s"])


def _rounded(seconds):
    return None if seconds is None else round(seconds, 2)


def line(plan, rate, settings, tally, diary, verdict):
    """The record of a run."""
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()), "commit": _commit(), "seed": plan.seed,
        "minutes": round(plan.seconds / 60, 2), "rate": rate, "brokers": plan.brokers,
        "members": plan.members, "static": sum(plan.static), "settings": settings,
        "kafka": kafka.version(), "postgresql": _postgresql(),
        "faults": schedule.counts(entry for entry in diary.entries if entry.done),
        "not_done": not_done(diary, plan),
        **{name: tally[name] for name in SUMS if name != "rebalances"}, **verdict.facts,
        "result": "passed" if verdict.passed else "FAILED: " + "; ".join(verdict.violations),
    }


def figure(number):
    """As it stands in the table; None is what was not seen."""
    return "unproven" if number is None else f"{number:,}"


def show_verdict(record, verdict):
    sums = ", ".join(f"{name.replace('_', ' ')} {record[name]}" for name in SUMS)
    say(f"torture: {sums}; faults that could not be done: {record['not_done']}")
    say(f"torture: stops that hung: {record['hangs']}, that were given up at shutdown_timeout_ms: "
        f"{record['shutdown_timeouts']}, in which librdkafka crashed while closing: "
        f"{record['crashes_in_closing']}")
    say(f"torture: recovery p50 {record['recovery_p50_s']} s, p99 {record['recovery_p99_s']} s; "
        f"where a dynamic member ended p50 "
        f"{record['recovery_kill_p50_s']} s, p99 {record['recovery_kill_p99_s']} s; in each calm: "
        + " ".join("never" if seconds is None else f"{seconds:.1f}" for seconds in record["calms_s"]))
    for what, holds, figures in verdict.checks:
        say(f"{'  ok ' if holds else 'FAIL '} {what}{': ' + figures if figures else ''}")
    say(f"torture: seed {record['seed']}: {figure(record['messages'])} messages, "
        f"{figure(record['lost'])} lost, {figure(record['twice'])} twice: {record['result']}")
    if not verdict.passed:
        say(f"torture: again with TORTURE_SEED={record['seed']} TORTURE_MINUTES={record['minutes']:g}")


def keep(record, path=RUNS):
    """Appends the line to the file of runs."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def _commit():
    """Which the daemon says it is of; the tree has changed by the table of the runs before."""
    found = re.search(r"\((\w{7,})\w*(-dirty)?\)", run_tickd("--version").stdout)
    return found[1][:7] + (found[2] or "") if found else "unknown"


def _postgresql():
    done = subprocess.run([os.path.join(pg.bindir(), "postgres"), "--version"], text=True,
                          stdout=subprocess.PIPE, check=False)
    return done.stdout.split()[2] if done.stdout else "unknown"
