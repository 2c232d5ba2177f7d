"""Layers, merged: what a layer knows better wins, field by field. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from dataeng_tui.streams.snapshot import ENDED, Application, Batch, Layer, State, StreamingQuery

T = TypeVar("T")

# Who is believed first where two say something. The driver itself knows best; its log says the same with
# sources and offsets; its pages leave those out; gauges and folders know a few numbers only.
_LAYERS: tuple[Layer, ...] = (
    "session",
    "event-log",
    "driver-ui",
    "metrics",
    "history-server",
    "checkpoint",
    "yarn",
    "memory",
)
RANK = {layer: rank for rank, layer in enumerate(_LAYERS)}

# From what says most about this moment to what says least. A page knows a run is over before a log does.
_STATES: tuple[State, ...] = (
    "failed",
    "finished",
    "processing",
    "idle",
    "initializing",
    "waiting",
    "running",
)


@dataclass(frozen=True, slots=True)
class Part:
    """What one layer knows of one run, and whether it still answers."""

    layer: Layer
    query: StreamingQuery
    answered: bool = True


def merge_batches(
    known: Sequence[tuple[int, Batch]], layer: Layer, batches: Iterable[Batch], keep: int
) -> tuple[tuple[int, Batch], ...]:
    """``known`` (rank, batch) pairs with a layer's batches in, oldest first, the last ``keep``."""
    rank = RANK[layer]
    by_start = {_key(batch): (held, batch) for held, batch in known}
    for batch in batches:
        held = by_start.get(_key(batch))
        if held is None:
            by_start[_key(batch)] = (rank, batch)
        elif rank <= held[0]:
            by_start[_key(batch)] = (rank, fill(batch, held[1]))
        else:
            by_start[_key(batch)] = (held[0], fill(held[1], batch))
    return tuple(by_start[key] for key in sorted(by_start)[-keep:])


def merge_query(parts: Iterable[Part], batches: Sequence[Batch] = ()) -> StreamingQuery:
    """One run out of what every layer says of it; ``batches`` is the run's merged history."""
    ranked = sorted(parts, key=lambda part: RANK[part.layer])
    merged = ranked[0].query
    for part in ranked[1:]:
        merged = fill(merged, part.query)
    last = batches[-1] if batches else None
    told = (*(part.query.batch_id for part in ranked), last.id if last else None)
    moved = (part.query.quiet_since for part in ranked if part.query.quiet_since is not None)
    layers = (layer for part in ranked for layer in part.query.seen_in or (part.layer,))
    return replace(
        merged,
        state=_state(ranked),
        batch_id=max((number for number in told if number is not None), default=None),
        batches=tuple(batches),
        # A log tells it by the driver's clock, which may be minutes behind: the later one is no false alarm.
        quiet_since=max(moved, default=None),
        seen_in=tuple(dict.fromkeys(layers)),
        **(_numbers(merged, last) if last else {}),
    )


def merge_application(known: Application | None, told: Application) -> Application:
    """``known`` with what ``told`` adds; YARN's word on the state comes first, so pass it as ``known``."""
    return told if known is None else fill(known, told)


def fill(better: T, worse: T) -> T:
    """``better`` with its unknown fields (None or empty) taken from ``worse``."""
    changes = {}
    for field in fields(better):  # type: ignore[arg-type]
        value = getattr(better, field.name)
        if _unknown(value):
            other = getattr(worse, field.name)
            if not _unknown(other):
                changes[field.name] = other
    return replace(better, **changes) if changes else better  # type: ignore[type-var]


def _numbers(query: StreamingQuery, last: Batch) -> dict[str, Any]:
    """The query's numbers from its last batch; what that does not tell is as it was."""
    told = {
        "input_rows": last.input_rows,
        "input_rows_per_second": last.input_rows_per_second,
        "processed_rows_per_second": last.processed_rows_per_second,
        "batch_duration_ms": last.duration_ms,
        "watermark": last.watermark,
        "state_rows": last.state_rows,
        "state_bytes": last.state_bytes,
    }
    known: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    return known | {"duration_ms": last.parts_ms or query.duration_ms}


def _state(parts: Iterable[Part]) -> State | None:
    # A layer that no longer answers still knows what is over; what was running may not be any more.
    told = {
        part.query.state
        for part in parts
        if part.query.state and (part.answered or part.query.state in ENDED)
    }
    return next((state for state in _STATES if state in told), None)


def _unknown(value: object) -> bool:
    return value is None or (isinstance(value, tuple | Mapping) and not value)


def _key(batch: Batch) -> int:
    return round(batch.at * 1000)
