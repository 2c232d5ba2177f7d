"""A person's calendar from plain values, with one sentence for each thing that can be wrong in them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo

from dataeng_tui.after_hours.calendar import Calendar, Holidays, Terms
from dataeng_tui.after_hours.workweek import WorkWeek, parse_time
from dataeng_tui.errors import UserError

_ALWAYS: Final = date.min
_LONGEST_LEAVE: Final = 3 * 366


def personal_calendar(
    timezone: str | None = None,
    work_hours: str = "Mon-Fri 09:00-17:00",
    day_starts: str = "04:00",
    holidays: str | None = None,
    leave: Iterable[str] = (),
    changes: Sequence[Mapping[str, object]] = (),
) -> Calendar:
    """The calendar of these settings; raises UserError.

    ``timezone`` is an IANA name (None: the system's), ``holidays`` a country with or without region
    (``AU-NSW``; several apart by commas), ``leave`` dates or ranges (``2026-07-01..2026-07-10``), and each of
    ``changes`` a table with ``from`` and the ``timezone`` or ``work_hours`` that hold from that date on.
    """
    starts = parse_time(day_starts, "The start of the day")
    if starts.minute % 15:
        raise UserError(f"The start of the day must lie on a quarter of an hour, not {day_starts}.")
    terms = [Terms(_ALWAYS, parse_zone(timezone), WorkWeek.parse(work_hours))]
    for since, change in sorted(((_since(change), change) for change in changes), key=lambda pair: pair[0]):
        if since == terms[-1].since:
            raise UserError(f"There are two changes of zone or hours from {since} on: make them one.")
        zone, week = change.get("timezone"), change.get("work_hours")
        terms.append(
            Terms(
                since,
                parse_zone(str(zone)) if zone else terms[-1].zone,
                WorkWeek.parse(str(week)) if week else terms[-1].week,
            )
        )
    return Calendar(tuple(terms), starts, parse_holidays(holidays), frozenset(_leave(leave)))


def parse_zone(name: str | None) -> ZoneInfo:
    """The zone of an IANA name, or the system's. Raises UserError with the nearest names."""
    from zoneinfo import available_timezones

    if name is None:
        name = _system_zone()
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        pass
    known = {zone.lower(): zone for zone in available_timezones()}
    cities = {zone.rpartition("/")[2]: zone for zone in sorted(known)}
    asked = name.lower().replace(" ", "_")
    close = get_close_matches(asked, known, 1, 0.75) or [
        cities[city] for city in get_close_matches(asked.rpartition("/")[2], cities, 1, 0.75)
    ]
    hint = f" Did you mean {known[close[0]]}?" if close else " Use an IANA name such as Europe/London."
    raise UserError(f"There is no time zone {name!r}.{hint}")


def parse_date(text: str, what: str) -> date:
    """An ISO date of this or the next century. Raises UserError that names ``what``."""
    try:
        found = date.fromisoformat(text.strip())
        if not 2000 <= found.year < 2200:
            raise ValueError
        return found
    except ValueError:
        raise UserError(f"{what} must be a date such as 2026-03-12, not {text!r}.") from None


def parse_holidays(text: str | None) -> Holidays | None:
    """The holidays of a country or region (``AU-NSW``), or of several; raises UserError."""
    if not text or not text.strip():
        return None
    import holidays  # 0.3 s: only for those who use it

    found = None
    for code in text.replace(" ", "").split(","):
        country, _, region = code.upper().partition("-")
        try:
            one = holidays.country_holidays(country, subdiv=region or None)
        except NotImplementedError:
            raise UserError(_unknown_holidays(code, holidays.list_supported_countries())) from None
        found = one if found is None else found + one
    return found


def _unknown_holidays(code: str, supported: Mapping[str, Sequence[str]]) -> str:
    country = code.upper().partition("-")[0]
    if supported.get(country):
        regions = ", ".join(f"{country}-{region}" for region in supported[country][:12])
        return f"There are no holidays known for {code!r}; known are {country} and {regions}."
    return f"There are no holidays known for {code!r}: use a country's code or a region's: AU, AU-NSW."


def _since(change: Mapping[str, object]) -> date:
    unknown = change.keys() - {"from", "timezone", "work_hours"}
    if unknown or "from" not in change or len(change) == 1:
        raise UserError(
            "A change of zone or hours needs `from` (a date), and `timezone` or `work_hours` or both."
        )
    return parse_date(str(change["from"]), "The `from` of a change")


def _leave(entries: Iterable[str]) -> Iterable[date]:
    for entry in entries:
        first, _, last = re.sub(r"\s*(?:\.\.|/| to )\s*", "..", entry).partition("..")
        start = parse_date(first, "A leave day")
        end = parse_date(last, "A leave day") if last else start
        if not start <= end <= start + timedelta(_LONGEST_LEAVE):
            raise UserError(f"The leave {entry!r} ends before it begins, or is longer than three years.")
        yield from (start + timedelta(n) for n in range((end - start).days + 1))


def _system_zone() -> str:
    import tzlocal

    try:
        return str(tzlocal.get_localzone_name())
    except (LookupError, ValueError, OSError):
        raise UserError(
            "The system's time zone is not known: name it, e.g.  --timezone Europe/London"
        ) from None
