"""The after-hours pane's words: frozen records in, lines of content out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content
from textual.style import Style

from dataeng_tui.after_hours.hours import MEASURES, Measure, Now, Report
from dataeng_tui.after_hours.scale import hours_and_minutes as hm
from dataeng_tui.after_hours.sessions import Session
from dataeng_tui.text import clean
from dataeng_tui.tui.foreign import foreign

if TYPE_CHECKING:  # the first frame does without them
    from dataeng_tui.after_hours.certainty import Certainty, Explanation
    from dataeng_tui.after_hours.details import Counts, DayDetail
    from dataeng_tui.after_hours.service import Status
    from dataeng_tui.after_hours.steps import Step

KINDS = {"workday": "workday", "weekend": "day off", "holiday": "holiday", "leave": "leave"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the pane shows: a report with its status. ``without`` and ``with_`` are the slots' minutes.

    ``own`` is the report with no machine counted in, which the certainty is told of.
    """

    report: Report
    own: Report
    status: "Status"
    range_name: str
    counting: bool
    without: float
    with_: float
    now: Now
    nothing_to_ask: bool = False  # no history, and no Snowflake to get one from


UNKNOWN = "the history does not tell of this day"
NO_HISTORY = (
    "There is no history yet.",
    "In the settings, name a CSV from Snowsight's query history:",
    '  [after_hours]  history = ["query_history.csv"]',
    "or a connection of Snowflake's connections.toml:",
    "  dataeng-tui --connection NAME",
    "or look around first, in a made-up year:",
    "  dataeng-tui --demo",
)


def heading(shown: Shown, measure: Measure, goal: float | None, width: int, lines: int) -> list[Content]:
    """The figure, what it means, the measures side by side, and how it goes."""
    report = shown.report
    total = hm(report.totals.minutes(measure.name))
    narrow = width < 100
    span = f"{report.since:%-d %b %y} – {report.until:%-d %b %y}"
    name = "" if narrow else f" ({shown.range_name})"
    figure = Content.assemble((f" {total} ", "bold $accent"), (f" {measure.title}", "bold"))
    counted = Content.styled("  with machines" if shown.counting else "", "bold $warning")
    when = Content.styled(f"  {span}{name}", "$text-muted")
    now = now_line(shown.now, narrow)
    if figure.cell_length + when.cell_length + counted.cell_length + now.cell_length < width:
        figure += when
    figure += counted
    told = measure.sentence if len(measure.sentence) < width - 1 else measure.brief
    sentence = Content.styled(f" {told}", "$text-muted")
    rows = [_between(figure, now, width), sentence, _measures(report, measure, width)]
    return [*rows, _how_it_goes(shown, goal)][: max(lines, 1)]


def now_line(now: Now, narrow: bool = False) -> Content:
    """What is happening: ``21:40, 2 h 10 after hours``."""
    at = f"{now.at:%H:%M}"
    if now.part == "work":
        return Content.assemble((at, "bold"), (", working hours ", "$text-muted"))
    today = "" if narrow else " today"
    if now.minutes_today:
        return Content.assemble(
            (at, "bold"), (f", {hm(now.minutes_today)} after hours{today} ", "bold $warning")
        )
    if now.minutes_today is None:
        return Content.assemble((at, "bold"), (", off work ", "$text-muted"))
    return Content.assemble((at, "bold"), (f", off work, nothing after hours{today} ", "$success"))


def day_told(report: Report, date_: date, measure: Measure, width: int) -> Content:
    """A day in a line, beginning with the figure of the measure."""
    day = report.day(date_)
    f = day.figures
    if not report.is_known(date_):
        return Content.assemble((f"{date_:%a %-d %b %Y}", "bold"), (f"  {UNKNOWN}", "$text-muted"))
    name = foreign(day.holiday, limit=30) if day.holiday else Content(KINDS[day.kind])
    told = Content.assemble(
        (f"{day.day:%a %-d %b %Y}", "bold"), "  ", (hm(f.minutes(measure.name)), "bold $accent"), "  ", name
    )
    parts = [
        (minutes, label)
        for minutes, label in ((f.early_minutes, "early"), (f.evening_minutes, "in the evening"))
        if minutes and measure.name == "slots"
    ]
    split = (
        [f"{hm(minutes)} {label}" for minutes, label in parts] if len(parts) > 1 else [p[1] for p in parts]
    )
    machines = [f"{f.machine_statements} by machines"] if f.machine_statements else []
    rest = [*split, f"{f.statements} statements", *machines]
    room = width - told.cell_length - 2
    if len(", ".join(rest)) > room:
        rest = [
            part.removesuffix("in the evening") + "evening" if "evening" in part else part for part in rest
        ]
    while len(", ".join(rest)) > room and rest:
        rest.pop()  # the day looked at closely tells it all
    return Content.assemble(told, ("  " if rest else "", ""), (", ".join(rest), "$text-muted"))


