# SPDX-License-Identifier: MIT
"""make torture in its short form, and the parts of it that can be judged without a server."""

import os
import random
import signal
import subprocess
from collections import Counter
from types import SimpleNamespace

import pytest

from lib import kafka, pg
from lib.need import need
from lib.schema import ROOT
from torture import proof, recovery, report, schedule, table
from torture.watch import Diary
from torture.world import Member

# Whatever a run of 10 minutes must come to, so that five of them come to enough.
SEEDS = range(1, 30)
MINUTES = 3


@pytest.mark.early
def test_nothing_is_lost_and_nothing_twice_while_everything_breaks(scratch):
    need("KAFKA", pg.missing() or kafka.missing())
    seed = os.environ.get("TORTURE_SEED") or str(random.SystemRandom().randrange(1, 10**6))
    env = {**os.environ, "TORTURE_SEED": seed, "TORTURE_MINUTES": str(MINUTES), "TORTURE_RATE": "250",
           "TORTURE_RECOVERY_S": "0", "TORTURE_RECORD": ""}
    done = subprocess.run([os.path.join(ROOT, "scripts", "torture")], env=env, check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout


def test_same_seed_gives_the_same_schedule():
    for seed in SEEDS:
        assert schedule.plan(seed, 600) == schedule.plan(seed, 600)


def test_another_seed_gives_another_schedule():
    assert len({schedule.plan(seed, 600).faults for seed in SEEDS}) == len(SEEDS)


def test_what_is_asked_for_does_not_change_the_rest():
    plan = schedule.plan(5, 600)
    other = schedule.plan(5, 600, brokers=4 - plan.brokers, members=1)
    assert other.faults == plan.faults and other.members == len(other.static) == 1


@pytest.mark.parametrize("seconds", [180, 600])
def test_every_kind_of_fault_is_in_a_run(seconds):
    for seed in SEEDS:
        assert set(schedule.counts(schedule.plan(seed, seconds).faults)) == {
            kind.name for kind in schedule.KINDS}


def test_faults_of_a_lane_follow_each_other():
    takes = {kind.name: kind.takes for kind in schedule.KINDS}
    for seed in SEEDS:
        for lane in schedule.LANES:
            free_at = 0
            for fault in schedule.plan(seed, 600, lanes=(lane,)).faults:
                assert fault.lane == lane and fault.at >= free_at - 0.05, fault
                free_at = fault.at + fault.seconds + takes[fault.kind]


def test_nothing_begins_in_a_calm():
    for seconds in (60, 180, 600):
        for seed in SEEDS:
            faults = schedule.plan(seed, seconds).faults
            assert not [fault for fault in faults if schedule.is_calm(seconds, fault.at)]
            assert max(fault.at for fault in faults) < seconds


def test_ten_minutes_hold_enough_of_what_kills():
    for seed in SEEDS:
        counts = schedule.counts(schedule.plan(seed, 600).faults)
        kills = sum(count for kind, count in counts.items() if kind.startswith("kill_") or kind == "kill")
        assert kills - counts["kill_storm"] + 10 * counts["kill_storm"] >= 220
        brokers = counts["broker_kill"] + counts["broker_new_address"] + counts["broker_all"]
        assert counts["pg_immediate"] >= 22 and brokers >= 12 and counts["join_storm"] >= 12
        assert counts["zombie"] + counts["zombie_mid_copy"] >= 12


# --- how long it took

SAMPLES = [(0.0, (5, 5)), (1.0, (6, 5)), (2.0, (7, 6)), (3.0, (7, 6)), (6.0, (8, 7))]


def seen(ends=(), departures=()):
    return recovery.Seen(SAMPLES, list(ends), departures, session_s=4.0)


def recover(faults, ends=()):
    return [(one.seconds, one.undisturbed) for one in recovery.recoveries(faults, seen(ends))]


def test_recovered_when_each_partition_has_advanced():
    assert recover([(0.2, 0.5)]) == [(1.5, True)]


def test_not_recovered_unless_each_has():
    assert recover([(2.0, 6.5)]) == [(None, False)]


def test_what_has_nothing_left_to_write_has_recovered():
    assert recover([(2.0, 2.5)], [(2.7, (7, 6))]) == [(0.5, True)]


def test_old_ends_prove_nothing():
    assert recover([(2.0, 2.5)], [(1.0, (7, 6))]) == [(3.5, True)]


def test_time_counts_from_the_last_of_those_that_disturb():
    assert recover([(2.0, 2.5), (2.6, 4.0)]) == [(2.0, False), (2.0, True)]


def test_fault_that_lasts_disturbs_but_is_not_waited_for():
    assert recover([(0.2, 0.5), (0.1, 9.0)])[0] == (1.5, False)


@pytest.mark.parametrize("left, awaits", [(-3.6, False), (-3.4, True), (0.4, True), (1.9, True), (2.1, False)])
def test_member_is_awaited_if_it_left_within_its_session_or_since(left, awaits):
    found, = recovery.recoveries([(0.2, 0.5)], seen(departures=[left]))
    assert (found.seconds, found.awaits_member) == (1.5, awaits)
    assert recovery.since(0.5, seen(departures=[left])).awaits_member is awaits


def test_percentiles_are_values_that_were_seen():
    values = list(range(1, 101))
    assert (recovery.percentile(values, 0.5), recovery.percentile(values, 0.99)) == (51, 100)
    assert recovery.percentile([3], 0.99) == 3 and recovery.percentile([], 0.5) is None


# --- what a run is judged by


def diary_of(*entries):
    """Of (kind, note, recovery) or (kind, note, recovery, instead)."""
    diary = Diary(lambda: 1.0)
    for kind, note, found, *instead in entries:
        entry = diary.begin(schedule.Fault(0.0, kind, "kill", 0.0, 0))
        diary.end(entry, note, *instead)
        entry.recovery = found
    return diary


def plan_of(diary, more=0):
    return SimpleNamespace(faults=[entry.fault for entry in diary.entries] + [None] * more)


def took(seconds, awaits_member=False):
    return recovery.Recovery(seconds, True, awaits_member)


def faults_verdict(diary, more=0, limit_s=10.0):
    verdict = proof.Verdict()
    report.check_faults(verdict, diary, plan_of(diary, more), limit_s)
    return verdict.violations


def recoveries_verdict(diary, calms=()):
    verdict = proof.Verdict()
    report.check_recoveries(verdict, diary, calms, 10.0)
    return verdict


def test_moment_that_did_not_come_counts_as_the_plain_kind():
    diary = diary_of(("kill_mid_copy", "", took(1.0), "kill"), ("kill_mid_copy", "", took(1.0)),
                     ("kill_mid_copy", "not done: nobody", None))
    assert schedule.counts(entry for entry in diary.entries if entry.done) == {"kill": 1, "kill_mid_copy": 1}


def test_a_tenth_of_the_faults_may_be_left_undone():
    done = [("kill", "", took(1.0))] * 9
    assert faults_verdict(diary_of(*done, ("kill", "not done: nobody", None))) == []
    assert faults_verdict(diary_of(*done), more=1) == []
    undone = diary_of(*done, ("kill", "not done: nobody", None))
    assert faults_verdict(undone, more=1) == ["the faults were done"]


def test_half_of_them_may_where_times_are_not_judged():
    done = diary_of(("kill", "", took(1.0)))
    assert faults_verdict(done, more=1, limit_s=0) == []
    assert faults_verdict(done, more=2, limit_s=0) == ["the faults were done"]


def test_fault_that_is_never_recovered_from_fails_the_run():
    lost = diary_of(("kill", "", recovery.Recovery()))
    assert faults_verdict(lost) == ["each fault was recovered from"]


def test_session_timeout_is_allowed_where_a_member_is_awaited_and_nowhere_else():
    verdict = recoveries_verdict(diary_of(("pg_fast", "", took(9.0)), ("pg_fast", "", took(13.0, True))),
                                 [took(9.9), took(13.9, True)])
    assert verdict.passed
    assert (verdict.facts["recovery_p99_s"], verdict.facts["recovery_kill_p99_s"]) == (9.0, 13.0)
    assert len(recoveries_verdict(diary_of(("kill", "", took(13.0)))).violations) == 1
    assert len(recoveries_verdict(diary_of(("kill", "", took(14.0, True)))).violations) == 1


@pytest.mark.parametrize("calm", [took(10.1), took(14.1, True), recovery.Recovery()])
def test_calm_that_is_too_slow_fails_the_run(calm):
    assert not recoveries_verdict(diary_of(("kill", "", took(1.0))), [calm]).passed


def test_verify_that_did_not_end_proves_nothing():
    assert proof.judge({}) == {"lost": None, "twice": None}


def test_verify_counts_what_is_lost_and_twice():
    kinds = {name: {"count": number} for number, name in enumerate(
        ("missing", "letter_missing", "extra", "letter_extra", "repeat_stored", "counter_wrong"), 1)}
    assert proof.judge({"kinds": kinds}) == {"lost": 1 + 2, "twice": 3 + 4 + 5}
    assert proof.judge({"kinds": {}}) == {"lost": 0, "twice": 0}


def test_look_that_fails_fails_the_run_and_leaves_the_rest():
    verdict = proof.Verdict()
    verdict.attempt("the books", lambda: 1 // 0)
    verdict.check("the rest", True)
    assert verdict.violations == ["the books could be looked at"] and verdict.facts["lost"] is None


# --- how a member ended


class Daemon:
    """Stands in for lib.daemon.Tickd. dies_of: what kill9 finds it dead of."""

    began = 7

    def __init__(self, code=None, dies_of=-signal.SIGKILL, fenced_at=None):
        self.child = SimpleNamespace(returncode=code)
        self._dies_of = dies_of
        self._fenced_at = fenced_at

    @property
    def alive(self):
        return self.child.returncode is None

    def start(self, *_):
        pass

    def kill9(self):
        self.child.returncode = self._dies_of

    def stop(self):
        self.child.returncode = 0

    def logged(self, _, since):
        return self._fenced_at is not None and self._fenced_at >= since


def member_with(daemon, static=False):
    world = SimpleNamespace(tally=Counter(), deaths=[], departures=[], now=lambda: 3.0)
    member = Member(world, "m", static, daemon, proxy=None)
    member.start()
    return member, world


def test_sigkill_is_counted_once():
    member, world = member_with(Daemon())
    member.kill()
    member.kill()
    assert world.tally == {"sigkills": 1} and world.deaths == [] and world.departures == [3.0]


@pytest.mark.parametrize("daemon", [Daemon(code=-signal.SIGSEGV), Daemon(dies_of=-signal.SIGABRT),
                                    Daemon(code=1), Daemon(code=0), Daemon(code=-signal.SIGKILL)])
def test_death_before_the_kill_is_a_death(daemon):
    member, world = member_with(daemon)
    member.kill()
    assert not world.tally and world.deaths == [(3.0, "m", daemon.child.returncode)]


def test_death_before_the_stop_is_a_death():
    member, world = member_with(Daemon(code=-signal.SIGSEGV))
    member.stop()
    assert world.deaths == [(3.0, "m", -signal.SIGSEGV)]


def test_fence_excuses_an_end_of_the_same_life_only():
    member, world = member_with(Daemon(code=1, fenced_at=8))
    assert member.find_dead() and world.tally == {"fenced": 1} and not world.deaths
    member, world = member_with(Daemon(code=1, fenced_at=6))
    assert member.find_dead() and not world.tally and world.deaths == [(3.0, "m", 1)]


def test_static_member_is_not_awaited():
    member, world = member_with(Daemon(), static=True)
    member.kill()
    assert world.tally == {"sigkills": 1} and not world.departures


# --- the table of runs

RUN = {"seed": 7, "commit": "abc1234", "minutes": 10.0, "brokers": 3, "members": 2, "static": 1,
       "settings": {"writers": "2"}, "faults": {"kill": 200, "pg_fast": 5}, "sigkills": 1234,
       "rebalances": 80, "immediate_stops": 28, "broker_kills": 14, "zombies": 20, "fenced": 1,
       "messages": 240401, "lost": 0, "twice": 0, "recovery_p50_s": 0.4, "recovery_p99_s": 3.21,
       "recovery_kill_p99_s": 6.5,
       "calms_s": [1.5, None, 2.25], "rss_mib": 24.3, "result": "passed"}


def test_table_has_a_row_for_each_run_and_their_sums():
    lines = table.render([RUN, {**RUN, "seed": 8, "members": 1, "static": 0, "settings": {}}]).splitlines()
    assert lines[2] == ("| 7 | abc1234 | 10 | 3 | 2, 1 static | writers=2 | 205 | 1,234 | 80 | 28 | 14 | 20 | 1 "
                        "| 240,401 | 0 | 0 | 0.4 s | 3.2 s | 6.5 s | 2.2 s | 24 MiB | passed |")
    assert lines[3].startswith("| 8 | abc1234 | 10 | 3 | 1 |  | 205 |")
    assert "| **all** |  | 20 |  |  |  | 410 | 2,468 | 160 | 56 | 28 | 40 | 2 | 480,802 | 0 | 0 |" in lines[4]
    assert lines[-1] == "Faults by kind: kill 400, pg fast 10."
    assert len({line.count("|") for line in lines[:5]}) == 1


def test_table_says_what_is_not_proved():
    unknown = {**RUN, "lost": None, "twice": None, "rss_mib": None, "recovery_kill_p99_s": None}
    lines = table.render([RUN, unknown]).splitlines()
    assert "| 240,401 | unproven | unproven | 0.4 s | 3.2 s |  | 2.2 s |  | passed |" in lines[3]
    assert "| 480,802 | 0 and unproven | 0 and unproven |" in lines[4]


def test_page_has_the_runs_that_are_kept():
    with open(table.PAGE, encoding="utf-8") as file:
        text = file.read()
    assert table.write(text, table.read_runs()) == text, "scripts/torture-table"


def test_run_that_is_kept_comes_back(tmp_path):
    path = str(tmp_path / "runs.jsonl")
    assert table.read_runs(path) == []
    report.keep(RUN, path)
    report.keep({**RUN, "seed": 8}, path)
    assert table.read_runs(path) == [RUN, {**RUN, "seed": 8}]
