"""The made-up history: believable, repeatable, and with something in it to find."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dataeng_tui.after_hours.activity import Activity
from dataeng_tui.after_hours.certainty import Certainty, Rung
from dataeng_tui.after_hours.hours import Report
from dataeng_tui.after_hours.machines import Machines
from dataeng_tui.after_hours.personal import personal_calendar
from dataeng_tui.after_hours.reckoning import report
from dataeng_tui.after_hours.service import AfterHours, Options
from dataeng_tui.after_hours.sources.demo import DASHBOARD, INCIDENT_WEEK, DemoHistory, demo_history
from dataeng_tui.after_hours.traces import Row, certainty, certainty_of

NOW = datetime(2026, 3, 18, 20, 40, tzinfo=UTC)


def year(now: datetime = NOW, zone: str = "Europe/London") -> tuple[DemoHistory, Report, Certainty]:
    history = demo_history(now, ZoneInfo(zone))
    calendar = replace(personal_calendar(zone), leave=history.leave, holidays=history.holidays)
    today = now.astimezone(ZoneInfo(zone)).date()
    made = report(Activity.of(history.statements), calendar, today - timedelta(weeks=52), today)
    return history, made, certainty(made, history.statements)


def test_the_same_for_the_same_arguments() -> None:
    assert demo_history(NOW, ZoneInfo("Asia/Tokyo")) == demo_history(NOW, ZoneInfo("Asia/Tokyo"))


def test_it_ends_now_and_goes_back_a_year() -> None:
    rows = demo_history(NOW, UTC).statements
    assert NOW - timedelta(days=1) < rows[-1].start <= NOW
    assert NOW - rows[0].start > timedelta(days=364)
    assert [row.start for row in rows] == sorted(row.start for row in rows)
    assert len({row.query_id for row in rows}) == len(rows)


@pytest.mark.parametrize("day", range(0, 365, 41))
@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe"])
def test_the_dashboard_is_found_whatever_the_day(day: int, zone: str) -> None:
    _, _, found = year(NOW + timedelta(days=day, hours=day % 24), zone)
    best = found.best
    assert best is not None
    assert best.names[0] == ("program", DASHBOARD[0])
    assert best.rung is Rung.STEP_VANISHES
    assert best.leave_days_run == best.leave_days == 5


def test_a_bystander_is_told_from_it() -> None:
    _, _, found = year()
    rungs = {name: one.rung for one in found.explanations for name in one.names}
    assert rungs["warehouse", "SANDBOX_WH"] is Rung.COINCIDES
    assert rungs["warehouse", "BI_WH"] is Rung.STEP_VANISHES


def test_the_weeks_are_the_reports_own() -> None:
    _, made, found = year()
    hours = {week.start: week.figures.after_hours_minutes / 60 for week in made.weeks}
    assert found.hours == tuple(hours[week] for week in found.weeks)
    assert len(found.weeks) == 51, "the first and the last are not whole"


def test_where_a_history_begins_or_ends_is_no_step() -> None:
    """What one asks for may be longer than what is known: nothing known is not nothing worked."""
    history = demo_history(NOW, UTC)
    begins, ends = NOW - timedelta(weeks=40), NOW - timedelta(weeks=18)
    rows = [row for row in history.statements if begins < row.start < ends]
    today = NOW.date()
    for since, until in ((today - timedelta(weeks=80), None), (None, today + timedelta(weeks=40))):
        made = report(Activity.of(rows), personal_calendar("UTC"), since, until)
        assert certainty(made, rows).step is None


def test_a_long_leave_is_no_step() -> None:
    history = demo_history(NOW, UTC)
    leaves = NOW.date() - timedelta(days=NOW.weekday(), weeks=10)
    away = frozenset(leaves + timedelta(days=number) for number in range(77))
    rows = [
        row
        for row in history.statements
        if row.program != DASHBOARD[0] and (row.start.date() < leaves or Machines().reason(row))
    ]
    untold, told = (
        report(Activity.of(rows), replace(personal_calendar("UTC"), leave=leave))
        for leave in (frozenset[date](), away)
    )
    assert certainty(untold, rows).step is not None
    assert certainty(told, rows).step is None


def test_from_the_history_it_is_the_same_as_from_the_statements() -> None:
    history = demo_history(NOW, ZoneInfo("Europe/London"))
    service = AfterHours(
        Options(demo=True, timezone="Europe/London", work_hours="Mon-Fri 10:00-16:00, Sat 22:00-02:00")
    )
    service.__dict__["_demo"] = history
    service.open()
    made = service.report()
    found = service.certainty(made)
    service.close()
    assert found == certainty(made, history.statements)
    assert found.explanations


def test_where_there_is_no_step_no_row_is_looked_at() -> None:
    history = demo_history(NOW, UTC)
    early = report(
        Activity.of(history.statements), personal_calendar("UTC"), until=NOW.date() - timedelta(weeks=26)
    )

    def none() -> Iterator[Row]:
        raise AssertionError("it was looked at")
        yield

    assert certainty_of(early, none()).step is None


def test_the_rules_know_the_task_and_the_extract_but_not_the_dashboard() -> None:
    history, made, _ = year()
    assert {one.reason for one in made.left_out} == {
        "a serverless task",
        "a Tableau dashboard",
        "generated by the client",
    }
    reasons = Counter(Machines().reason(row) for row in history.statements if row.program == DASHBOARD[0])
    assert set(reasons) == {None}


def test_the_incident_is_the_worst_week_and_leave_is_left_alone() -> None:
    history, made, _ = year()
    worst = max(made.weeks, key=lambda week: week.figures.after_hours_minutes)
    monday = NOW.date() - timedelta(days=NOW.weekday())
    assert worst.start == monday - timedelta(weeks=INCIDENT_WEEK)
    own = {made.calendar.day_of(row.start) for row in history.statements if row.program.startswith("DBeaver")}
    assert not own & history.leave


def test_a_year_takes_little_cpu() -> None:
    began = time.process_time()
    demo_history(NOW, ZoneInfo("Europe/London"))
    assert time.process_time() - began < 0.5, "0.07 s as measured; the screen waits for it in a worker"
