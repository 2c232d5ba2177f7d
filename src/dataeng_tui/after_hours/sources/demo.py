"""A made-up person's year of query history, for looking around. Everywhere it is shown it is marked DEMO.

Ada works in data engineering: mornings of queries, lunch, meetings, Wednesdays left alone to think. Now
and then an evening, one bad week in which a pipeline broke, holidays, a week away. Under her name run, too, a
task at 02:00 and a workbook's extract, which the rules know as machines; and since about three months ago a
new dashboard, which they do not know: it refreshes by the clock, on weekends and while she is away.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from dataeng_tui.after_hours.statement import Statement

USER: Final = "ADA"
WEEKS: Final = 53
# Weeks before this one.
LEAVE_WEEK: Final = 5
DASHBOARD_SINCE: Final = 13
COURSE_SINCE: Final = 12
INCIDENT_WEEK: Final = 23

Span = tuple[int, int]
LUNCH: Final[Span] = (735, 790)  # minutes of the day, as all below
MEETINGS: Final[tuple[tuple[Span, ...], ...]] = (
    ((570, 600), (840, 900)),
    ((570, 585), (900, 945)),
    (),
    ((570, 585), (660, 720), (870, 930)),
    ((570, 585), (930, 990)),
)
PACE: Final = (16.0, 14.0, 9.0, 17.0, 20.0)  # minutes between two bursts of statements, Monday to Friday
EVENINGS: Final = (0.10, 0.42, 0.12, 0.38, 0.04, 0.03, 0.16)  # how likely one is, Monday to Sunday
REFRESHES: Final = (7 * 60 + 10, 18 * 60 + 10, 19 * 60 + 10, 20 * 60 + 10)
WORKSHEET: Final = ("Snowflake Web App (snowsight_worksheet)", "Go 1.14.1", "ANALYST_WH", "ANALYST", "")
EDITOR: Final = ("DBeaver_SQLEditor", "JDBC 3.23.1", "ANALYST_WH", "ANALYST", "")
DBT: Final = ("dbt", "PythonConnector 3.15.0", "TRANSFORM_WH", "TRANSFORMER", '{"app": "dbt"}')
NOTEBOOK: Final = ("Snowflake Web App (snowsight_notebook)", "Go 1.14.1", "SANDBOX_WH", "ANALYST", "")
TASK: Final = ("", "", "COMPUTE_SERVICE_WH_USER_TASKS_POOL_XSMALL_0", "TRANSFORMER", "")
EXTRACT: Final = ("tabprotosrv", "ODBC 3.4.1", "BI_WH", "REPORTER", '{"tableau-query-origins": ["weekly"]}')
DASHBOARD: Final = ("pulse-board", "JavaScript 1.15.0", "BI_WH", "PULSE_READER", "pulse")
Program = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class DemoHistory:
    """What a history has, and what the person's settings would say."""

    user: str
    statements: tuple[Statement, ...]
    leave: frozenset[date]
    holidays: Mapping[date, str]


def demo_history(now: datetime, zone: tzinfo, seed: int = 2022) -> DemoHistory:
    """The year up to ``now`` (aware), on the wall clock of ``zone``; the same for the same arguments."""
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    first = monday - timedelta(weeks=WEEKS)
    away = monday - timedelta(weeks=LEAVE_WEEK)
    leave = frozenset(away + timedelta(days=number) for number in range(5))
    holidays = {day: name for year in {first.year, today.year} for day, name in _holidays(year).items()}
    writer = _Writer(random.Random(seed), zone)
    for number in range((today - first).days + 1):
        day = first + timedelta(days=number)
        weeks_ago = WEEKS - number // 7
        writer.begin(day)
        if not (away <= day < away + timedelta(days=7) or day in holidays):
            _habits(writer, day.weekday(), weeks_ago)
        _machines(writer, day.weekday(), weeks_ago)
    writer.rows.sort(key=lambda statement: statement.start)
    return DemoHistory(USER, tuple(row for row in writer.rows if row.start <= now), leave, holidays)


