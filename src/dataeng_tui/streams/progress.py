"""Spark's StreamingQueryProgress, in either of its two spellings, as the model's frozen records.

The driver's own ``lastProgress`` has offsets as JSON values and totals at the top; the event log has offsets
as *strings* of JSON and no totals, so they are summed from the sources. Field names are those of
``org.apache.spark.sql.streaming.StreamingQueryProgress``.
"""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from dataeng_tui.streams.snapshot import Batch, SourceProgress

N = TypeVar("N", int, float)


def batch(progress: Mapping[str, Any]) -> Batch:
    """The micro-batch that ``progress`` tells of; ValueError, TypeError or KeyError on another shape."""
    at = epoch(progress["timestamp"])
    if at is None:
        raise ValueError("a progress without a timestamp")
    given = progress.get("sources") or []
    told = ((str(name), _number(ms)) for name, ms in (progress.get("durationMs") or {}).items())
    parts = {name: ms for name, ms in told if ms is not None}
    operators = progress.get("stateOperators") or []
    return Batch(
        at=at,
        id=_whole(progress.get("batchId")),
        input_rows=_total(progress, given, "numInputRows"),
        input_rows_per_second=_rate(progress, given, "inputRowsPerSecond"),
        processed_rows_per_second=_rate(progress, given, "processedRowsPerSecond"),
        # 3.x before batchDuration was there has it as a part only.
        duration_ms=_number(progress.get("batchDuration", parts.get("triggerExecution"))),
        parts_ms=parts,
        watermark=epoch((progress.get("eventTime") or {}).get("watermark")),
        state_rows=_sum(_whole(operator.get("numRowsTotal")) for operator in operators),
        state_bytes=_sum(_whole(operator.get("memoryUsedBytes")) for operator in operators),
        lag=_sum(_lag(source) for source in given),
    )


def sources(progress: Mapping[str, Any]) -> tuple[SourceProgress, ...]:
    """Its sources, with their offsets as the text of the source's own JSON."""
    return tuple(
        SourceProgress(
            description=str(source.get("description", "")),
            start_offset=_offset(source.get("startOffset")),
            end_offset=_offset(source.get("endOffset")),
            latest_offset=_offset(source.get("latestOffset")),
            input_rows=_whole(source.get("numInputRows")),
            lag=_lag(source),
        )
        for source in progress.get("sources") or []
    )


def lag(end: str | None, latest: str | None) -> int | None:
    """Records between two offsets of the form topic -> partition -> offset (Kafka's), in all partitions.

    None for every other form: a rate source counts seconds and a file source its log entries, not rows.
    """
    done, there = _partitions(end), _partitions(latest)
    if done is None or there is None:
        return None
    return sum(max(0, offset - done.get(partition, 0)) for partition, offset in there.items())


def epoch(text: object) -> float | None:
    """Seconds since the epoch of one of Spark's ISO 8601 times in UTC, or None where there is none."""
    if not isinstance(text, str) or not text:
        return None
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def text(value: object) -> str | None:
    """``value`` where it is text that says something."""
    return value if isinstance(value, str) and value else None


def _partitions(offset: str | None) -> dict[tuple[str, str], int] | None:
    if not offset or offset[0] != "{":
        return None
    try:
        topics = json.loads(offset)
        found = {(topic, part): at for topic, parts in topics.items() for part, at in parts.items()}
    except (ValueError, AttributeError):
        return None
    return found if found and all(type(at) is int for at in found.values()) else None


def _lag(source: Mapping[str, Any]) -> int | None:
    return lag(_offset(source.get("endOffset")), _offset(source.get("latestOffset")))


def _offset(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return None if value in (None, "null") else value
    return json.dumps(value, separators=(",", ":"))


def _total(progress: Mapping[str, Any], given: Iterable[Mapping[str, Any]], name: str) -> int | None:
    if name in progress:
        return _whole(progress[name])
    return _sum(_whole(source.get(name)) for source in given)


def _rate(progress: Mapping[str, Any], given: Iterable[Mapping[str, Any]], name: str) -> float | None:
    if name in progress:
        return _number(progress[name])
    return _sum(_number(source.get(name)) for source in given)


def _sum(values: Iterable[N | None]) -> N | None:
    """The sum of the known ones; None when none is known."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(value)


def _number(value: Any) -> float | None:
    """A finite number; Spark writes "NaN" and "Infinity" (a first batch's rates) as strings."""
    if value is None:
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return number if math.isfinite(number) else None
