"""How a run's batches follow each other: their trigger, and what holds for several in a row. Pure."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median

from dataeng_tui.streams.snapshot import Batch

# A trigger of a processing time begins on its multiples since the epoch, late by little.
_LATE = 0.15
_COMMON = (0.5, 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1200, 1800, 3600)
_ENOUGH = 5


def trigger_seconds(batches: Sequence[Batch]) -> float | None:
    """The trigger interval, from the batches that waited for it; None where none did, or they fit none.

    Spark tells the interval nowhere outside the driver. A batch that was over before the next one began shows
    it: that next one began on a multiple of the interval.
    """
    on_time = [later.at for earlier, later in pairwise(batches) if waited(earlier, later)]
    if len(on_time) < _ENOUGH:
        return None
    gaps = [later - earlier for earlier, later in pairwise(on_time)]
    longest = min(gaps) + _LATE
    fitting = (
        interval
        for interval in sorted(_COMMON, reverse=True)
        if interval <= longest and all(at % interval < min(_LATE, interval / 4) for at in on_time)
    )
    return next(fitting, None)


def waited(earlier: Batch, later: Batch) -> bool:
    """Whether ``later`` is known to have begun some time after the one right before it was over."""
    took = earlier.duration_ms
    if took is None or later.at - earlier.at <= took / 1000 + (took / 20_000 if took > 1000 else 0.05):
        return False
    # Before 3.5 a trigger that finds nothing is told of too, with the number of the batch to come.
    return earlier.id is None or later.id is None or later.id - earlier.id in (0, 1)


def period_seconds(batches: Sequence[Batch]) -> float | None:
    """The usual time from one batch to the next (the median); None below two batches."""
    gaps = [later.at - earlier.at for earlier, later in pairwise(batches)]
    return median(gaps) if gaps else None


def holding(
    batches: Sequence[Batch], bad: Callable[[Batch, Batch | None], bool | None], enter: int, leave: int
) -> Sequence[Batch]:
    """The batches since a condition began to hold, or none where it does not.

    It begins with ``enter`` bad batches in a row and ends with ``leave`` good ones in a row, so that one odd
    batch neither raises nor clears it. ``bad`` is asked with the batch and the one before it, where there is
    one, and gives None for a batch that tells nothing.
    """
    begun: int | None = None
    in_a_row, first = 0, 0
    earlier: Batch | None = None
    for index, batch in enumerate(batches):
        verdict = bad(batch, earlier)
        earlier = batch
        if verdict is None:
            continue
        if verdict == (begun is None):
            if in_a_row == 0:
                first = index
            in_a_row += 1
        else:
            in_a_row = 0
        if in_a_row >= (enter if begun is None else leave):
            begun = first if begun is None else None
            in_a_row = 0
    return () if begun is None else batches[begun:]
