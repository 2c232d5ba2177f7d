"""The report as a file: one dispatcher, so that the command line and the screen write the same bytes."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from dataeng_tui.after_hours.hours import MEASURES, Day, Figures, Report
from dataeng_tui.after_hours.picture import picture
from dataeng_tui.after_hours.scale import hours_and_minutes
from dataeng_tui.after_hours.seen import PLAIN, Seen, step_sentences
from dataeng_tui.after_hours.service import Status
from dataeng_tui.errors import UserError
from dataeng_tui.locations import private_file
from dataeng_tui.text import clean

SUFFIXES: Final[Mapping[str, str]] = {
    "table": "txt",
    "json": "json",
    "csv": "csv",
    "markdown": "md",
    "svg": "svg",
}
COLUMNS: Final = (
    "after_hours_minutes",
    "evening_minutes",
    "early_minutes",
    "day_off_minutes",
    "session_minutes",
    "blog_hours",
    "corrected_hours",
    "statements",
    "machine_statements",
    "with_machines_minutes",
)
"""The figures of a row of the CSV, by the names of `Figures`."""


def render(format_: str, report: Report, status: Status, seen: Seen = PLAIN) -> str:
    """The report in one of the formats of `SUFFIXES`."""
    return _RENDERERS[format_](report, status, seen)


def export(
    format_: str, report: Report, status: Status, seen: Seen = PLAIN, folder: Path | None = None
) -> Path:
    """Write the report into ``folder`` (the working one), readable by its owner only; returns the file.

    Raises UserError where that cannot be.
    """
    measure = "" if seen.measure is PLAIN.measure else f"-{seen.measure.name}"
    machines = "-with-machines" if seen.counting else ""
    name = f"after-hours-{report.since}-to-{report.until}{measure}{machines}.{SUFFIXES[format_]}"
    file = (folder or Path.cwd()) / name
    try:
        private_file(file).write_text(render(format_, report, status, seen).rstrip("\n") + "\n", "utf-8")
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}.") from None
    return file


def _csv(report: Report, status: Status, seen: Seen) -> str:
    """A row a day: every measure, then the one that is seen, and on which side of the step the day lies."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("user", "day", "kind", "holiday", *COLUMNS, "measure", "minutes", "machines", "step"))
    for day in report.days:
        figures = [_value(getattr(day.figures, name)) for name in COLUMNS]
        side = "" if seen.step is None else "after" if day.day >= seen.step else "before"
        minutes = _value(day.figures.minutes(seen.measure.name))
        shown = (seen.measure.name, minutes, "counted" if seen.counting else "left out", side)
        writer.writerow((_cell(status.user), day.day, day.kind, _cell(day.holiday or ""), *figures, *shown))
    return out.getvalue().rstrip("\n")


def _value(value: float | None) -> str:
    return "" if value is None else f"{round(value, 2):g}" if isinstance(value, float) else str(value)


def _cell(text: str) -> str:
    """A foreign string that no spreadsheet takes for a formula."""
    cleaned = clean(text, 200)
    return f"'{cleaned}" if cleaned[:1] in ("=", "+", "-", "@") else cleaned


def _markdown(report: Report, status: Status, seen: Seen) -> str:
    demo = " (DEMO: a made-up year)" if status.source == "demo" else ""
    calendar = report.calendar
    head = ("day", "", "kind", "after hours", "early", "evening", "day off", "sessions", "blog", "statements")
    lines = [
        f"# After hours: {_escaped(status.user or 'nobody yet')}{demo}",
        "",
        f"{report.since} to {report.until}, {_escaped(calendar.work_hours)} in {calendar.zone.key}, "
        f"a day starts at {calendar.day_starts:%H:%M}.",
        "",
        f"By {seen.words}: **{hours_and_minutes(report.totals.minutes(seen.measure.name))}**.",
        "",
        *_table(("measure", "total", "what it is"), 1, _measures(report, seen)),
        "",
        *_table(head, 3, [_row(day) for day in report.days]),
    ]
    if report.left_out:
        rows = [
            (_escaped(o.reason), str(o.statements), hours_and_minutes(o.minutes)) for o in report.left_out
        ]
        more = hours_and_minutes(report.totals.with_machines_minutes)
        lines += ["", f"Left out as run by machines; with them the slots would come to {more}:", ""]
        lines += _table(("reason", "statements", "would add"), 1, rows)
    if seen.found is not None and seen.found.step is not None:
        told = step_sentences(seen.found)
        lines += ["", *(f"{'  ' * depth}- {_escaped(sentence)}" for depth, sentence in told)]
    return "\n".join(lines)


def _measures(report: Report, seen: Seen) -> list[tuple[str, ...]]:
    totals = report.totals
    return [
        (
            f"**{m.title}**" if m is seen.measure else m.title,
            hours_and_minutes(totals.minutes(m.name)),
            m.sentence,
        )
        for m in MEASURES
    ]


def _row(day: Day) -> tuple[str, ...]:
    f: Figures = day.figures
    minutes = (
        f.after_hours_minutes,
        f.early_minutes,
        f.evening_minutes,
        f.day_off_minutes,
        f.session_minutes,
    )
    return (
        day.day.isoformat(),
        f"{day.day:%a}",
        _escaped(day.holiday) if day.holiday else day.kind,
        *(hours_and_minutes(m) if m else "" for m in minutes),
        "" if f.blog_hours is None else f"{f.blog_hours:.2f} h",
        f"{f.statements} ({f.machine_statements} by machines)" if f.machine_statements else str(f.statements),
    )


def _table(head: tuple[str, ...], left: int, rows: Sequence[tuple[str, ...]]) -> list[str]:
    rule = ["---" if number < left else "--:" for number in range(len(head))]
    if head[-1] == "what it is":
        rule[-1] = "---"
    return [f"| {' | '.join(row)} |" for row in (head, tuple(rule), *rows)]


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#" else char for char in clean(text, 200))


def _text_table(report: Report, status: Status, seen: Seen) -> str:
    from dataeng_tui.after_hours.table import table

    return table(report, status, seen)


def _json(report: Report, status: Status, seen: Seen) -> str:
    import json

    from dataeng_tui.after_hours.document import document, seen_document

    told = {**document(report, status), "seen": seen_document(report, seen)}
    return json.dumps(told, indent=2, ensure_ascii=False)


_RENDERERS: Final[Mapping[str, Callable[[Report, Status, Seen], str]]] = {
    "table": _text_table,
    "json": _json,
    "csv": _csv,
    "markdown": _markdown,
    "svg": picture,
}
