# SPDX-License-Identifier: MIT
"""How long it took after each fault until all partitions were written again. Pure.

The stream has recovered from a fault when each partition has advanced since the fault was healed, or has
nothing left to write. A fault is undisturbed if meanwhile no other one lasted or began. Where others were
healed in between, the time counts from the last of them: nothing can recover while the next fault lasts.

Where a dynamic member has ended, Kafka gives its partitions to others when the session timeout has passed,
whatever else was healed meanwhile. Recoveries from which that may have to be awaited are told apart.
"""

import bisect
from dataclasses import dataclass


@dataclass
class Recovery:
    """seconds: None if it was never seen. awaits_member: a dynamic one ended so shortly before the fault
    was healed, or since, that its session may have to run out first."""

    seconds: float = None
    undisturbed: bool = False
    awaits_member: bool = False


@dataclass(frozen=True)
class Seen:
    """What a run has shown. samples: (when, offsets by partition) as stored, ends: the same of the log's
    ends; both sorted. departures: when dynamic members ended; session_s: how long Kafka waits for them."""

    samples: list
    ends: list
    departures: list = ()
    session_s: float = 0.0


def recoveries(faults, seen):
    """A Recovery for each (began, healed) of faults."""
    healed = sorted(fault[1] for fault in faults)
    return [_recovery(fault, faults, healed, seen) for fault in faults]


def since(when, seen):
    """The Recovery from whatever was healed then."""
    return _recovery((when, when), (), [when], seen)


def percentile(values, share):
    """The smallest value that is not below that share of them; None of none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))] if ranked else None


def _recovery(fault, faults, healed, seen):
    heal = fault[1]
    when = _recovered(heal, seen.samples, seen.ends)
    if when is None:
        return Recovery()
    last = healed[bisect.bisect_left(healed, when) - 1]
    undisturbed = not any(other is not fault and began < when and end > heal for other in faults
                          for began, end in (other,))
    awaits_member = any(heal - seen.session_s <= left <= when for left in seen.departures)
    return Recovery(max(0.0, when - max(heal, last)), undisturbed, awaits_member)


def _recovered(heal, samples, ends):
    """When all partitions had advanced since `heal`."""
    at = bisect.bisect_right(samples, heal, key=lambda sample: sample[0])
    base = samples[at - 1][1] if at else ()
    for when, offsets in samples[at:]:
        end = _ends(heal, when, ends)
        if all(_is_past(offsets, base, end, number) for number in range(len(offsets))):
            return when
    return None


def _is_past(offsets, base, end, number):
    advanced = number >= len(base) or offsets[number] > base[number]
    return advanced or (end is not None and offsets[number] >= end[number])


def _ends(heal, when, ends):
    """The log's ends as they were last seen in that time, None if they were not."""
    at = bisect.bisect_right(ends, when, key=lambda sample: sample[0]) - 1
    return ends[at][1] if at >= 0 and ends[at][0] >= heal else None
