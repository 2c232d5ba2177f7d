"""The two pages of the driver's UI that tell of Structured Streaming, read. Pure, and never raising.

Spark 3.0 to 4.x. The columns are found by their headings and the charts by their names, as both move between
versions; numbers of variables and places in the page mean nothing.
"""

import html
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType

from dataeng_tui.streams.snapshot import Batch

NO_NAME = "<no name>"
_TAG = re.compile(r"<[^>]*>")
_PRE = re.compile(r"<pre[^>]*>(.*?)</pre>", re.S)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEADINGS = {
    "name": "name",
    "status": "status",
    "id": "id",
    "run id": "run_id",
    "start time": "start",
    "duration": "duration",
    "avg input /sec": "input",
    "avg process /sec": "processed",
    "latest batch": "batch",
    "lastest batch": "batch",  # as Spark 3.0 spells it
    "error": "error",
}
_ENDED = "Completed Streaming Queries ("
_UNITS_MS = {"ms": 1.0, "second": 1e3, "minute": 60e3, "hour": 3600e3, "day": 86400e3, "week": 604800e3}
_SPAN = re.compile(r"([\d.]+)\s*(ms|second|minute|hour|day|week|s|min|h)s?\b")
_SHORT = {"s": "second", "min": "minute", "h": "hour"}

_DRAWN = re.compile(r"drawTimeline\(\s*['\"]#([\w-]+)-timeline['\"]\s*,\s*(\w+)")
_STACKED = re.compile(r"drawAreaStack\(\s*['\"]#duration-area-stack['\"]\s*,\s*(\w+)\s*,\s*(\w+)")
_POINT = re.compile(r'"?x"?\s*:\s*(\d{1,15})\s*,\s*"?y"?\s*:\s*([-+.\w]+)')
_STACK_POINT = re.compile(r'\{\s*"?x"?\s*:\s*"([^"]*)"([^}]*)\}')
_PART = re.compile(r'"(\w+)"\s*:\s*"?([-+.\w]+)"?')
_TIME = re.compile(r"timeFormat\[(\d{1,15})\]\s*=\s*'([^']*)'")
_TIP = re.compile(r"timeTipStrings\[(\d{1,15})\]\s*=\s*'batch (\d{1,18}) ")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list page. ``start`` is the wall clock of the driver's zone, read as if it were UTC."""

    run_id: str
    id: str | None
    name: str | None
    status: str
    start: float | None
    duration: str
    input_rate: float | None  # the mean of what the UI retains
    processed_rate: float | None
    batch_id: int | None
    exception: str | None

    @property
    def mark(self) -> tuple[object, ...]:
        """Differs whenever the statistics page would tell something new."""
        return (self.status, self.batch_id, self.input_rate, self.processed_rate)


def read_list(page: str) -> tuple[Row, ...] | None:
    """The queries of ``/StreamingQuery/``, active and ended; None when it is some other page.

    Each row is one run. A failed run has status FAILED; Spark 3.1 to 3.4.0 say FINISHED for it.
    """
    if "Streaming Query" not in page or "spark" not in page:
        return None
    rows: list[Row] = []
    for table in page.split("<table")[1:]:
        head, _, body = table.partition("</table>")[0].partition("</thead>")
        columns = _columns(head)
        if "run_id" in columns:
            rows += (row for line in body.split("<tr")[1:] if (row := _row(line, columns)))
    return tuple(rows)


def count_ended(page: str) -> int:
    """How many ended runs ``/StreamingQuery/`` has, on however many pages of its table."""
    told = page.partition(_ENDED)[2][:10].partition(")")[0]
    return int(told) if told.isdecimal() else 0


def read_statistics(page: str, after: float = 0.0) -> tuple[Batch, ...]:
    """The batches that ``/StreamingQuery/statistics/`` retains whose trigger began later than ``after``.

    ``after`` is seconds since the epoch by the driver's clock; a page read again costs what is new in it.
    """
    start = page.rfind("(document)")
    script = page[max(start, 0) :]
    after_ms = round(after * 1000)
    charts = {name: _series(script, variable, after_ms) for name, variable in _DRAWN.findall(script)}
    times = sorted({at for series in charts.values() for at in series})
    if not times:
        return ()
    ids = {int(at): int(number) for at, number in _TIP.findall(page) if int(at) > after_ms}
    parts = _parts(page, script, after_ms)
    none: Mapping[int, float | None] = {}
    rows = charts.get("aggregated-num-total-state-rows", none)
    memory = charts.get("aggregated-state-memory-used-bytes", none)
    gaps = charts.get("watermark-gap", none)
    return tuple(
        Batch(
            at=at / 1000,
            id=ids.get(at),
            input_rows=_whole(charts.get("input-rows", none).get(at)),
            input_rows_per_second=charts.get("input-rate", none).get(at),
            processed_rows_per_second=charts.get("process-rate", none).get(at),
            duration_ms=charts.get("batch-duration", none).get(at),
            parts_ms=parts.get(at, MappingProxyType({})),
            watermark=_watermark(at, gaps.get(at)),
            state_rows=_whole(rows.get(at)),
            state_bytes=_whole(memory.get(at)),
        )
        for at in times
    )


