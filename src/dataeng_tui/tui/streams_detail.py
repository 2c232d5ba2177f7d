"""One query told whole: what is wrong, rates over time, where a batch's time goes, sources, state. Pure."""

from collections.abc import Sequence
from datetime import datetime
from textwrap import wrap

from textual.content import Content

from dataeng_tui.streams.snapshot import Application, Batch, StreamingQuery
from dataeng_tui.text import clean
from dataeng_tui.tui.foreign import foreign
from dataeng_tui.tui.widgets import charts

LONGEST = 2_000_000  # characters of an exception that are shown
BAR = 60  # columns at most for the parts of a batch's time
BEFORE_THE_FIRST = 86_400.0  # a watermark this close to 1970 is Spark's way of saying that there is none yet


def lines(query: StreamingQuery, application: Application | None, width: int, height: int) -> list[Content]:
    """Everything known of it, ``width`` columns wide; the charts are taller where there is room."""
    width = max(30, width)
    tall = 2 if height < 16 else 3 if height < 28 else 5
    name, *run = _identity(query, application, width)
    told = [name, *_health(query, width)]
    told += _exception(query, width)  # what it failed with matters more than how it ran
    told += _over_time(query.batches, width, tall)
    told += _parts(query, width)
    told += _sources(query, width)
    told += _state(query)
    return [*told, Content(""), *run]


def ids(query: StreamingQuery) -> str:
    """What is worth copying into a ticket."""
    named = (
        ("name", query.name),
        ("id", query.id),
        ("runId", query.run_id),
        ("application", query.application),
    )
    told = [f"{key} = {clean(value)}" for key, value in named if value]
    told += [f"{finding.code}: {clean(finding.evidence)}" for finding in query.health]
    return "\n".join(told)


def _identity(query: StreamingQuery, application: Application | None, width: int) -> list[Content]:
    name = Content("(no name)") if query.name is None else foreign(query.name, limit=500)
    first = Content.assemble(
        name.stylize("bold"), ("  id ", "$text-muted"), clean(query.id or "unknown", 60),
    )  # fmt: skip
    told = [f"run {clean(query.run_id, 60)}"]
    if application is not None and application.name:
        told.append(f"of {clean(application.name, 60)} ({clean(application.id, 60)})")
    if query.started_at is not None:
        told.append(f"since {clock(query.started_at, day=True)}")
    if query.runs:
        told.append(f"after {len(query.runs)} run{'s' if len(query.runs) > 1 else ''} that broke off")
    if query.seen_in:
        told.append(f"seen in {', '.join(query.seen_in)}")
    parts = [Content.styled(one, "$text-muted").truncate(width, ellipsis=True) for one in told]
    return [first.truncate(width, ellipsis=True), *_flow(parts, width)]


def _health(query: StreamingQuery, width: int) -> list[Content]:
    if not query.health:
        return []
    told = []
    for finding in query.health:
        style = "bold $error" if finding.code == "failed" else "bold $warning"
        sign = "✖" if finding.code == "failed" else "▲"
        since = f"(since {clock(finding.since, day=True)})".replace(" ", "\xa0")  # on one line
        text = f"{clean(finding.evidence, 500)} {since}"
        first, *rest = wrap(text, max(20, width - len(finding.code) - 4)) or [""]
        told.append(Content.assemble((f"{sign} {finding.code} ", style), first))
        told += [Content(" " * (len(finding.code) + 3) + more) for more in rest]
    return told


def _over_time(batches: Sequence[Batch], width: int, height: int) -> list[Content]:
    if not batches:
        return [Content(""), Content.styled("No batch has ended yet.", "$text-muted")]
    if width >= 90:
        half = (width - 3) // 2
        left, right = _rates(batches, half, height), _durations(batches, half, height)
        pairs = zip(left, right, strict=True)
        return [Content(""), *(_pad(one, half) + "   " + other for one, other in pairs)]
    return [Content(""), *_rates(batches, width, height), *_durations(batches, width, height)]


def _rates(batches: Sequence[Batch], width: int, height: int) -> list[Content]:
    last = batches[-1]
    came = [(one.at, one.input_rows_per_second) for one in batches]
    done = [(one.at, one.processed_rows_per_second) for one in batches]
    title = Content.assemble(
        ("rows/s ", "$text-muted"), ("in ▴ ", "$accent"), charts.short(last.input_rows_per_second),
        ("  done ▾ ", "$primary"), charts.short(last.processed_rows_per_second),
    )  # fmt: skip
    came_columns, step = charts.over_time(came, width)
    done_columns, _ = charts.over_time(done, width)
    top = charts.highest(came_columns, done_columns)
    title = _with_scale(title, f"top {charts.short(top)}, step {charts.label(step)}", width)
    upper = charts.chart(came_columns, height, "$accent", top)
    lower = charts.chart(done_columns, height, "$primary", top)
    return [title, *upper, *lower]


