"""The report as a picture: a calendar heatmap over its weeks' bars, one SVG that needs nothing else.

It follows the reader's light or dark scheme, each day tells itself in words when pointed at, and no colour
stands alone: the legend says how long each step is. A step in the weekly figure is a line with its words, and
the pale part of the bars is what would be gone without its best explanation.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from typing import Final

from dataeng_tui.after_hours.hours import Day, Report, Week
from dataeng_tui.after_hours.scale import LABELS, hours_and_minutes, step
from dataeng_tui.after_hours.seen import PLAIN, Seen
from dataeng_tui.after_hours.service import Status
from dataeng_tui.text import clean

LIGHT: Final = ("#eceff3", "#fbd9a0", "#f2a35e", "#d76a57", "#a03f6b", "#57235c")
DARK: Final = ("#262b35", "#4a3a66", "#7c4180", "#b34d73", "#e0695a", "#fbb65c")
CELL: Final = 12
PITCH: Final = 15
LEFT: Final = 56
TOP: Final = 96
ROW_OF_WEEKS: Final = 54
BARS: Final = 46  # the height of the week bars' field
BLOCK: Final = 7 * PITCH + BARS + 50
FONT: Final = "font-family:ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,sans-serif"


def picture(report: Report, status: Status, seen: Seen = PLAIN) -> str:
    """The SVG of a report as it is seen; longer reports get one block of weeks under another."""
    blocks = [report.weeks[at : at + ROW_OF_WEEKS] for at in range(0, len(report.weeks), ROW_OF_WEEKS)] or [
        ()
    ]
    columns = max(36, *(len(block) for block in blocks))
    frame = _Frame(report, seen, LEFT + columns * PITCH + 24, TOP + len(blocks) * BLOCK + 26)
    body: list[str] = [*_heading(frame, status)]
    for number, weeks in enumerate(blocks):
        body += _block(frame, weeks, TOP + number * BLOCK)
    return "\n".join([*_opening(frame, status), *body, *_legend(frame), "</svg>"])


@dataclass(frozen=True, slots=True)
class _Frame:
    report: Report
    seen: Seen
    width: int
    height: int

    def minutes(self, day: Day) -> float:
        return day.figures.minutes(self.seen.measure.name)

    @property
    def highest(self) -> float:
        return max((self.week_minutes(week) for week in self.report.weeks), default=0)

    @property
    def total(self) -> str:
        return hours_and_minutes(self.report.totals.minutes(self.seen.measure.name))

    def week_minutes(self, week: Week) -> float:
        return week.figures.minutes(self.seen.measure.name)

    def without(self, week: Week) -> float:
        """What a week's figure comes to without the step's best explanation; else the figure itself."""
        found = self.seen.marked
        if found is None or found.best is None or found.best.rise_share <= 0 or week.start not in found.weeks:
            return self.week_minutes(week)
        return min(60 * found.best.without[found.weeks.index(week.start)], self.week_minutes(week))


def _opening(frame: _Frame, status: Status) -> Iterator[str]:
    who = escape(clean(status.user, 80) or "nobody yet")
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {frame.width} {frame.height}" '
        f'width="{frame.width}" height="{frame.height}" role="img" aria-labelledby="title">'
    )
    yield f'<title id="title">After hours of {who}: {frame.total}</title>'
    yield f"<style>{_style()}</style>"
    yield f'<rect class="paper" width="{frame.width}" height="{frame.height}" rx="12"/>'


def _style() -> str:
    def scheme(paper: str, ink: str, quiet: str, line: str, gone: str, heat: tuple[str, ...]) -> str:
        steps = "".join(f".h{n}{{fill:{colour}}}" for n, colour in enumerate(heat))
        return (
            f".paper{{fill:{paper}}}.ink{{fill:{ink}}}.quiet{{fill:{quiet}}}.gone{{fill:{gone}}}"
            f".line{{stroke:{line}}}.off{{stroke:{quiet}}}.step{{stroke:{ink}}}{steps}"
        )

    fixed = f"text{{{FONT};font-size:11px}}.big{{font-size:26px;font-weight:650}}.name{{font-size:15px}}"
    off = ".off{stroke-width:1;stroke-opacity:.55}.end{text-anchor:end}.step{stroke-dasharray:3 2}"
    dark = scheme("#12151b", "#e4e8ee", "#8b95a5", "#303743", "#5b6474", DARK)
    light = scheme("#ffffff", "#1d2430", "#5a6573", "#d5dbe3", "#c3cad4", LIGHT)
    return f"{fixed}{off}{light}@media(prefers-color-scheme:dark){{{dark}}}"


def _heading(frame: _Frame, status: Status) -> Iterator[str]:
    report = frame.report
    demo = " · DEMO, a made-up year" if status.source == "demo" else ""
    who = escape(clean(status.user, 60) or "nobody yet")
    right = frame.width - 24
    yield f'<text class="ink name" x="24" y="38">After hours of {who}{demo}</text>'
    hours = escape(clean(report.calendar.work_hours, 80))
    yield (
        f'<text class="quiet" x="24" y="58">{report.since:%-d %B %Y} to {report.until:%-d %B %Y} · working '
        f"hours {hours}, {escape(report.calendar.zone.key)}</text>"
    )
    yield f'<text class="ink big end" x="{right}" y="44">{frame.total}</text>'
    days = sum(1 for day in report.days if frame.minutes(day))
    yield f'<text class="quiet end" x="{right}" y="62">{escape(frame.seen.words)}, on {days} days</text>'


def _block(frame: _Frame, weeks: tuple[Week, ...], top: int) -> Iterator[str]:
    for number, name in ((0, "Mon"), (2, "Wed"), (4, "Fri"), (6, "Sun")):
        yield f'<text class="quiet end" x="{LEFT - 8}" y="{top + number * PITCH + 10}">{name}</text>'
    labels = _months(weeks)
    for column, week in enumerate(weeks):
        x = LEFT + column * PITCH
        if column in labels:
            yield f'<text class="quiet" x="{x}" y="{top - 7}">{labels[column]}</text>'
        for weekday in range(7):
            yield from _cell(frame, week.start + timedelta(weekday), x, top + weekday * PITCH)
        yield from _bar(frame, week, x, top + 7 * PITCH + 8)
    base = top + 7 * PITCH + 8 + BARS
    yield f'<path class="line" d="M{LEFT} {base + 0.5}h{len(weeks) * PITCH - 3}"/>'
    yield f'<text class="quiet end" x="{LEFT - 8}" y="{base}">weeks</text>'


def _months(weeks: tuple[Week, ...]) -> dict[int, str]:
    """Column and name of each month that begins in it; the year with January and where there is room."""
    begins = [n for n, week in enumerate(weeks) if (week.start + timedelta(6)).day <= 7]
    if not begins or begins[0] > 4:
        begins.insert(0, 0)
    found = {}
    for place, column in enumerate(begins):
        if column < len(weeks) - 1:
            month = weeks[column].start + timedelta(6)
            found[column] = f"{month:%b %Y}" if place == 0 or month.month == 1 else f"{month:%b}"
    return found


def _cell(frame: _Frame, day: date, x: int, y: int) -> Iterator[str]:
    report = frame.report
    if not report.is_known(day):
        return
    shown = report.day(day)
    minutes = frame.minutes(shown)
    kind = clean(shown.holiday, 60) if shown.holiday else shown.kind
    words = f"{day:%A %-d %B %Y}, {kind}: {hours_and_minutes(minutes)}"
    away = " off" if shown.kind in ("holiday", "leave") else ""
    yield (
        f'<rect class="h{step(minutes)}{away}" x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="2.5">'
        f"<title>{escape(words)}</title></rect>"
    )


def _bar(frame: _Frame, week: Week, x: int, top: int) -> Iterator[str]:
    minutes, rest = frame.week_minutes(week), frame.without(week)
    words = f"Week of {week.start:%-d %B %Y}: {hours_and_minutes(minutes)}"
    if rest < minutes:
        words += f", {hours_and_minutes(rest)} without {_explanation(frame)}"
        yield _column(frame, "gone", x, top, minutes, words)
    yield _column(frame, "h4", x, top, rest, words)
    if week.start == frame.seen.step:
        yield f'<path class="step" d="M{x - 1.5} {top - 4}v{BARS + 18}"/>'
        # The words keep inside the picture, on whichever side of the line there is more room.
        right = x < frame.width / 2
        at, side = (x + 3, "") if right else (x - 6, " end")
        yield f'<text class="quiet{side}" x="{at}" y="{top + BARS + 14}">{_step_words(frame)}</text>'


def _column(frame: _Frame, kind: str, x: int, top: int, minutes: float, words: str) -> str:
    height = round(minutes / frame.highest * BARS, 1) if frame.highest else 0
    place = f'x="{x}" y="{top + BARS - height:g}" width="{CELL}" height="{height:g}"'
    return f'<rect class="{kind}" {place} rx="1.5"><title>{words}</title></rect>'


def _step_words(frame: _Frame) -> str:
    found = frame.seen.marked
    assert found is not None
    assert found.step is not None
    step_, best = found.step, found.best
    told = (
        f"{frame.seen.step:%-d %b %Y}: {step_.before:.1f} h → {step_.after:.1f} h a week, p = {step_.p:.1g}"
    )
    if best is None or best.rise_share <= 0:
        return told
    return f"{told}; pale: gone without {_explanation(frame)} ({escape(best.told(best.rung))})"


def _explanation(frame: _Frame) -> str:
    found = frame.seen.marked
    assert found is not None
    assert found.best is not None
    return escape(clean(found.best.names[0][1], 40))


def _legend(frame: _Frame) -> Iterator[str]:
    y = frame.height - 26
    x = LEFT
    for number, label in enumerate(LABELS):
        yield f'<rect class="h{number}" x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="2.5"/>'
        yield f'<text class="quiet" x="{x + CELL + 5}" y="{y + 10}">{label}</text>'
        x += CELL + 16 + 6 * len(label) + 6
    yield f'<rect class="h0 off" x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="2.5"/>'
    yield f'<text class="quiet" x="{x + CELL + 5}" y="{y + 10}">holiday or leave</text>'
    yield f'<text class="quiet end" x="{frame.width - 24}" y="{y + 10}">a day</text>'
