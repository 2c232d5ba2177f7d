"""Charts of block characters: numbers over time, with what is not known left open. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from textual.content import Content

BLOCKS = " ▁▂▃▄▅▆▇█"
GAP = "·"
# Where there is no colour, the glyphs alone tell the parts of a bar from one another.
PARTS = ("█", "▓", "▒", "░", "▚", "▪", "·")
PART_STYLES = ("$primary", "$accent", "$secondary", "$success", "$warning", "$error", "$text-muted")
STEPS = (1, 5, 15, 60, 300, 900, 3600, 21600, 86400)  # seconds
PATIENCE = 15  # seconds for which a step may go on unseen

Point = tuple[float, float | None]  # seconds since the epoch, value


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The last ``width`` values, an unknown one as a dot; the highest leaves a gap to the line above."""
    shown = list(values)[-width:]
    top = max((value for value in shown if value is not None), default=0.0)
    line = "".join(GAP if value is None else _block(value, top) for value in shown)
    return line.rjust(width)


def _block(value: float, top: float) -> str:
    # A zero is the lowest block, as an empty place would read as "unknown".
    return BLOCKS[max(1, round(value / top * 7))] if top > 0 else BLOCKS[1]


def over_time(points: Sequence[Point], width: int) -> tuple[list[float | None], int]:
    """A value for each of ``width`` columns of time, the newest at the right, and a step's seconds.

    A step is a round number of seconds, begins at a multiple of itself and is one to three columns wide, so
    that the picture moves only when a step is over; a short one is shown when it is over. A step without a
    value goes on with the last one, but not over a hole much longer than the usual distance between values.
    """
    known = [(at, value) for at, value in points if value is not None]
    if not known or width < 1:
        return [None] * max(0, width), STEPS[0]
    times = [at for at, _ in known]
    usual = median([b - a for a, b in pairwise(times)] or [1.0])
    span = times[-1] - times[0]
    step = next((step for step in STEPS if step * (width - 1) >= span), STEPS[-1])
    wide = max(1, min(3, width // (int(span // step) + 2)))
    dense = usual < step
    last = int(times[-1] // step) - (1 if dense and step < PATIENCE and span >= step else 0)
    # The history is bounded: where a step holds many values, its first one may have lost some of them.
    told = max(1, int(span // step) - 1) if dense else last - int(times[0] // step) + 1
    first = last - min(width // wide, told) + 1
    steps: list[float | None] = [None] * max(1, last - first + 1)
    for at, value in known:
        if first <= int(at // step) <= last:
            column = int(at // step) - first
            steps[column] = max(value, steps[column] or 0.0)
    shown = [value for value in _held(steps, max(1, int(2.5 * usual / step))) for _ in range(wide)]
    return [*[None] * (width - len(shown)), *shown][-width:], step


def _held(steps: Sequence[float | None], most: int) -> list[float | None]:
    """``steps`` in which a value stands for at most so many unknown ones after it."""
    held, since = list(steps), None
    for place, value in enumerate(steps):
        if value is not None:
            since = place
        elif since is not None and place - since <= most:
            held[place] = steps[since]
    return held


def highest(*series: Sequence[float | None]) -> float:
    """The top of a scale on which all of them can be compared."""
    return max((value for values in series for value in values if value is not None), default=0.0)


def chart(values: Sequence[float | None], height: int, style: str, top: float) -> list[Content]:
    """``values`` as columns of blocks in ``height`` lines, top first, on a scale from zero to ``top``."""
    lines = []
    for row in range(height - 1, -1, -1):
        glyphs = []
        for value in values:
            if value is None:
                glyphs.append(GAP if row == 0 else " ")
                continue
            eighths = round(value / top * 8 * height) if top > 0 else 0
            glyphs.append(BLOCKS[max(0 if row else 1, min(8, eighths - 8 * row))])
        lines.append(Content.styled("".join(glyphs), style))
    return lines


def stacked(parts: Sequence[tuple[str, float]], width: int) -> Content:
    """One bar in which each part has its share of ``width``, told apart by glyph as well as by colour."""
    total = sum(value for _, value in parts)
    if total <= 0:
        return Content("")
    pieces, done, sum_so_far = [], 0, 0.0
    for number, (_, value) in enumerate(parts):
        sum_so_far += value
        end = round(sum_so_far / total * width)
        pieces.append(Content.styled(PARTS[min(number, 6)] * (end - done), PART_STYLES[min(number, 6)]))
        done = end
    return Content.assemble(*pieces)


def label(seconds: float) -> str:
    """A span of time in few letters: ``45s``, ``12m``, ``3h``, ``2d``."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def short(value: float | None) -> str:
    """A number in at most six characters: ``812``, ``14.2``, ``9.8k``, ``3.1M``; ``?`` for unknown."""
    if value is None:
        return "?"
    size = abs(value)
    for unit, factor in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if size >= 10 * factor or (unit != "k" and size >= factor):
            scaled = value / factor
            return f"{scaled:.1f}{unit}" if abs(scaled) < 100 else f"{scaled:.0f}{unit}"
    # What is measured keeps its decimal, so that a column does not jump; what is counted has none.
    return f"{value:.0f}" if size >= 100 or not value or isinstance(value, int) else f"{value:.1f}"


def took(ms: float | None) -> str:
    """A duration in at most seven characters: ``85 ms``, ``1.4 s``, ``12.5 m``; ``?`` where it is unknown."""
    if ms is None:
        return "?"
    if ms < 1000:
        return f"{ms:.0f} ms"
    if ms < 100_000:
        return f"{ms / 1000:.1f} s"
    return f"{ms / 60_000:.1f} m" if ms < 6_000_000 else f"{ms / 3_600_000:.1f} h"