def day_lines(detail: "DayDetail", report: Report, width: int) -> list[Content]:
    """A day looked at closely."""
    day = detail.day
    f = day.figures
    kind = clean(day.holiday, 40) if day.holiday else KINDS[day.kind]
    lines = [Content.assemble((f"{day.day:%A %-d %B %Y}", "bold"), (f"  {kind}", "$text-muted"))]
    figures = [f"{m.title} {hm(f.minutes(m.name))}".replace(" ", "\xa0") for m in MEASURES]
    lines += [Content(line) for line in wrap(" · ".join(figures), max(width, 20))]
    if not f.statements:
        told = "Nothing was run on this day." if report.is_known(day.day) else UNKNOWN.capitalize() + "."
        return [*lines, Content(""), Content.styled(told, "$text-muted")]
    lines.append(_title("Sessions (pauses of at most 60 min)"))
    lines += [_session(session, report) for session in detail.sessions] or [_none()]
    for title, counts in (
        ("Programs", detail.programs),
        ("Warehouses", detail.warehouses),
        ("Left out: run by machines", detail.machines),
    ):
        lines.append(_title(title))
        lines += list(_counts(counts, width)) or [_none()]
    return lines


def no_history_lines(width: int) -> list[Content]:
    """What to do where there is nothing to show."""
    return [line for text in NO_HISTORY for line in paragraph(text, width, "bold" if text[0] == " " else "")]


def certainty_lines(found: "Certainty | None", width: int) -> list[Content]:
    """The step and the ladder of each explanation, best first."""
    if found is None:
        return [Content.styled("Looking for a step in the weekly figure …", "$text-muted")]
    step = found.step
    if step is None:
        return paragraph(
            f"No step in the weekly figure of {len(found.weeks)} whole weeks (Pettitt's test, p < 0.01). "
            "It takes 16 weeks, and a change of a few weeks only may go unseen.",
            width, "$text-muted",
        )  # fmt: skip
    lines = [*_step(found, step, "│ "), *_explanations(found, width)]
    for part in found.inside:
        if part.step is not None:
            span = f"{part.weeks[0]:%-d %b %y} – {part.weeks[-1]:%-d %b %y}"
            lines += [Content(""), Content.styled(f"A part by itself, {span}", "bold $secondary")]
            lines += [*_step(part, part.step, "  "), *_explanations(part, width)]
    return lines


def _step(found: "Certainty", step: "Step", sign: str) -> Iterable[Content]:
    word = "rises" if step.rise > 0 else "falls"
    yield Content.assemble(
        (sign, "bold $warning"), (f"{found.weeks[step.index]:%-d %b %Y}: the week {word} ", "bold"),
        (f"{step.before:.1f} h → {step.after:.1f} h", "bold $accent"),
        (f"  p = {step.p:.1g}", "$text-muted"),
    )  # fmt: skip


def _explanations(found: "Certainty", width: int) -> Iterable[Content]:
    if not found.explanations:
        yield from paragraph("Nothing that is new about the statements came with it.", width, indent="  ")
    for number, explanation in enumerate(found.foremost):
        yield Content("")
        yield from _explanation(explanation, width, number == 0)
    if found.more:
        yield Content("")
        yield from paragraph(found.more, width, "$text-muted")


def left_out_lines(shown: Shown, width: int) -> list[Content]:
    """What machines ran under the person's name, and the figure with and without."""
    lines = [
        Content.assemble(
            "Slots without machines ", (hm(shown.without), _chosen(not shown.counting)),
            ", with them ", (hm(shown.with_), _chosen(shown.counting)),
        )
    ]  # fmt: skip
    rows = shown.report.left_out
    if shown.counting:
        return [*lines, *paragraph("They are counted in; m leaves them out again.", width, "$text-muted")]
    if not rows:
        return [*lines, Content.styled("No machine ran anything under this name.", "$text-muted")]
    longest = min(max(len(row.reason) for row in rows), 40)
    unit = " statements" if width >= longest + 32 else " st."
    for row in rows:
        reason = foreign(row.reason, limit=longest)
        ran = f"{' ' * max(longest - reason.cell_length, 0)} {row.statements:>6,}{unit}  + {hm(row.minutes)}"
        lines.append(Content.assemble("  ", reason, (ran, "$text-muted")))
    more = "Know one that is missing? In the settings, under [after_hours]:"
    rule = Content('  machines = [{ program = "…", reason = "…" }]')
    return [*lines, Content(""), *paragraph(more, width, "$text-muted"), rule]


def _measures(report: Report, chosen: Measure, width: int) -> Content:
    parts: list[Content] = []
    for measure in MEASURES:
        style = "bold reverse $accent" if measure is chosen else ""
        figure = hm(report.totals.minutes(measure.name))
        parts.append(Content.styled(f" {measure.title} {figure} ", style))
    return Content("").join([Content(" "), Content.styled("│", "$text-muted").join(parts)])