def zone_offset(row: Row, driver_now: float) -> float | None:
    """Seconds that the driver's wall clock is ahead of UTC, from a run that still goes on.

    The page gives the start in the driver's zone and the duration; zones are whole quarters of an hour.
    """
    lasted = milliseconds(row.duration)
    if row.start is None or lasted is None or row.status != "RUNNING":
        return None
    return round((row.start + lasted / 1000 - driver_now) / 900) * 900.0


def milliseconds(text: str) -> float | None:
    """What "1 hour 2 minutes 3 seconds 45 ms" (3.1 on) and "1.2 h", "3 s" (3.0) mean."""
    found = [
        (float(n), _SHORT.get(unit, unit)) for n, unit in _SPAN.findall(text) if n.count(".") < 2 and n != "."
    ]
    return sum(n * _UNITS_MS[unit] for n, unit in found) if found else None


@lru_cache(maxsize=64)
def _columns(head: str) -> tuple[str | None, ...]:
    return tuple(_HEADINGS.get(_text(cell).rstrip("▾▴▼▲ ").lower()) for cell in _cells(head, "th"))


def _row(line: str, columns: tuple[str | None, ...]) -> Row | None:
    cells = dict(zip(columns, _cells(line, "td"), strict=False))
    run = _UUID.search(_text(cells.get("run_id", "")))
    if run is None:
        return None
    told = {name: _text(cell) for name, cell in cells.items() if name is not None and name != "error"}
    id_ = _UUID.search(told.get("id", ""))
    name = told.get("name")
    return Row(
        run_id=run[0],
        id=id_[0] if id_ else None,
        name=None if name in (None, "", NO_NAME) else name,
        status=told.get("status", "").upper(),
        start=_wall_clock(told.get("start", "")),
        duration=told.get("duration", ""),
        input_rate=_number(told.get("input", "")),
        processed_rate=_number(told.get("processed", "")),
        batch_id=_whole(_number(told.get("batch", ""))),
        exception=_exception(cells.get("error", "")),
    )


def _cells(line: str, tag: str) -> list[str]:
    # What stands before "<td" belongs to no cell, and "<thead" is no "<th".
    found = []
    for piece in line.split("<" + tag)[1:]:
        if piece[:1] in " >\n\t\r":
            found.append(piece.partition(">")[2].partition("</" + tag + ">")[0])
    return found


def _text(cell: str) -> str:
    if "<" not in cell and "&" not in cell:
        return cell.strip()
    return html.unescape(_TAG.sub("", cell)).replace("\xa0", " ").strip()


def _exception(cell: str) -> str | None:
    """The stack trace where there is one: the summary beside it is cut, and some versions escape it twice."""
    trace = _PRE.search(cell)
    text = html.unescape(trace[1]).strip() if trace else _text(cell)
    return None if text in ("", "-") else text


@lru_cache(maxsize=4096)
def _wall_clock(text: str) -> float | None:
    try:
        return datetime.strptime(text, "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _series(script: str, variable: str, after_ms: int) -> dict[int, float | None]:
    data = _value(script, variable)
    newest = data.rfind(f'"x": {after_ms}') if after_ms else -1
    points = _POINT.findall(data, max(newest, 0))
    return {int(at): _number(value) for at, value in points if int(at) > after_ms}


def _parts(page: str, script: str, after_ms: int) -> dict[int, Mapping[str, float]]:
    """The duration's parts by the batch's start; the page gives the start as a time of day only."""
    drawn = _STACKED.search(script)
    if drawn is None:
        return {}
    starts = {text: int(at) for at, text in _TIME.findall(page) if int(at) > after_ms}
    data = next((value for name in drawn.groups() if "x:" in (value := _value(script, name))), "")
    parts: dict[int, Mapping[str, float]] = {}
    for time_of_day, values in _STACK_POINT.findall(data):
        if time_of_day in starts:
            numbers = ((name, _number(value)) for name, value in _PART.findall(values))
            parts[starts[time_of_day]] = {name: number for name, number in numbers if number is not None}
    return parts


def _value(script: str, variable: str) -> str:
    begin = script.find(f"var {variable} = [")
    return "" if begin < 0 else script[begin : script.find("];", begin)]


def _watermark(at_ms: int, gap_seconds: float | None) -> float | None:
    return None if gap_seconds is None else (at_ms - round(gap_seconds * 1000)) / 1000


def _number(text: str) -> float | None:
    """A finite number; NaN is what the page says while there is none."""
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
