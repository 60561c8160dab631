# SPDX-License-Identifier: MIT
"""What goes wrong and when: a pure function of the seed, the length and the size of the cluster.

Faults stand in lanes. Those of one lane come one after the other, because they are about the same
thing (one cannot stop a database that is stopped); those of different lanes overlap as it happens. After
each storm there is a calm, in which nothing begins: what has not recovered by its end, has not. Every
fifth storm is one of rebalances alone, of which there are few while brokers and members die.
"""

import random
from collections import Counter
from dataclasses import dataclass

SESSION_TIMEOUT_S = 4.0
ROUND_S = 60.0    # of these,
CALM_S = 14.0     # this at the end is calm
GROUP_ROUND = 5   # each of that number has nothing but join_storm
_LATE_S = 2.0
_LEAD_S = 1.0    # the stream has begun by then
_FULL = 0.9    # of a lane's time, at most; the rest are pauses


@dataclass(frozen=True)
class Kind:
    """One kind of fault. seconds: how long it lasts. takes: what doing and undoing it takes besides."""

    name: str
    lane: str
    per_10_minutes: int
    seconds: tuple = (0.0, 0.0)
    takes: float = 0.3


@dataclass(frozen=True)
class Fault:
    """One fault of a schedule. pick: a number for whatever else has to be chosen, e.g. the victim."""

    at: float
    kind: str
    lane: str
    seconds: float
    pick: int

    def __str__(self):
        lasts = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:6.1f} s  {self.kind}{lasts}"


@dataclass(frozen=True)
class Plan:
    """A whole run. static: for each member of the group, whether it is a static one."""

    seed: int
    seconds: float
    brokers: int
    members: int
    static: tuple
    faults: tuple


_ZOMBIE = (SESSION_TIMEOUT_S + 0.7, SESSION_TIMEOUT_S + 3.0)

KINDS = (
    # SIGKILL of a member, started again at once.
    Kind("kill", "kill", 120),
    Kind("kill_at_point", "kill", 30, takes=1.5),
    Kind("kill_mid_copy", "kill", 12, takes=1.0),
    Kind("kill_before_commit", "kill", 12, takes=1.0),
    Kind("kill_at_commit", "kill", 12, takes=1.0),
    Kind("kill_storm", "kill", 6, (4.0, 6.0)),
    # SIGSTOP past the session timeout, while another takes over.
    Kind("zombie", "zombie", 12, _ZOMBIE),
    Kind("zombie_mid_copy", "zombie", 8, _ZOMBIE, 1.0),
    # The group changes.
    Kind("join_and_leave", "group", 42, (1.0, 4.0), 1.0),
    Kind("join_and_die", "group", 16, (1.0, 4.0)),
    Kind("join_storm", "group", 6, (6.0, 8.0), 1.0),
    Kind("restart", "group", 8, takes=1.0),
    Kind("reload", "group", 4),
    # The database goes, hangs, or refuses.
    Kind("pg_immediate", "pg", 28, (0.2, 2.0), 1.0),
    Kind("pg_fast", "pg", 8, (0.2, 2.0), 1.0),
    Kind("pg_kill", "pg", 8, (0.2, 2.0), 1.5),
    Kind("pg_freeze", "pg", 3, (2.0, 5.0)),
    Kind("pg_terminate", "pg", 8),
    Kind("pg_terminate_mid_copy", "pg", 8, takes=1.0),
    Kind("pg_terminate_at_commit", "pg", 8, takes=1.0),
    Kind("pg_backend_stop", "pg", 5, (2.0, 5.0)),
    Kind("pg_lock", "pg", 5, (2.0, 7.0)),
    Kind("pg_deadlock", "pg", 5, (3.0, 5.0)),
    Kind("pg_too_many", "pg", 4, (1.0, 3.0)),
    Kind("pg_read_only", "pg", 4, (1.0, 3.0)),
    Kind("pg_revoke", "pg", 4, (1.0, 3.0), 1.0),
    Kind("pg_rename", "pg", 4, (1.0, 3.0), 1.0),
    Kind("pg_pairs", "pg", 3, (1.0, 2.0)),
    # Brokers go, hang, move.
    Kind("broker_kill", "broker", 12, (0.2, 3.0), 7.0),
    Kind("broker_stop", "broker", 2, (0.2, 3.0), 9.0),
    Kind("broker_freeze", "broker", 3, (3.0, 8.0), 2.0),
    Kind("broker_new_address", "broker", 3, (0.2, 3.0), 7.0),
    Kind("broker_all", "broker", 2, (1.0, 3.0), 8.0),
    # The network between.
    Kind("net_pg_cut", "net", 6),
    Kind("net_pg_blackhole", "net", 5, (2.0, 6.0)),
    Kind("net_pg_slow", "net", 5, (3.0, 6.0)),
    Kind("net_pg_half_close", "net", 5),
    Kind("net_kafka_cut", "net", 6),
    Kind("net_kafka_blackhole", "net", 5, (2.0, 6.0)),
    Kind("net_kafka_slow", "net", 5, (3.0, 6.0)),
    Kind("net_kafka_half_close", "net", 5),
    # What comes out of the topic.
    Kind("poison", "poison", 6, takes=3.0),
)

