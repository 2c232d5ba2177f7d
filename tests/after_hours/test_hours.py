"""The figures against a slow oracle, around every kind of clock change, and the laws they keep."""

import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeng_tui.after_hours.activity import Activity
from dataeng_tui.after_hours.calendar import Calendar, constant_offsets
from dataeng_tui.after_hours.hours import Report
from dataeng_tui.after_hours.personal import personal_calendar
from dataeng_tui.after_hours.reckoning import now, report
from dataeng_tui.after_hours.statement import OWN_TAG, Statement
from tests.after_hours.oracle import Oracle

QUARTER = timedelta(minutes=15)
OFFICE = {day: [(time(9), time(17))] for day in range(5)}
SHORT_FRIDAY = {**{day: [(time(9), time(17, 30))] for day in range(4)}, 4: [(time(9), time(15))]}
NIGHTS = {day: [(time(22), time(6))] for day in range(5)}
LUNCH = {day: [(time(8, 10), time(12)), (time(13), time(16, 40))] for day in range(7)}
RULES = {
    "Mon-Fri 09:00-17:00": OFFICE,
    "Mon-Thu 09:00-17:30, Fri 09:00-15:00": SHORT_FRIDAY,
    "Mon-Fri 22:00-06:00": NIGHTS,
    "08:10-12:00 13:00-16:40": LUNCH,
}
CHANGES = [
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Europe/London", date(2026, 3, 29)),
    ("Europe/London", date(2026, 10, 25)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Asia/Kathmandu", date(2026, 6, 1)),
    ("Antarctica/Troll", date(2026, 3, 29)),
    ("Antarctica/Troll", date(2026, 10, 25)),
    ("Australia/Sydney", date(2026, 4, 5)),
    ("Australia/Sydney", date(2026, 10, 4)),
    ("Pacific/Apia", date(2011, 12, 30)),  # the day that Samoa left out
    ("Pacific/Apia", date(2021, 4, 4)),
]


def statements(starts: list[datetime], machines: list[bool] | None = None) -> list[Statement]:
    flags = machines or [False] * len(starts)
    return [
        Statement(f"q{number}", start, client_generated=flag)
        for number, (start, flag) in enumerate(zip(starts, flags, strict=True))
    ]


def agree(shown: Report, expected: dict[date, dict[str, object]]) -> None:
    for day, figures in expected.items():
        found = shown.day(day).figures
        assert {
            "early": found.early_minutes,
            "evening": found.evening_minutes,
            "day_off": found.day_off_minutes,
            "session": pytest.approx(found.session_minutes, abs=1e-6),
            "blog": found.blog_hours,
            "statements": found.statements,
            "machines": found.machine_statements,
        } == figures, day
    worked = {day for day, figures in expected.items() if figures["statements"]}
    assert worked <= {day.day for day in shown.days} <= set(expected)


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_the_oracle_agrees_around_each_change_of_the_clocks(zone: str, change: date, rules: str) -> None:
    rng = random.Random(f"{zone}{change}{rules}")
    begin = datetime.combine(change - timedelta(2), time(0), UTC)
    starts = [begin + timedelta(seconds=rng.uniform(0, 5 * 86_400)) for _ in range(120)]
    machines = [rng.random() < 0.2 for _ in starts]
    for day_starts in ("04:00", "00:00"):
        calendar = personal_calendar(zone, rules, day_starts)
        oracle = Oracle(zone, RULES[rules], time.fromisoformat(day_starts))
        rows = [(s.query_id, s.start, s.client_generated) for s in statements(starts, machines)]
        agree(report(Activity.of(statements(starts, machines)), calendar), oracle.days(rows))


@pytest.mark.parametrize(
    "zone", ["Africa/Casablanca", "Antarctica/Troll", "Australia/Lord_Howe", "America/Asuncion"]
)
def test_every_change_of_a_zone_is_found(zone: str) -> None:
    start = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
    end = start + 2 * 366 * 86_400
    held = ZoneInfo(zone)
    stretches = list(constant_offsets(held, start, end))
    assert [stretches[0][0], stretches[-1][1]] == [start, end]
    for first, last, offset in stretches:
        for second in (*range(first, last, 3600), last - 1):
            wall = datetime.fromtimestamp(second, held).utcoffset()
            assert wall == timedelta(seconds=offset)


def test_slots_of_utc_are_slots_everywhere() -> None:
    """What all of this stands on: since 2015 every zone is a whole number of quarters away from UTC."""
    moments = [datetime(year, month, 1, tzinfo=UTC) for year in range(2015, 2031) for month in (1, 4, 7, 10)]
    for name in available_timezones():
        zone = ZoneInfo(name)
        assert all(
            (moment.astimezone(zone).utcoffset() or timedelta()) % QUARTER == timedelta(0)
            for moment in moments
        )


def at(text: str, zone: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def minutes(starts: list[datetime], zone: str, rules: str = "Mon-Fri 09:00-17:00") -> Report:
    return report(Activity.of(statements(starts)), personal_calendar(zone, rules))


def test_half_past_one_happens_twice_in_autumn() -> None:
    twice = [at("2026-11-01 01:30", "America/New_York", fold) for fold in (0, 1)]
    assert twice[1] - twice[0] == timedelta(hours=1)
    shown = minutes(twice, "America/New_York")
    assert [(day.day, day.figures.day_off_minutes) for day in shown.days] == [(date(2026, 10, 31), 30)]
    assert shown.totals.session_minutes == 60


def test_an_hour_that_the_clocks_leave_out_is_not_worked() -> None:
    shown = minutes(
        [at("2026-03-08 01:50", "America/New_York"), at("2026-03-08 03:10", "America/New_York")],
        "America/New_York",
    )
    assert shown.totals.session_minutes == 20


def test_an_evening_goes_past_midnight_and_past_new_year() -> None:
    starts = [datetime(2026, 1, 1, 3, 50, tzinfo=UTC), datetime(2026, 1, 1, 5, 10, tzinfo=UTC)]
    shown = minutes([starts[0], datetime(2026, 1, 1, 4, 30, tzinfo=UTC), starts[1]], "America/New_York")
    (day,) = shown.days
    assert day.day == date(2025, 12, 31)
    assert (day.figures.evening_minutes, day.figures.session_minutes) == (45, 80)
    assert day.figures.blog_hours == 0.67  # the blog's own figure stops at midnight
    assert day.figures.corrected_hours == 1.33


def test_the_blogs_figure_starts_at_six_and_counts_the_quiet() -> None:
    starts = [at(f"2026-03-12 {clock}", "Europe/London") for clock in ("17:59", "18:05", "23:10")]
    (day,) = minutes(starts, "Europe/London").days
    assert day.figures.blog_hours == 5.08
    assert day.figures.after_hours_minutes == 45


def test_the_corrected_span_begins_and_ends_with_the_hours_to_the_minute() -> None:
    """Also where working hours begin or end within a slot: 16:42 is after 16:40, and 08:12 after 08:10."""
    starts = [at(f"2026-03-12 {clock}", "Europe/London") for clock in ("07:30", "08:12", "16:42", "20:42")]
    (day,) = minutes(starts, "Europe/London", "Mon-Fri 08:10-16:40").days
    assert day.figures.corrected_hours == 4
    starts = [at(f"2026-03-12 {clock}", "Europe/London") for clock in ("16:39", "08:11", "12:03")]
    (day,) = minutes(starts, "Europe/London", "Mon-Fri 08:10-12:00 12:10-16:40").days
    assert day.figures.corrected_hours == 0


def test_a_sunday_night_in_new_york_is_sundays_though_it_is_monday_in_utc() -> None:
    shown = minutes([datetime(2026, 3, 9, 1, 0, tzinfo=UTC)], "America/New_York")
    assert [(day.day, day.kind, day.figures.blog_hours) for day in shown.days] == [
        (date(2026, 3, 8), "weekend", 0.0)
    ]


def test_weekends_follow_the_rules() -> None:
    calendar = personal_calendar("Asia/Dubai", "Sun-Thu 08:00-16:00")
    assert [calendar.kind(date(2026, 3, day)) for day in (5, 6, 7, 8)] == [
        "workday",
        "weekend",
        "weekend",
        "workday",
    ]


def test_holidays_and_leave_are_days_off() -> None:
    calendar = personal_calendar("Australia/Sydney", holidays="AU-NSW", leave=["2026-02-02..2026-02-06"])
    assert calendar.kind(date(2026, 1, 26)) == "holiday"
    assert calendar.holiday(date(2026, 1, 26)) == "Australia Day"
    assert calendar.kind(date(2026, 2, 4)) == "leave"
    shown = report(Activity.of(statements([at("2026-01-26 10:00", "Australia/Sydney")])), calendar)
    assert shown.totals.day_off_minutes == 15


def test_a_zone_and_hours_may_change_from_a_date_on() -> None:
    changes = [{"from": "2026-03-01", "timezone": "Australia/Sydney", "work_hours": "Mon-Fri 10:00-18:00"}]
    calendar = personal_calendar("Europe/London", changes=changes)
    before = at("2026-02-26 17:30", "Europe/London")
    after = at("2026-03-05 17:30", "Australia/Sydney")
    assert calendar.classify(before) == (date(2026, 2, 26), "evening")
    assert calendar.classify(after) == (date(2026, 3, 5), "work")
    assert (calendar.zone.key, calendar.work_hours) == ("Australia/Sydney", "Mon-Fri 10:00-18:00")


@pytest.mark.parametrize(
    ("before", "after", "part"),
    [("22:00-06:00", "09:00-17:00", "work"), ("09:00-17:00", "22:00-06:00", "early")],
)
def test_the_last_night_shift_of_the_old_hours_ends_as_it_began(before: str, after: str, part: str) -> None:
    """A shift belongs to the day on which it begins, and so do the hours that hold for it."""
    calendar = personal_calendar("UTC", before, changes=[{"from": "2026-03-03", "work_hours": after}])
    assert calendar.classify(at("2026-03-03 05:00", "UTC")) == (date(2026, 3, 3), part)


def test_machines_are_left_out_and_shown_beside_it() -> None:
    when = at("2026-03-12 20:00", "UTC")
    rows = [
        Statement("1", when),
        Statement("2", when + timedelta(hours=1), warehouse="COMPUTE_SERVICE_WH_USER_TASKS_POOL_XS_1"),
        Statement("3", when, user_type="LEGACY_SERVICE"),
        Statement("4", when, tag=OWN_TAG),
    ]
    shown = report(Activity.of(rows), personal_calendar("UTC"))
    totals = shown.totals
    assert (totals.statements, totals.machine_statements, totals.after_hours_minutes) == (3, 2, 15)
    assert totals.with_machines_minutes == 30
    assert [(o.reason, o.statements, o.minutes) for o in shown.left_out] == [
        ("a serverless task", 1, 15),
        ("not a person's user", 1, 0),
    ]
    counted = report(Activity.of(rows), personal_calendar("UTC"), counting=["a serverless task"])
    assert counted.totals.after_hours_minutes == 30


def test_now_is_told_on_the_persons_clock() -> None:
    shown = minutes([at("2026-03-12 20:00", "Europe/London")], "Europe/London")
    present = now(shown, at("2026-03-12 21:40", "Europe/London"))
    assert (present.part, f"{present.at:%H:%M}", f"{present.since:%H:%M}") == ("evening", "21:40", "17:00")
    assert present.minutes_today == 15
    later = now(shown, at("2026-03-13 21:40", "Europe/London"))
    assert later.minutes_today is None, "a file that ends yesterday tells of no evening today"


def test_before_a_move_the_clock_is_that_of_the_old_zone() -> None:
    calendar = personal_calendar(
        "Europe/London", changes=[{"from": "2026-04-01", "timezone": "Australia/Sydney"}]
    )
    present = now(report(Activity(), calendar), at("2026-03-12 21:40", "Europe/London"))
    assert f"{present.at:%H:%M} {present.since:%H:%M}" == "21:40 17:00"
    moved = now(report(Activity(), calendar), at("2026-04-12 21:40", "Australia/Sydney"))
    assert f"{moved.at:%H:%M}" == "21:40"


def test_a_streak_of_free_evenings_is_counted_back_from_yesterday() -> None:
    worked = Activity.of(statements([at(f"2026-03-0{day} 20:00", "UTC") for day in (2, 9)]))
    calendar, synced = personal_calendar("UTC"), at("2026-03-13 08:00", "UTC")
    shown = report(worked, calendar, until=date(2026, 3, 12), as_of=synced)
    assert shown.free_evenings(date(2026, 3, 13)) == 3
    old = report(worked, calendar, until=date(2026, 3, 12))
    assert old.free_evenings(date(2026, 3, 13)) == 0, (
        "a file that ends on the 9th tells of no evening after it"
    )
    nothing = report(Activity(), personal_calendar("UTC"), date(2026, 1, 1), date(2026, 3, 12))
    assert nothing.free_evenings(date(2026, 3, 13)) == 0, "of days that nothing is known of none is free"


def test_days_that_the_history_does_not_tell_of_are_not_known() -> None:
    worked = Activity.of(statements([at(f"2026-03-{day:02} 12:00", "UTC") for day in (4, 20)]))
    shown = report(worked, personal_calendar("UTC"), date(2026, 1, 1), date(2026, 12, 31))
    assert shown.known == (date(2026, 3, 4), date(2026, 3, 20))
    assert [week.start for week in shown.known_weeks] == [date(2026, 3, 9)]
    synced = report(worked, personal_calendar("UTC"), date(2026, 3, 10), as_of=at("2026-03-23 05:00", "UTC"))
    assert synced.known == (date(2026, 3, 10), date(2026, 3, 20))
    assert report(worked, personal_calendar("UTC"), date(2026, 6, 1), date(2026, 6, 2)).known is None


CALENDARS = st.builds(
    personal_calendar,
    st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    st.sampled_from(sorted(RULES)),
    st.sampled_from(["04:00", "00:00", "06:30"]),
)
STARTS = st.lists(
    st.datetimes(datetime(2026, 2, 26), datetime(2026, 3, 12)).map(lambda at: at.replace(tzinfo=UTC)),
    max_size=40,
)
FLAGS = st.lists(st.booleans(), min_size=40, max_size=40)


@given(CALENDARS, STARTS, FLAGS)
@settings(max_examples=60, deadline=None)
def test_the_parts_of_a_day_add_up(calendar: Calendar, starts: list[datetime], flags: list[bool]) -> None:
    shown = report(Activity.of(statements(starts, flags[: len(starts)])), calendar)
    for day in shown.days:
        f = day.figures
        assert f.after_hours_minutes == f.early_minutes + f.evening_minutes + f.day_off_minutes
        assert f.session_minutes <= 60 * (f.corrected_hours or 0) + 60 * 25
        assert f.with_machines_minutes >= f.after_hours_minutes
    assert shown.totals.statements == len(starts)
    assert sum(week.figures.statements for week in shown.weeks) == len(starts)
    assert sum(map(sum, shown.after_hours_punch)) == shown.totals.after_hours_minutes


@given(CALENDARS, STARTS, FLAGS)
@settings(max_examples=60, deadline=None)
def test_a_machines_statement_never_changes_a_persons_minutes(
    calendar: Calendar, starts: list[datetime], flags: list[bool]
) -> None:
    everything = statements(starts, flags[: len(starts)])
    alone = [one for one in everything if not one.client_generated]

    def personal(rows: list[Statement]) -> dict[date, tuple[float, ...]]:
        return {
            day.day: (
                f.early_minutes,
                f.evening_minutes,
                f.day_off_minutes,
                f.session_minutes,
                f.corrected_hours or 0,
            )
            for day in report(Activity.of(rows), calendar).days
            if (f := day.figures).statements > f.machine_statements or f.session_minutes
        }

    assert personal(everything) == personal(alone)


@given(STARTS, FLAGS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_shuffling_and_doubling_rows_changes_nothing(
    starts: list[datetime], flags: list[bool], rng: random.Random
) -> None:
    once = statements(starts, flags[: len(starts)])
    again = once + [row for row in once if rng.random() < 0.5]
    rng.shuffle(again)
    assert Activity.of(again) == Activity.of(once)


@given(STARTS, st.integers(-40, 40))
@settings(max_examples=60, deadline=None)
def test_shifting_all_instants_and_the_zone_shifts_the_days(starts: list[datetime], quarters: int) -> None:
    """The figures do not hang on where UTC's own midnight lies."""
    whole = quarters // 4
    zone = f"Etc/GMT{whole:+d}" if -14 <= whole <= 12 else "UTC"
    offset = ZoneInfo(zone).utcoffset(datetime(2026, 3, 1))
    assert offset is not None
    moved = report(Activity.of(statements([start - offset for start in starts])), personal_calendar(zone))
    still = report(Activity.of(statements(starts)), personal_calendar("UTC"))
    assert [(day.day, day.figures) for day in moved.days] == [(day.day, day.figures) for day in still.days]


@given(STARTS, st.sampled_from([15, 30, 60, 120]))
@settings(max_examples=60, deadline=None)
def test_sessions_of_slots_are_those_of_the_statements(starts: list[datetime], gap: int) -> None:
    from dataeng_tui.after_hours.sessions import runs

    expected: list[list[datetime]] = []
    for start in sorted(starts):
        if expected and start - expected[-1][-1] <= timedelta(minutes=gap):
            expected[-1].append(start)
        else:
            expected.append([start])
    found = runs(Activity.of(statements(starts)).person, gap)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert [(epoch + timedelta(microseconds=a), epoch + timedelta(microseconds=b)) for a, b in found] == [
        (one[0], one[-1]) for one in expected
    ]
