# SPDX-License-Identifier: MIT
"""What is printed of a run, and the one line of JSON that is kept of it."""

import json
import os
import subprocess
import time

from lib import kafka, pg
from lib.schema import ROOT

from . import recovery, schedule

RUNS = os.path.join(ROOT, "docs", "torture-runs.jsonl")

# What a run of 10 minutes is made to reach.
SUMS = ("sigkills", "rebalances", "immediate_stops", "broker_kills", "zombies", "fenced")


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


def measure(diary, watch, plan):
    """Fills in how long each fault was recovered from; seconds for each calm that was one."""
    # What was not done is over as well, but heals nothing.
    done = [entry for entry in diary.entries if entry.done]
    spans = [(entry.began, entry.healed) for entry in done]
    for entry, found in zip(done, recovery.recoveries(spans, watch.samples, watch.ends)):
        entry.recovery = found
    calms = []
    for begin in schedule.calms(plan.seconds):
        healed = max((end for began, end in spans if began < begin + schedule.CALM_S), default=begin)
        if healed < begin + schedule.CALM_S / 3:    # else what was to be healed by then was not
            calms.append(recovery.since(healed, watch.samples, watch.ends))
    return calms


def show_faults(diary):
    say("torture: what was done: begun, healed, and how long until all partitions advanced after it was "
        "healed (~: after the next that came between)")
    for entry in diary.entries:
        healed = f"{entry.healed:6.1f}" if entry.healed is not None else "     ?"
        say(f"    {entry.began:6.1f} {healed}  {entry.fault.kind:24} {entry.note or _after(entry.recovery)}")


def _after(found):
    if found is None or found.seconds is None:
        return "never seen"
    return f"{found.seconds:6.2f} s" + ("" if found.undisturbed else " ~")


def check_recoveries(verdict, diary, calms, plan, limit_s):
    """Times to recover into the facts; against the limit only if there is one."""
    dynamic = not all(plan.static)
    times = {False: [], True: []}    # after SIGKILL of a dynamic member: True
    for entry in diary.entries:
        if entry.recovery is not None and entry.recovery.seconds is not None:
            times[dynamic and entry.fault.lane in ("kill", "group")].append(entry.recovery.seconds)
    facts = verdict.facts
    for name, values in (("recovery", times[False]), ("recovery_kill", times[True])):
        for share in (50, 99):
            facts[f"{name}_p{share}_s"] = _rounded(recovery.percentile(values, share / 100))
    facts["calms_s"] = [_rounded(seconds) for seconds in calms]
    if limit_s:
        # What came last before a calm may have been a SIGKILL.
        slow = limit_s + (schedule.SESSION_TIMEOUT_S if dynamic else 0)
        verdict.check(f"recovered within {limit_s:g} s (p99)", (facts["recovery_p99_s"] or 0) < limit_s,
                      f"{facts['recovery_p99_s']} s of {len(times[False])}")
        verdict.check(f"where dynamic members are killed, within {limit_s + schedule.SESSION_TIMEOUT_S:g} s",
                      (facts["recovery_kill_p99_s"] or 0) < slow,
                      f"{facts['recovery_kill_p99_s']} s of {len(times[True])}")
        verdict.check(f"recovered within {slow:g} s in each calm",
                      all(seconds is not None and seconds < slow for seconds in calms),
                      facts["calms_s"])


def _rounded(seconds):
    return None if seconds is None else round(seconds, 2)


def line(plan, rate, settings, tally, diary, verdict):
    """The record of a run."""
    facts = {key: value for key, value in verdict.facts.items() if key != "kinds"}
    not_done = sum(not entry.done for entry in diary.entries)
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()), "commit": _commit(), "seed": plan.seed,
        "minutes": round(plan.seconds / 60, 2), "rate": rate, "brokers": plan.brokers,
        "members": plan.members, "static": sum(plan.static), "settings": settings,
        "kafka": kafka.version(), "postgresql": _postgresql(),
        "faults": schedule.counts(entry.fault for entry in diary.entries if entry.done),
        "not_done": not_done, **{name: tally[name] for name in SUMS if name != "rebalances"}, **facts,
        "result": "passed" if verdict.passed else "FAILED: " + "; ".join(verdict.violations),
    }


def show_verdict(record, verdict):
    sums = ", ".join(f"{name.replace('_', ' ')} {record[name]}" for name in SUMS)
    say(f"torture: {sums}; faults that could not be done: {record['not_done']}")
    say(f"torture: recovery p50 {record['recovery_p50_s']} s, p99 {record['recovery_p99_s']} s; "
        f"where dynamic members died p50 "
        f"{record['recovery_kill_p50_s']} s, p99 {record['recovery_kill_p99_s']} s; in each calm: "
        + " ".join("never" if seconds is None else f"{seconds:.1f}" for seconds in record["calms_s"]))
    for what, holds, figures in verdict.checks:
        say(f"{'  ok ' if holds else 'FAIL '} {what}{': ' + figures if figures else ''}")
    say(f"torture: seed {record['seed']}: {record['messages']} messages, {record['lost']} lost, "
        f"{record['twice']} twice: {record['result']}")
    if not verdict.passed:
        say(f"torture: again with TORTURE_SEED={record['seed']} TORTURE_MINUTES={record['minutes']:g}")


def keep(record, path=RUNS):
    """Appends the line to the file of runs."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def _commit():
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=7"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout.strip() or "unknown"


def _postgresql():
    done = subprocess.run([os.path.join(pg.bindir(), "postgres"), "--version"], text=True,
                          stdout=subprocess.PIPE, check=False)
    return done.stdout.split()[2] if done.stdout else "unknown"
