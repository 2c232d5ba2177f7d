"""From activity and a calendar to the report. All of it is arithmetic on sorted slots: no clock, no I/O."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from dataeng_tui.after_hours.activity import Activity, Columns, microseconds
from dataeng_tui.after_hours.calendar import DAY, Calendar, Piece
from dataeng_tui.after_hours.hours import Day, Figures, Now, Report
from dataeng_tui.after_hours.sessions import overlaps, runs

_MINUTE = 60_000_000
_HOUR = 60 * _MINUTE


def report(
    activity: Activity,
    calendar: Calendar,
    since: date | None = None,
    until: date | None = None,
    counting: Collection[str] = (),
    as_of: datetime | None = None,
) -> Report:
    """The figures of the days from ``since`` to ``until``, both included; left out, all there are.

    ``counting`` names machines' reasons whose statements are to count as the person's. ``as_of`` is the
    moment up to which statements would be here if there were any; left out, the last one's.
    """
    activity = activity.counting(counting)
    start, end = _bounds(activity, calendar, since, until)
    pieces = calendar.pieces(start, end)
    tallies: defaultdict[date, _Tally] = defaultdict(_Tally)
    _count_slots(activity, pieces, tallies)
    _count_sessions(activity, pieces, tallies)
    _count_spans(activity, pieces, tallies)
    _count_blog(activity, calendar.clock(start, end, 18), tallies)
    chosen = sorted(d for d, tally in tallies.items() if tally.is_worth_a_row and _between(d, since, until))
    first = since or (chosen[0] if chosen else until or date(1970, 1, 1))
    last = max(first, until or (chosen[-1] if chosen else first))
    days = tuple(Day(d, calendar.kind(d), tallies[d].figures(), calendar.holiday(d)) for d in chosen)
    return Report(
        calendar,
        activity,
        first,
        last,
        days,
        tuple(p for p in pieces if _between(p.day, first, last)),
        _known(activity, calendar, first, last, as_of),
    )


def now(shown: Report, at: datetime) -> Now:
    """What ``at`` is on the person's clock, and today's minutes so far."""
    second = microseconds(at) // 1_000_000
    nearby = shown.calendar.pieces(second - DAY, second + 1)
    piece = nearby[-1]
    begins = piece.start
    for earlier in reversed(nearby):
        if (earlier.day, earlier.part) != (piece.day, piece.part):
            break
        begins = earlier.start
    zone = shown.calendar.zone_on(piece.day)
    today = shown.day(piece.day).figures.after_hours_minutes if shown.is_known(piece.day) else None
    since = datetime.fromtimestamp(begins, UTC).astimezone(zone)
    return Now(at.astimezone(zone), piece.day, piece.part, since, today)


@dataclass(slots=True)
class _Tally:
    """One day in the making; spans are in microseconds."""

    minutes: dict[str, int] = field(default_factory=dict)
    with_machines: int = 0
    statements: int = 0
    machine_statements: int = 0
    session: int = 0
    corrected: int | None = None
    blog: tuple[int, int] | None = None

    @property
    def is_worth_a_row(self) -> bool:
        return bool(self.statements or self.session or self.blog)

    def figures(self) -> Figures:
        return Figures(
            after_hours_minutes=sum(self.minutes.values()),
            evening_minutes=self.minutes.get("evening", 0),
            early_minutes=self.minutes.get("early", 0),
            day_off_minutes=self.minutes.get("day_off", 0),
            session_minutes=self.session / _MINUTE,
            blog_hours=self.blog and round((self.blog[1] // _MINUTE - self.blog[0] // _MINUTE) / 60, 2),
            corrected_hours=None if self.corrected is None else round(self.corrected / _HOUR, 2),
            statements=self.statements,
            machine_statements=self.machine_statements,
            with_machines_minutes=self.with_machines,
        )


Tallies = defaultdict[date, _Tally]


def _count_slots(activity: Activity, pieces: Iterable[Piece], tallies: Tallies) -> None:
    person = Columns(activity.person)
    machines = [Columns(track) for track in activity.machines.values()]
    for piece in pieces:
        ran = sum(columns.statements(piece.start, piece.end) for columns in machines)
        statements = person.statements(piece.start, piece.end) + ran
        if not statements:
            continue
        tally = tallies[piece.day]
        tally.statements += statements
        tally.machine_statements += ran
        if piece.part != "work":
            own = person.slots_between(piece.start, piece.end)
            tally.minutes[piece.part] = tally.minutes.get(piece.part, 0) + 15 * len(own)
            everybody = set(own).union(
                *(columns.slots_between(piece.start, piece.end) for columns in machines)
            )
            tally.with_machines += 15 * len(everybody)


def _count_sessions(activity: Activity, pieces: Iterable[Piece], tallies: Tallies) -> None:
    free = [piece for piece in pieces if piece.part != "work"]
    for piece, _, shared in overlaps(runs(activity.person), free):
        tallies[piece.day].session += shared


def _count_spans(activity: Activity, pieces: Iterable[Piece], tallies: Tallies) -> None:
    person = Columns(activity.person)
    for day, start, end in _stretches(pieces):
        if span := person.span(start, end):
            tallies[day].corrected = (tallies[day].corrected or 0) + span[1] - span[0]


def _stretches(pieces: Iterable[Piece]) -> Iterator[tuple[date, int, int]]:
    """Each unbroken stretch outside working hours; a change of the clocks does not break it."""
    held: Piece | None = None
    start = 0
    for piece in pieces:
        if held and (held.day, held.part) != (piece.day, piece.part):
            if held.part != "work":
                yield held.day, start, held.end
            held = None
        if held is None:
            start = piece.start
        held = piece
    if held and held.part != "work":
        yield held.day, start, held.end


def _count_blog(activity: Activity, evenings: Iterable[tuple[int, int, date]], tallies: Tallies) -> None:
    tracks = [Columns(track) for track in (activity.person, *activity.machines.values())]
    for start, end, day in evenings:
        for columns in tracks:
            if span := columns.span(start, end):
                held = tallies[day].blog or span
                tallies[day].blog = (min(held[0], span[0]), max(held[1], span[1]))


def _bounds(
    activity: Activity, calendar: Calendar, since: date | None, until: date | None
) -> tuple[int, int]:
    """Seconds of UTC that hold all that is asked for, whole days of any zone around it."""
    bounds = activity.bounds
    if bounds is None:
        first = since or until or date(1970, 1, 1)
        return calendar.start_of(first), calendar.start_of(max(first, until or first)) + 3 * DAY
    start = bounds[0] if since is None else calendar.start_of(since)
    end = bounds[1] if until is None else calendar.start_of(until)
    return start - 2 * DAY, max(start, end) + 3 * DAY


def _known(
    activity: Activity, calendar: Calendar, first: date, last: date, as_of: datetime | None
) -> tuple[date, date] | None:
    bounds = activity.bounds
    if bounds is None:
        return None
    begins, ends = (calendar.day_of(datetime.fromtimestamp(at, UTC)) for at in (bounds[0], bounds[1] - 1))
    if as_of is not None:
        ends = max(ends, calendar.day_of(as_of))
    begins, ends = max(begins, first), min(ends, last)
    return (begins, ends) if begins <= ends else None


def _between(day: date, since: date | None, until: date | None) -> bool:
    return (since is None or day >= since) and (until is None or day <= until)
