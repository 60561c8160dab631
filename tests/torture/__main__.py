# SPDX-License-Identifier: MIT
"""Runs one torture to its verdict. Environment: see mk/torture.mk. Exit codes: 0 all held, 1 not, 2 usage,
130 interrupted."""

import glob
import os
import random
import shutil
import signal
import sys
import time

from lib import kafka, pg, proc
from lib.schema import ROOT
from lib.scratch import Scratch

from . import proof, report, schedule, table
from .faults import Lane
from .watch import Diary, Watch
from .world import World

_LOG_BYTES = 64 * 1024 * 1024
_PROGRESS_S = 10.0


def main():
    options = _options()
    reason = pg.missing() or kafka.missing()
    if reason:
        sys.exit(f"torture: {reason}")
    plan = schedule.plan(options["seed"], options["minutes"] * 60, options["brokers"], options["members"],
                         options["lanes"])
    report.show_plan(plan, options["rate"], options["settings"])
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    scratch = Scratch()
    try:
        record = run(plan, scratch, options)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        proc.stop_all()
        scratch.remove()
    sys.exit(0 if record["result"] == "passed" else 1)


def run(plan, scratch, options):
    """One run; the record of it. Prints as it goes."""
    with World(plan, scratch, options["rate"], options["settings"]) as world:
        world.make_recording()
        fds_at_rest = {member.name: member.daemon.child.fd_count() for member in world.members}
        world.began = time.monotonic()
        diary, watch = Diary(world.now), Watch(world)
        watch.start()
        world.start_stream()
        _break_everything(world, plan, diary, watch)
        report.say(f"torture: all is healed after {world.now():.0f} s; waiting for the rest")
        verdict = proof.prove(world, watch, fds_at_rest)
        calms = report.measure(diary, watch, world)
        report.show_faults(diary)
        report.check_faults(verdict, diary, plan, options["recovery_s"])
        report.check_recoveries(verdict, diary, calms, options["recovery_s"])
        record = report.line(plan, options["rate"], options["settings"], world.tally, diary, verdict)
        report.show_verdict(record, verdict)
        if not verdict.passed:
            _keep_logs(world, plan)
    if options["record"]:
        report.keep(record)
        table.update()
    return record


def _break_everything(world, plan, diary, watch):
    lanes = [Lane(world, faults, diary) for lane in schedule.LANES
             if (faults := [fault for fault in plan.faults if fault.lane == lane])]
    for lane in lanes:
        lane.start()
    try:
        while not all(lane.done.is_set() for lane in lanes) or world.streaming():
            _progress(diary, watch, world)
            for lane in lanes:
                lane.done.wait(_PROGRESS_S / len(lanes))
            if all(lane.done.is_set() for lane in lanes):
                time.sleep(0.2)
    except KeyboardInterrupt:
        world.hurry.set()
        raise


_shown = 0.0


def _progress(diary, watch, world):
    global _shown
    now = world.now()
    if now - _shown < _PROGRESS_S:
        return
    _shown = now
    stored = sum(watch.samples[-1][1]) if watch.samples else 0
    behind = sum(watch.ends[-1][1]) - stored if watch.ends else 0
    report.say(f"    {now:6.1f} s  {len(diary.entries)} faults, {world.tally['sigkills']} SIGKILLs, "
               f"{stored} messages stored, {max(behind, 0)} behind")


def _keep_logs(world, plan):
    """What a failed run leaves to be looked at: build/torture/SEED."""
    target = os.path.join(ROOT, "build", "torture", str(plan.seed))
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    named = [(member.daemon.log, member.name) for member in world.everybody()]
    named += [(world.cluster.log, "postgresql")]
    named += [(broker.log, f"kafka-{broker.node}") for broker in world.kafka.brokers]
    for path, name in named:
        if os.path.getsize(path) < _LOG_BYTES:
            shutil.copyfile(path, os.path.join(target, name + ".log"))
    for path in glob.glob(os.path.join(os.path.dirname(world.journal), "*.json")):
        shutil.copy(path, target)
    report.say(f"torture: logs are in {target}")


def _options():
    try:
        settings = dict(word.split("=", 1) for word in os.environ.get("TORTURE_SET", "").split())
        return {
            "seed": int(os.environ.get("TORTURE_SEED") or random.SystemRandom().randrange(1, 10**6)),
            "minutes": float(os.environ.get("TORTURE_MINUTES") or 10),
            "rate": int(os.environ.get("TORTURE_RATE") or 400),
            "brokers": _small("TORTURE_BROKERS"),
            "members": _small("TORTURE_MEMBERS"),
            "lanes": os.environ.get("TORTURE_LANES", "").split() or schedule.LANES,
            "recovery_s": float(os.environ.get("TORTURE_RECOVERY_S") or 0),
            "record": os.environ.get("TORTURE_RECORD") == "1",
            "settings": settings,
        }
    except ValueError as problem:
        print(f"torture: {problem}", file=sys.stderr)
        sys.exit(2)


def _small(name):
    return int(os.environ[name]) if os.environ.get(name) else None


main()