# Between two faults of a lane at least; else a single broker would be away most of the time.
REST_S = {"broker": 8.0}
# So long before a calm begins nothing of a lane begins any more: what takes long must end in time.
_EARLY_S = {"broker": 7.0}

LANES = tuple(dict.fromkeys(kind.lane for kind in KINDS))


def plan(seed, seconds, brokers=None, members=None, lanes=LANES):
    """The run of that seed. brokers, members: instead of what the seed says."""
    dice = random.Random(f"{seed} world")
    brokers_by_seed, members_by_seed = dice.choice((1, 3)), dice.choice((1, 2, 2, 3, 3))
    members = members or members_by_seed
    sort = dice.choice(("static", "dynamic", "mixed"))
    static = tuple(sort == "static" or (sort == "mixed" and number % 2 == 0)
                   for number in range(members))
    faults = [fault for lane in lanes for fault in _lane(seed, lane, seconds)]
    faults.sort(key=lambda fault: (fault.at, fault.lane))
    return Plan(seed, seconds, brokers or brokers_by_seed, members, static, tuple(faults))


def counts(faults):
    """How many there are of each kind, by name; of whatever has a kind."""
    return dict(sorted(Counter(fault.kind for fault in faults).items()))


def calms(seconds):
    """When each calm begins; the last one is the end of the run."""
    rounds = max(1, round(seconds / ROUND_S))
    each = seconds / rounds
    return [(number + 1) * each - min(CALM_S, each / 4) for number in range(rounds)]


def is_calm(seconds, when, lane=None):
    """True if that is so near a calm that nothing of the lane may begin any more."""
    late = -_EARLY_S[lane] + _LATE_S if lane in _EARLY_S else _LATE_S
    return any(begin + late < when < begin + CALM_S for begin in calms(seconds))


def _lane(seed, lane, seconds):
    # A generator of its own, so that a change in one lane leaves the others as they are.
    dice = random.Random(f"{seed} {lane}")
    ends = [begin - _EARLY_S.get(lane, 0.0) for begin in calms(seconds)]
    begins = [_LEAD_S] + [number * seconds / len(ends) for number in range(1, len(ends))]
    rounds = list(zip(begins, ends))
    mixed = [pair for number, pair in enumerate(rounds, 1) if number % GROUP_ROUND]
    deck = _deck(lane, sum(end - begin for begin, end in mixed), seconds)
    dice.shuffle(deck)
    faults = []
    for number, (begin, end) in enumerate(mixed):
        faults += _storm(dice, lane, deck[number::len(mixed)], begin, end)
    if lane == "group":
        for begin, end in (pair for pair in rounds if pair not in mixed):
            faults += _storm(dice, lane, _join_storms(end - begin), begin, end)
    return faults


def _join_storms(room):
    """As many as there is room for."""
    storm = next(kind for kind in KINDS if kind.name == "join_storm")
    return [storm] * int(room / (storm.seconds[1] + storm.takes))


def _storm(dice, lane, kinds, begin, end):
    """These kinds between begin and end, in this order, with pauses by chance."""
    kinds = [(kind, dice.uniform(*kind.seconds)) for kind in kinds]
    gaps = [dice.expovariate(1.0) for _ in range(len(kinds) + 1)]
    rest = REST_S.get(lane, 0.0)
    spare = max(0.0, end - begin - sum(lasts + kind.takes + rest for kind, lasts in kinds))
    at, faults = begin, []
    for (kind, lasts), gap in zip(kinds, gaps):
        at += gap * spare / sum(gaps)
        if at > end:
            break
        faults.append(Fault(round(at, 2), kind.name, lane, round(lasts, 2), dice.getrandbits(32)))
        at += lasts + kind.takes + rest
    return faults


def _deck(lane, room, seconds):
    """As many of each kind as belong into the time, at least one; in a short time, what fits."""
    often = {kind: max(1, round(kind.per_10_minutes * seconds / 600)) for kind in KINDS
             if kind.lane == lane}
    while sum(count * (sum(kind.seconds) / 2 + kind.takes + REST_S.get(lane, 0.0))
              for kind, count in often.items()) > room * (1.0 if lane in REST_S else _FULL):
        most = max(often, key=lambda kind: (often[kind], kind.seconds[1] + kind.takes))
        if often[most] == 0:
            break
        often[most] -= 1
    return [kind for kind, count in often.items() for _ in range(count)]
