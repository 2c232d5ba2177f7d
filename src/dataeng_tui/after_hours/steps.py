"""A step in a series: from one week on the figure is another.

Pettitt's test (A. N. Pettitt, "A Non-Parametric Approach to the Change-Point Problem", Applied Statistics 28,
1979) asks of every place in the series whether what stands before it ranks lower, or higher, than what
stands after. It works on ranks, so one mad week is one week and not a step.

What it cannot do: it looks for *one* change; its power is low near both ends (five weeks at the end of a year
are too few, whatever their height, unless the rest is all alike); and it takes the weeks to be independent: a
figure that drifts from week to week raises more false alarms than ``ALPHA`` says (the bench measures it).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from statistics import fmean, median
from typing import Final

ALPHA: Final = 0.01
# In a shorter series even one that rises every single week stays above ALPHA.
FEWEST: Final = 16
# A level is at least a month.
EDGE: Final = 4


@dataclass(frozen=True, slots=True)
class Step:
    """From ``index`` on (the first value of the new level) the series is higher, or lower.

    ``before`` and ``after`` are the two ``levels``, in the series' unit; ``p`` is Pettitt's.
    """

    index: int
    before: float
    after: float
    p: float

    @property
    def rise(self) -> float:
        """How much higher the new level is; negative for a fall."""
        return self.after - self.before


def pettitt(values: Sequence[float]) -> tuple[int, float]:
    """The most likely place of a change and its approximate p: (index of the first value after it, p).

    The p is Pettitt's. His place, the largest sum, leans to the middle of the series; this one is where the
    sum is largest against its own spread there, with at least ``EDGE`` values on either side. Ties share
    their mean rank, and the variance they take away is taken off, as in the rank-sum test. A series that is
    too short, or all of one value, has no place: (0, 1.0).
    """
    n = len(values)
    if n < 2 * EDGE:
        return 0, 1.0
    ranks, lost = _ranks(values)
    spread = 1 - lost / (n**3 - n)
    if spread <= 0:
        return 0, 1.0
    # sums[t - 1] is the sum of sign(later - earlier) over all pairs that the place t parts.
    sums = [abs(2 * total - t * (n + 1)) for t, total in enumerate(accumulate(ranks[:-1]), start=1)]
    p = 2 * math.exp(-6 * max(sums) ** 2 / ((n**3 + n**2) * spread))
    place = max(range(EDGE, n - EDGE + 1), key=lambda t: sums[t - 1] ** 2 / (t * (n - t)))
    return place, min(1.0, p)


def strongest_step(values: Sequence[float], alpha: float = ALPHA) -> Step | None:
    """The one step that Pettitt's test finds in the whole series, or None."""
    if len(values) < FEWEST:
        return None
    index, p = pettitt(values)
    if p >= alpha:
        return None
    before, after = levels(values, index)
    return Step(index, before, after, p) if before != after else None


def levels(values: Sequence[float], index: int) -> tuple[float, float]:
    """The medians before and from ``index`` on; the means where the medians are equal, as in thin series."""
    before, after = values[:index], values[index:]
    if median(before) != median(after):
        return median(before), median(after)
    return fmean(before), fmean(after)


def _ranks(values: Sequence[float]) -> tuple[list[float], int]:
    """Mean ranks from 1 on, and the sum of t³ - t over the groups of t equal values."""
    ranks = [0.0] * len(values)
    below = lost = 0
    order = sorted(range(len(values)), key=values.__getitem__)
    for _, group in groupby(order, key=values.__getitem__):
        equal = list(group)
        for place in equal:
            ranks[place] = below + (len(equal) + 1) / 2
        below += len(equal)
        lost += len(equal) ** 3 - len(equal)
    return ranks, lost