class _Writer:
    """Writes statements of one day after another; times are minutes of the wall's day."""

    def __init__(self, rng: random.Random, zone: tzinfo) -> None:
        self.rng = rng
        self.rows: list[Statement] = []
        self._zone = zone
        self._midnight = datetime.min
        self._session = 0

    def begin(self, day: date) -> None:
        # The offset of midday holds for the whole day: nobody in this story works through a change of clocks.
        midday = datetime.combine(day, time(12), self._zone).astimezone(UTC)
        self._midnight = midday - timedelta(hours=12)
        self._session += 1

    def run(self, minute: float, program: Program, hash_: int, query_type: str = "SELECT") -> None:
        """One statement."""
        name, client, warehouse, role, tag = program
        start = self._midnight + timedelta(milliseconds=int(minute * 60_000))
        number = len(self.rows)
        took = 400 + hash_ * 7919 % 9000
        self.rows.append(
            Statement(
                f"demo-{number:06}",
                start,
                start + timedelta(milliseconds=took),
                USER,
                f"{self._session}{name[:1]}",
                "PERSON",
                role,
                warehouse,
                query_type,
                tag,
                "FAIL" if number % 41 == 40 else "SUCCESS",
                query_type == "SHOW",
                f"{hash_:08x}",
                "",
                name,
                client,
            )
        )

    def work(
        self, start: float, end: float, pace: float, program: Program, breaks: tuple[Span, ...] = ()
    ) -> None:
        """Bursts of one to three statements, ``pace`` minutes apart on average, none in the breaks."""
        rng, at = self.rng, start
        while at < end:
            if not any(low <= at < high for low, high in breaks):
                for number in range(1 + (rng.random() < 0.4) + (rng.random() < 0.15)):
                    # A few queries come again and again; most are asked once.
                    known = rng.random() < 0.3
                    hash_ = rng.randrange(1, 40) if known else rng.getrandbits(32)
                    self.run(at + number * 0.4, program, hash_, "INSERT" if program is DBT else "SELECT")
            at += rng.expovariate(1 / pace)


def _habits(writer: _Writer, weekday: int, weeks_ago: int) -> None:
    rng = writer.rng
    if weeks_ago == INCIDENT_WEEK:
        _incident(writer, weekday)
        return
    if weekday < 5:
        start, end = rng.gauss(548, 9), rng.gauss(1014, 12)
        breaks = (LUNCH, *MEETINGS[weekday])
        writer.run(start, WORKSHEET, 0, "SHOW")
        noon = rng.uniform(600, 800)
        writer.work(start, noon, PACE[weekday], WORKSHEET if rng.random() < 0.6 else EDITOR, breaks)
        writer.work(noon, end, PACE[weekday], EDITOR if rng.random() < 0.5 else DBT, breaks)
        if rng.random() < 0.07:  # an early start
            writer.work(rng.uniform(450, 490), 540, 12, EDITOR)
    if weekday == 1 and weeks_ago <= COURSE_SINCE:  # a course, in a notebook of its own
        writer.work(1200, 1200 + rng.uniform(30, 60), 9, NOTEBOOK)
    elif rng.random() < EVENINGS[weekday]:
        begin = rng.uniform(1220, 1270) if weekday < 5 else rng.uniform(600, 1100)
        writer.work(begin, begin + rng.uniform(40, 110), 9, WORKSHEET)


def _incident(writer: _Writer, weekday: int) -> None:
    """The week the orders pipeline broke: long evenings past midnight, and the weekend with it."""
    rng = writer.rng
    if weekday < 5:
        writer.work(rng.gauss(520, 10), 1080, 7, DBT, (LUNCH,))
        writer.work(1170, rng.uniform(1290, 1520), 8, EDITOR)
    elif weekday == 5:
        writer.work(rng.uniform(570, 620), rng.uniform(840, 960), 9, EDITOR, (LUNCH,))


def _machines(writer: _Writer, weekday: int, weeks_ago: int) -> None:
    for number in range(3):
        writer.run(120 + number * 0.6, TASK, 1000 + number, "INSERT")
    if weekday < 5:
        writer.run(390.2, EXTRACT, 1010)
    if weeks_ago < DASHBOARD_SINCE:
        for minute in REFRESHES:
            for number in range(2):
                writer.run(minute + 0.05 + number * 0.1, DASHBOARD, 1020 + number)


def _holidays(year: int) -> dict[date, str]:
    return {
        date(year, 1, 1): "New Year's Day",
        date(year, 5, 1): "May Day",
        date(year, 12, 24): "Christmas Eve",
        date(year, 12, 25): "Christmas Day",
        date(year, 12, 26): "Second day of Christmas",
        date(year, 12, 31): "New Year's Eve",
    }