def _durations(batches: Sequence[Batch], width: int, height: int) -> list[Content]:
    took = [(one.at, one.duration_ms) for one in batches]
    columns, step = charts.over_time(took, width)
    top = charts.highest(columns)
    title = Content.assemble(("batch took ", "$text-muted"), charts.took(batches[-1].duration_ms))
    title = _with_scale(title, f"top {charts.took(top)}, step {charts.label(step)}", width)
    return [title, *charts.chart(columns, 2 * height, "$secondary", top)]


def _parts(query: StreamingQuery, width: int) -> list[Content]:
    parts = sorted(
        ((name, ms) for name, ms in query.duration_ms.items() if name != "triggerExecution" and ms > 0),
        key=lambda part: -part[1],
    )
    if not parts:
        return []
    shown = parts[:6]
    if rest := sum(ms for _, ms in parts[6:]):
        shown.append(("the rest", rest))
    total = sum(ms for _, ms in parts)
    legend: list[Content] = []
    for number, (name, ms) in enumerate(shown):
        sign = Content.styled(charts.PARTS[number] + " ", charts.PART_STYLES[number])
        legend.append(Content.assemble(sign, f"{clean(name, 30)} {charts.took(ms)} ({ms / total:.0%})"))
    title = Content.styled(
        f"where the last batch's time went: {charts.took(query.batch_duration_ms)}", "$text-muted"
    )
    return [Content(""), title, charts.stacked(shown, min(width, BAR)), *_flow(legend, width)]


def _sources(query: StreamingQuery, width: int) -> list[Content]:
    told: list[Content] = []
    for source in query.sources:
        told.append(Content(""))
        lag = "" if source.lag is None else f"  {source.lag:,} rows behind"
        rows = "" if source.input_rows is None else f"  {source.input_rows:,} rows"
        told.append(Content.assemble(
            ("source ", "$text-muted"), foreign(source.description, limit=300), rows, (lag, "bold"),
        ))  # fmt: skip
        offsets = (("from", source.start_offset), ("to", source.end_offset), ("latest", source.latest_offset))
        told += [
            Content.assemble((f"  {name:<7}", "$text-muted"), foreign(offset, limit=2_000))
            for name, offset in offsets
            if offset is not None
        ]
    return told


def _state(query: StreamingQuery) -> list[Content]:
    told = []
    if query.state_rows is not None:
        size = "" if query.state_bytes is None else f", {query.state_bytes / (1 << 20):,.1f} MiB"
        told.append(Content.assemble(("state  ", "$text-muted"), f"{query.state_rows:,} rows{size}"))
    if query.watermark is not None and query.watermark < BEFORE_THE_FIRST:
        told.append(Content.assemble(("watermark  ", "$text-muted"), "none yet"))
    elif query.watermark is not None:
        last = query.batches[-1].at if query.batches else None
        behind = (
            ""
            if last is None
            else f", {charts.label(max(0.0, last - query.watermark))} behind the last batch"
        )
        told.append(
            Content.assemble(("watermark  ", "$text-muted"), f"{clock(query.watermark, day=True)}{behind}")
        )
    return [Content(""), *told] if told else []


def _exception(query: StreamingQuery, width: int) -> list[Content]:
    if not query.exception:
        return []
    text = clean(query.exception, LONGEST, lines=True)
    told = [Content(""), Content.styled("exception", "bold $error")]
    for line in text.split("\n"):
        told += [Content(line[at : at + width]) for at in range(0, max(1, len(line)), width)]
    return told


def _flow(items: Sequence[Content], width: int) -> list[Content]:
    """The items side by side, as many to a line as fit."""
    told: list[Content] = []
    line = Content("")
    for item in items:
        if line.cell_length and line.cell_length + item.cell_length + 2 > width:
            told.append(line)
            line = Content("")
        line = Content.assemble(line, "  " if line.cell_length else "", item)
    return [*told, line]


def _with_scale(title: Content, scale: str, width: int) -> Content:
    gap = width - title.cell_length - len(scale)
    return Content.assemble(title, " " * gap, (scale, "$text-muted")) if gap > 0 else title


def _pad(line: Content, width: int) -> Content:
    return line.pad_right(max(0, width - line.cell_length))


def clock(at: float, *, day: bool = False) -> str:
    """The wall clock here at a moment."""
    try:
        moment = datetime.fromtimestamp(at).astimezone()
    except (OverflowError, ValueError, OSError):
        return "?"
    return f"{moment:%d %b %H:%M:%S}" if day else f"{moment:%H:%M:%S}"
