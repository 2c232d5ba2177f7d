"""Steps of a heatmap: fixed, so that a colour means the same in every range and by every measure."""

from bisect import bisect_left
from typing import Final

BOUNDS: Final = (0, 30, 60, 120, 240)
"""Minutes a day; up to and including each is a step, the last step has no end."""
LABELS: Final = ("none", "to ½ h", "to 1 h", "to 2 h", "to 4 h", "more")


def step(minutes: float) -> int:
    """0 for nothing, then 1 to 5."""
    return bisect_left(BOUNDS, minutes)


def hours_and_minutes(minutes: float) -> str:
    """``2 h 05``, ``45 min``, ``0 min``."""
    whole = round(minutes)
    return f"{whole // 60} h {whole % 60:02}" if whole >= 60 else f"{whole} min"
