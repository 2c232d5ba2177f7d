"""A snapshot as JSON, as a table, and as the lines of what has changed. Pure."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from dataeng_tui.streams.snapshot import Batch, Finding, Snapshot, StreamingQuery
from dataeng_tui.text import clean

_UNHEALTHY_FIRST = ("failed", "stalled", "restarting", "falling-behind", "slow-batch")
_COLUMNS = ("application", "query", "state", "batch", "rows", "in/s", "done/s", "took", "health")


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """The whole of it in the documented form; unknown is None."""
    return {
        "at": moment(snapshot.at),
        "applications": [asdict(application) for application in snapshot.applications],
        "queries": [query_json(query) for query in snapshot.queries],
        "problems": [asdict(problem) for problem in snapshot.problems],
    }


def query_json(query: StreamingQuery) -> dict[str, Any]:
    """One query in the documented form."""
    return {
        "application": query.application,
        "name": query.name,
        "id": query.id,
        "run_id": query.run_id,
        "state": query.state,
        "batch_id": query.batch_id,
        "input_rows": query.input_rows,
        "input_rows_per_second": query.input_rows_per_second,
        "processed_rows_per_second": query.processed_rows_per_second,
        "batch_duration_ms": query.batch_duration_ms,
        "duration_ms": dict(query.duration_ms),
        "watermark": moment(query.watermark),
        "state_rows": query.state_rows,
        "state_bytes": query.state_bytes,
        "sources": [asdict(source) for source in query.sources],
        "exception": query.exception,
        "started_at": moment(query.started_at),
        "seen_in": list(query.seen_in),
        "health": [{"code": found.code, "evidence": _evidence(found)} for found in query.health],
    }


def table(snapshot: Snapshot) -> str:
    """For people: a line a query, the unhealthy first, then the applications that wait and the problems."""
    rows = [_COLUMNS, *(_row(query) for query in by_urgency(snapshot.queries))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = ["  ".join(map(_pad, row, widths, range(len(row)))) for row in rows]
    if not snapshot.queries:
        lines = ["No streaming query is to be seen."]
    waiting = (application for application in snapshot.applications if application.waiting_for)
    lines += [f"{clean(one.name or one.id, 60)} waits: {clean(one.waiting_for, 300)}" for one in waiting]
    lines += [f"{clean(problem.source, 200)}: {clean(problem.message, 500)}" for problem in snapshot.problems]
    return "\n".join(line.rstrip() for line in lines)


def by_urgency(queries: tuple[StreamingQuery, ...]) -> list[StreamingQuery]:
    """The unhealthy first, the worst of them at the top; otherwise as they come."""

    def urgency(query: StreamingQuery) -> int:
        codes = {finding.code for finding in query.health}
        found = (n for n, code in enumerate(_UNHEALTHY_FIRST) if code in codes)
        return next(found, len(_UNHEALTHY_FIRST) if codes else len(_UNHEALTHY_FIRST) + 1)

    return sorted(queries, key=urgency)


def changes(before: Snapshot, after: Snapshot) -> Iterator[tuple[str, str, StreamingQuery | None]]:
    """What is different: (kind, one line for people, the query where it is about one).

    Kinds: appeared, gone, state, batch, health, problem. From waiting to processing and back is no change of
    state to tell: the batch that comes of it is.
    """
    old = {query.run_id: query for query in before.queries}
    for query in after.queries:
        known = old.pop(query.run_id, None)
        who = _who(query)
        if known is None:
            yield "appeared", f"{who} {query.state or 'state unknown'}", query
        elif _phase(known) != _phase(query):
            yield "state", f"{who} {known.state or 'unknown'} -> {query.state or 'unknown'}", query
        if known is not None and query.batches[-1:] != known.batches[-1:] and query.batches:
            yield "batch", f"{who} {_batch(query.batches[-1])}", query
        told = {finding.code for finding in known.health} if known else set()
        for finding in query.health:
            if finding.code not in told:
                yield "health", f"{who} {finding.code}: {clean(finding.evidence, 500)}", query
        for code in sorted(told - {finding.code for finding in query.health}):
            yield "health", f"{who} {code}: no more", query
    for query in old.values():
        yield "gone", f"{_who(query)} gone", query
    for problem in after.problems:
        if problem not in before.problems:
            yield "problem", f"{clean(problem.source, 200)}: {clean(problem.message, 500)}", None


def moment(at: float | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond."""
    if at is None or not math.isfinite(at):
        return None
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None


def duration(ms: float) -> str:
    """Milliseconds for people: "85 ms", "1.4 s", "3:25 min"."""
    if ms < 1000:
        return f"{ms:.0f} ms"
    if ms < 120_000:
        return f"{ms / 1000:.1f} s"
    return f"{int(ms // 60_000)}:{int(ms % 60_000 // 1000):02} min"


def _row(query: StreamingQuery) -> tuple[str, ...]:
    def shown(value: float | None, form: str = ",.0f") -> str:
        return "?" if value is None else format(value, form)

    return (
        clean(query.application, 40),
        "(no name)" if query.name is None else clean(query.name, 40),
        query.state or "?",
        shown(query.batch_id, "d"),
        shown(query.input_rows),
        shown(query.input_rows_per_second, ",.1f"),
        shown(query.processed_rows_per_second, ",.1f"),
        "?" if query.batch_duration_ms is None else duration(query.batch_duration_ms),
        "; ".join(f"{finding.code}: {clean(finding.evidence, 160)}" for finding in query.health) or "ok",
    )


def _pad(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if 3 <= column <= 7 else cell.ljust(width)


def _who(query: StreamingQuery) -> str:
    return f"{clean(query.application, 60)} {clean(query.name or query.id or query.run_id, 80)}:"


def _phase(query: StreamingQuery) -> str | None:
    return query.state if query.state in (None, "initializing", "finished", "failed", "idle") else "running"


def _batch(batch: Batch) -> str:
    parts = [f"batch {'?' if batch.id is None else batch.id}"]
    if batch.input_rows is not None:
        parts.append(f"{batch.input_rows:,} rows")
    if batch.duration_ms is not None:
        parts.append(duration(batch.duration_ms))
    return ", ".join(parts)


def _evidence(finding: Finding) -> str:
    return f"{finding.evidence} (since {moment(finding.since)})"
