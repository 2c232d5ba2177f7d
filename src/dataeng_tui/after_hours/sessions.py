"""Sessions: runs of a person's statements without a long pause.

About an hour of inactivity ends a session (Halfaker et al., "User session identification based on strong
regularities in inter-activity time", WWW 2015); the other gaps show how much the figure leans on that.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dataeng_tui.after_hours.activity import Track, instant
from dataeng_tui.after_hours.calendar import Piece

GAP: Final = 60
GAPS: Final = (15, 30, 60, 120)
"""Minutes; 15 is the least that slots can tell apart."""
_MINUTE: Final = 60_000_000

Run = tuple[int, int]
"""From the first start to the last, in microseconds of UTC."""


@dataclass(frozen=True, slots=True)
class Session:
    """A run of statements; ``after_hours_minutes`` is the part of it outside working hours."""

    start: datetime
    end: datetime
    after_hours_minutes: float

    @property
    def minutes(self) -> float:
        """Real elapsed minutes from the first start to the last."""
        return (self.end - self.start).total_seconds() / 60


def runs(track: Track, gap: int = GAP) -> list[Run]:
    """The runs whose pauses between starts are at most ``gap`` minutes (at least 15), in order."""
    if not track.slots:
        return []
    longest = gap * _MINUTE
    found: list[Run] = []
    start, end = track.firsts[0], track.lasts[0]
    for first, last in zip(track.firsts, track.lasts, strict=True):
        if first - end > longest:
            found.append((start, end))
            start = first
        end = last
    found.append((start, end))
    return found


def overlaps(found: Sequence[Run], pieces: Iterable[Piece]) -> Iterator[tuple[Piece, Run, int]]:
    """``(piece, run, microseconds they share)`` for sorted runs and sorted pieces."""
    at = 0
    for piece in pieces:
        low, high = piece.start * 1_000_000, piece.end * 1_000_000
        while at < len(found) and found[at][1] <= low:
            at += 1
        ahead = at
        while ahead < len(found) and found[ahead][0] < high:
            start, end = found[ahead]
            if end > start:
                yield piece, found[ahead], min(end, high) - max(start, low)
            ahead += 1


def sessions_touching(found: Sequence[Run], pieces: Sequence[Piece]) -> list[Session]:
    """The sessions with a statement in any of the pieces, each whole, with its part after hours there."""
    if not pieces:
        return []
    low, high = pieces[0].start * 1_000_000, pieces[-1].end * 1_000_000
    after: dict[Run, int] = {run: 0 for run in found if run[0] < high and run[1] >= low}
    for piece, run, shared in overlaps(found, pieces):
        if piece.part != "work":
            after[run] += shared
    return [Session(instant(run[0]), instant(run[1]), shared / _MINUTE) for run, shared in after.items()]
