"""The report as a plain table, for a terminal of any kind."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from textwrap import wrap
from typing import Final

from dataeng_tui.after_hours.hours import MEASURES, Day, Figures, Report
from dataeng_tui.after_hours.seen import PLAIN, Seen, step_sentences
from dataeng_tui.after_hours.service import Status
from dataeng_tui.text import clean

_HEADER: Final = (
    "day",
    "",
    "kind",
    "after hours",
    "early",
    "evening",
    "day off",
    "sessions",
    "blog",
    "ran",
    "machines",
)
_WIDTH: Final = 100
_RIGHT: Final = 3  # from this column on, flush right
BLOG_COLUMNS: Final = ("USER_NAME", "AFTER_HOURS", "DAY", "START_DATE", "END_DATE")


def table(
    report: Report,
    status: Status,
    seen: Seen = PLAIN,
    blog: tuple[datetime, list[list[object]]] | None = None,
    problem: str | None = None,
) -> str:
    """The days with what they add up to, each measure's one sentence, what was left out, and the step."""
    lines = [*_heading(report, status, seen), ""]
    rows = [_row(day) for day in report.days]
    lines += _columns([_HEADER, *rows, _totals(report.totals)]) if rows else ["No statements in these days."]
    lines += ["", *_side_by_side(report), *_left_out(report)]
    if seen.found is not None and seen.found.step is not None:
        lines += ["", *(line for told in step_sentences(seen.found) for line in _wrapped(told[1], told[0]))]
    if blog is not None:
        lines += ["", *_as_the_server_gave_it(*blog)]
    for text in (status.note, problem):
        lines += _wrapped(f"Note: {text}") if text else []
    return "\n".join(lines)


def hours_minutes(minutes: float) -> str:
    """``2 h 05``; nothing is a dot."""
    whole = round(minutes)
    return f"{whole // 60} h {whole % 60:02}" if whole else "·"


def _heading(report: Report, status: Status, seen: Seen) -> list[str]:
    who = clean(status.user, 60) or "nobody yet"
    where = f" in {clean(status.account, 60)}" if status.account else ""
    demo = "  DEMO: a made-up year" if status.source == "demo" else ""
    return [
        f"{who}{where}, {report.since} to {report.until}{demo}",
        f"{report.calendar.work_hours} in {report.calendar.zone.key}; "
        f"a day starts at {report.calendar.day_starts:%H:%M}",
        f"by {seen.words}: {hours_minutes(report.totals.minutes(seen.measure.name))}",
    ]


def _row(day: Day) -> tuple[str, ...]:
    f = day.figures
    return (
        day.day.isoformat(),
        f"{day.day:%a}",
        clean(day.holiday, 24) if day.holiday else day.kind,
        hours_minutes(f.after_hours_minutes),
        *_parts(f),
        hours_minutes(f.session_minutes),
        "·" if f.blog_hours is None else f"{f.blog_hours:.2f}",
        str(f.statements),
        str(f.machine_statements or "·"),
    )


def _parts(f: Figures) -> tuple[str, ...]:
    return tuple(hours_minutes(m) for m in (f.early_minutes, f.evening_minutes, f.day_off_minutes))


def _totals(f: Figures) -> tuple[str, ...]:
    blog = "·" if f.blog_hours is None else f"{f.blog_hours:.2f}"
    return (
        "total", "", "", hours_minutes(f.after_hours_minutes), *_parts(f), hours_minutes(f.session_minutes),
        blog, str(f.statements), str(f.machine_statements or "·"),
    )  # fmt: skip


def _columns(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if n >= _RIGHT else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _side_by_side(report: Report) -> Iterable[str]:
    for measure in MEASURES:
        figure = hours_minutes(report.totals.minutes(measure.name))
        yield from _wrapped(f"{measure.title}: {figure}. {measure.sentence}")
    gaps = ", ".join(f"{gap} min {hours_minutes(minutes)}" for gap, minutes in report.sensitivity.items())
    yield f"Sessions by the pause that ends them: {gaps}."


def _left_out(report: Report) -> Iterable[str]:
    if report.left_out:
        yield (
            f"Left out as run by machines (with them the slots would come to "
            f"{hours_minutes(report.totals.with_machines_minutes)}):"
        )
    for one in report.left_out:
        yield f"  {clean(one.reason, 60)}: {_statements(one.statements)}, {hours_minutes(one.minutes)}"


def _statements(count: int) -> str:
    return "1 statement" if count == 1 else f"{count} statements"


def _wrapped(text: str, depth: int = 0) -> list[str]:
    first, rest = "  " * depth, "  " * (depth + 1)
    return wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _as_the_server_gave_it(at: datetime, rows: list[list[object]]) -> Iterable[str]:
    yield f"The blog's SQL, run as written on the server {at:%Y-%m-%d %H:%M} UTC, in the session's zone:"
    if rows:
        yield from _columns([BLOG_COLUMNS, *([clean(value, 40) for value in row] for row in rows)])
    else:
        yield "  no rows"
