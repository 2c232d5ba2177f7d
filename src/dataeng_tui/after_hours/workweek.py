"""Working hours as people write them: ``Mon-Thu 09:00-17:30, Fri 09:00-15:00``."""

import re
from dataclasses import dataclass
from datetime import time
from typing import Final

from dataeng_tui.errors import UserError

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME: Final = re.compile(r"^(\d{1,2}):(\d{2})$")
_SPAN: Final = re.compile(r"(\d{1,2}:\d{2})\s*(?:-|–|to)\s*(\d{1,2}:\d{2})")
_EXAMPLE: Final = 'write e.g.  "Mon-Thu 09:00-17:30, Fri 09:00-15:00"  or  "22:00-06:00"'

Span = tuple[int, int]
"""Seconds from the midnight that begins the day; the end is past 86,400 for a shift over midnight."""


@dataclass(frozen=True, slots=True)
class WorkWeek:
    """For each weekday (Monday is 0) its spans of work, sorted; a day without one is a day off."""

    text: str
    spans: tuple[tuple[Span, ...], ...]

    @classmethod
    def parse(cls, text: str) -> "WorkWeek":
        """Rules apart by commas: days (``Mon-Fri``, ``Mon,Wed``; none means every day), then spans of time.

        Raises UserError, naming the part that is not understood.
        """
        found: list[list[Span]] = [[] for _ in DAYS]
        waiting: list[int] = []  # "Mon, Wed 09:00-17:00": the days before the comma wait for the times
        for part in re.split(r"[,;]", text):
            spans = [_span(a, b, part) for a, b in _SPAN.findall(part)]
            names = _SPAN.sub(" ", part).split()
            waiting += [day for name in names for day in _weekdays(name, text)]
            if spans:
                for day in sorted(set(waiting)) or range(7):
                    found[day] += spans
                waiting = []
            elif not names:
                raise UserError(f"The working hours {text!r} have an empty part: {_EXAMPLE}.")
        if waiting:
            raise UserError(f"The working hours {text!r} name days without times: {_EXAMPLE}.")
        return cls(" ".join(text.split()), tuple(tuple(sorted(set(spans))) for spans in found))


def parse_time(text: str, what: str) -> time:
    """``04:00``. Raises UserError that names ``what``."""
    match = _TIME.match(text.strip())
    try:
        if not match:
            raise ValueError
        return time(int(match[1]), int(match[2]))
    except ValueError:
        # TOML's own times come as 04:00:00.
        if re.match(r"^\d{2}:\d{2}:00$", text.strip()):
            return parse_time(text.strip()[:-3], what)
        raise UserError(f"{what} must be a time such as 04:00, not {text!r}.") from None


def _span(first: str, last: str, part: str) -> Span:
    start, end = _seconds(first, part), _seconds(last, part)
    if start == end or start == 86_400:
        raise UserError(f"The working hours {part.strip()!r} begin when they end: {_EXAMPLE}.")
    return (start, end if end > start else end + 86_400)


def _seconds(text: str, part: str) -> int:
    hours, minutes = map(int, text.split(":"))
    if minutes > 59 or hours * 60 + minutes > 24 * 60:
        raise UserError(f"The working hours {part.strip()!r} have no such time as {text}: {_EXAMPLE}.")
    return hours * 3600 + minutes * 60


def _weekdays(name: str, text: str) -> list[int]:
    first, dash, last = name.replace("–", "-").partition("-")
    start = _weekday(first, text)
    end = _weekday(last, text) if dash else start
    return [(start + n) % 7 for n in range((end - start) % 7 + 1)]


def _weekday(name: str, text: str) -> int:
    short = name.lower().rstrip(".")
    for number, day in enumerate(DAYS):
        full = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")[number]
        if (len(short) >= 3 and full.startswith(short)) or short == day:
            return number
    raise UserError(f"The working hours {text!r} have {name!r}, which is no weekday: {_EXAMPLE}.")