def _how_it_goes(shown: Shown, goal: float | None) -> Content:
    report, today = shown.report, shown.now.day
    evenings = report.free_evenings(today)
    parts = [
        Content.assemble("without machines ", (hm(shown.without), _chosen(not shown.counting))),
        Content.assemble("with them ", (hm(shown.with_), _chosen(shown.counting))),
        Content.assemble(
            (f"{evenings} free evening{'s' * (evenings != 1)} in a row", "$success" if evenings else "")
        ),
    ]
    if goal is not None:
        weeks = [week for week in report.known_weeks if week.start + timedelta(6) < today]
        kept = sum(week.figures.after_hours_minutes <= goal * 60 for week in weeks)
        monday = today - timedelta(today.weekday())
        this = next((week for week in report.weeks if week.start == monday), None)
        if this and report.known and report.known[1] >= monday:
            so_far = this.figures.after_hours_minutes
            style = "$success" if so_far <= goal * 60 else "bold $warning"
            parts.append(Content.assemble("this week ", (f"{hm(so_far)} of {goal:g} h", style)))
        parts.append(Content(f"kept in {kept} of {len(weeks)}"))
    return Content(" ") + Content.styled(" · ", "$text-muted").join(parts)


def _explanation(one: "Explanation", width: int, first: bool) -> Iterable[Content]:
    from dataeng_tui.after_hours.certainty import Rung

    (kind, value), *others = one.names
    yield Content.assemble(foreign(value, "bold $primary", limit=48), (f" ({kind})", "$text-muted"))
    style = "bold $accent" if first else "bold"
    yield Content.assemble((f"  rung {one.rung} of {len(Rung)}: ", style), (one.told(one.rung), style))
    if others:
        shown = [f"{kind} {clean(value, 24)}" for kind, value in others if kind != "query"]
        queries = sum(kind == "query" for kind, _ in others)
        also = ", ".join([*shown, *([f"{queries} queries"] if queries else [])])
        yield from paragraph(f"with it, in the same slots: {also}", width, "$text-muted", "  ")
    for rung in sorted(Rung, reverse=True):
        mark, style = ("●", "bold $accent") if rung <= one.rung else ("○", "$text-muted")
        if rung > one.rung and one.reached[rung]:
            mark = "◐"  # holds, but a rung below it does not
        yield Content.assemble(
            (f"  {mark} ", style), (one.told(rung), "" if rung <= one.rung else "$text-muted")
        )
        yield from paragraph(one.evidence[rung], width, "$text-muted", "    ")
    yield from paragraph(one.further, width, "italic $foreground", "  ⤷ ")


def _session(session: Session, report: Report) -> Content:
    calendar, minutes = report.calendar, session.after_hours_minutes
    zone = calendar.zone_on(calendar.day_of(session.start))
    start, end = session.start.astimezone(zone), session.end.astimezone(zone)
    # A single statement lasts no time, but it was somewhere.
    at_work = minutes < 1 and calendar.classify(session.start)[1] == "work"
    told = "working hours" if at_work else f"{hm(minutes)} after hours" if minutes >= 1 else "after hours"
    style = "$text-muted" if at_work else "$accent"
    return Content.assemble(f"  {start:%H:%M} – {end:%H:%M}  {hm(session.minutes):>8}  ", (told, style))


def _counts(counts: "Counts", width: int) -> Iterable[Content]:
    most = max((count for _, count in counts), default=1)
    names = max(16, min(42, width - 24))
    for name, count in counts[:8]:
        bar = "█" * max(1, round(count / most * max(width - names - 12, 4)))
        label = foreign(name or "unknown", limit=names - 1)
        padding = " " * (names - label.cell_length)
        yield Content.assemble("  ", label, padding, f"{count:>4} ", (bar, "$secondary"))


def paragraph(text: str, width: int, style: str = "", indent: str = "") -> list[Content]:
    """Text in as many lines as it needs."""
    lines = wrap(text, max(width, 24), initial_indent=indent, subsequent_indent=" " * len(indent))
    return [Content.styled(line, style) if style else Content(line) for line in lines]


def _title(text: str) -> Content:
    return Content.styled(text, "bold $secondary")


def _none() -> Content:
    return Content.styled("  none", "$text-muted")


def _chosen(chosen: bool) -> str:
    return "bold $accent" if chosen else "$text-muted"


def _between(left: Content, right: Content, width: int) -> Content:
    room = width - left.cell_length - right.cell_length
    return Content.assemble(left, " " * room, right) if room > 0 else left


def filled(rows: Sequence[Content], width: int) -> list[Content]:
    """The rows cut or filled to one width, so that other words do not make another layout."""
    cut = [row.truncate(width, ellipsis=True) for row in rows]
    return [Content.assemble(row, " " * max(width - row.cell_length, 0)) for row in cut]


def title_of(views: Sequence[tuple[str, str]], chosen: str) -> Content:
    """The names of the views beside one another, the one shown lit; a click's style says which it hit."""
    parts = [
        Content.styled(f" {name} ", "bold $primary" if view == chosen else "$text-muted").stylize(
            Style.from_meta({"view": view})
        )
        for view, name in views
    ]
    return Content.styled("│", "$text-muted").join(parts)
