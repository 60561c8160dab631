# SPDX-License-Identifier: MIT
"""How long it took after each fault until all partitions were written again. Pure.

The stream has recovered from a fault when each partition has advanced since the fault was healed, or has
nothing left to write. A fault is undisturbed if meanwhile no other one lasted or began. Where others were
healed in between, the time counts from the last of them: nothing can recover while the next fault lasts.
"""

import bisect
from dataclasses import dataclass


@dataclass
class Recovery:
    """seconds: None if it was never seen."""

    seconds: float = None
    undisturbed: bool = False


def recoveries(faults, samples, ends):
    """A Recovery for each (began, healed) of faults.

    samples: (when, offsets by partition) as stored, ends: the same of the log's ends; both sorted.
    """
    healed = sorted(fault[1] for fault in faults)
    return [_recovery(fault, faults, healed, samples, ends) for fault in faults]


def since(when, samples, ends):
    """Seconds from then until all partitions had advanced; None if that was not seen."""
    recovered = _recovered(when, samples, ends)
    return None if recovered is None else recovered - when


def percentile(values, share):
    """The smallest value that is not below that share of them; None of none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))] if ranked else None


def _recovery(fault, faults, healed, samples, ends):
    heal = fault[1]
    when = _recovered(heal, samples, ends)
    if when is None:
        return Recovery()
    last = healed[bisect.bisect_left(healed, when) - 1]
    undisturbed = not any(other is not fault and began < when and end > heal for other in faults
                          for began, end in (other,))
    return Recovery(max(0.0, when - max(heal, last)), undisturbed)


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
