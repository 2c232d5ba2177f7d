"""What is wrong with a query, with its evidence. Pure: the same history gives the same findings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from statistics import median

from dataeng_tui.streams.cause import innermost
from dataeng_tui.streams.rhythm import holding, period_seconds, trigger_seconds, waited
from dataeng_tui.streams.snapshot import Batch, Code, Finding, StreamingQuery


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When something counts as wrong. Seconds, batches, and shares of one."""

    stalled_after: float = 600.0  # without the end of a batch
    behind_batches: int = 5  # input over processed in so many in a row
    behind_margin: float = 0.05
    slow_batches: int = 3  # batches over the trigger in a row
    trigger: float | None = None  # where it is known; else it is read from the rhythm of the batches
    recover_batches: int = 3  # good ones in a row clear a finding
    state_batches: int = 20  # state that never shrinks over so many
    state_growth: float = 0.5  # and grows by this share
    state_rows: int = 1000  # below that many rows it is no matter
    watermark_batches: int = 10  # with rows, and the watermark where it was
    watermark_after: float = 120.0  # for so long
    restarts: int = 2
    restarts_within: float = 3600.0


USUAL = Thresholds()


def judge(
    query: StreamingQuery,
    now: float,
    before: Sequence[Finding] = (),
    thresholds: Thresholds = USUAL,
) -> tuple[Finding, ...]:
    """The findings on ``query``, worst first.

    ``before`` are those of the last time: what still holds keeps its beginning, even when the batches that
    showed it have left the bounded history. ``now`` is our clock; ``query.quiet_since`` is by the same.
    """
    began: dict[Code, float] = {finding.code: finding.since for finding in before}
    return tuple(
        Finding(finding.code, finding.evidence, min(finding.since, began.get(finding.code, finding.since)))
        for finding in _findings(query, now, thresholds, began)
    )


def _findings(
    query: StreamingQuery, now: float, limits: Thresholds, began: Mapping[Code, float]
) -> Iterator[Finding]:
    if query.state == "failed":
        yield _failed(query, now)
    restarting = _restarting(query, now, limits)
    if restarting:
        yield restarting
    if query.ended or query.state is None:
        return
    for rule in (_stalled, _falling_behind, _slow_batch, _state_growth, _watermark_stuck):
        finding = rule(query, now, limits, "state-growth" in began)
        if finding:
            yield finding


def _failed(query: StreamingQuery, now: float) -> Finding:
    last = query.batches[-1] if query.batches else None
    since = last.at + (last.duration_ms or 0) / 1000 if last else now
    why = innermost(query.exception or "") or "it failed, and no layer says why"
    return Finding("failed", why[:500], since)


def _restarting(query: StreamingQuery, now: float, limits: Thresholds) -> Finding | None:
    if query.started_at is None or now - query.started_at > limits.restarts_within:
        return None
    recent = [start for start in query.runs if query.started_at - start <= limits.restarts_within]
    if len(recent) < limits.restarts:
        return None
    span = _span(query.started_at - recent[0])
    return Finding("restarting", f"{len(recent) + 1} runs within {span}, the last one included", recent[0])


def _stalled(query: StreamingQuery, now: float, limits: Thresholds, _: bool) -> Finding | None:
    if query.state == "idle" or query.quiet_since is None:
        return None
    quiet = now - query.quiet_since
    period = period_seconds(query.batches) or limits.trigger
    if quiet < max(limits.stalled_after, 3 * (period or 0.0)):
        return None
    usual = f"; before, one came every {_span(period)}" if period else ""
    if query.state == "processing":
        what = f"a batch has been running for {_span(quiet)}"
    elif query.batches and not any(batch.input_rows for batch in query.batches[-3:]):
        return None  # nothing came in before either: it waits for data
    elif query.batches and period is None:
        return None  # of one batch nobody can tell when the next is due
    else:
        what = f"no batch has ended for {_span(quiet)}"
        usual += "; its source is silent, or does not answer" if query.batches else ""
    return Finding("stalled", what + usual, query.quiet_since)


def _falling_behind(query: StreamingQuery, now: float, limits: Thresholds, _: bool) -> Finding | None:
    def bad(batch: Batch, earlier: Batch | None) -> bool | None:
        if earlier and batch.lag is not None and earlier.lag is not None and earlier.lag != batch.lag:
            # A source that hands out so many rows a batch shows it in what it keeps back, not in the rates.
            return batch.lag > max(earlier.lag, batch.input_rows or 0)
        taken, done = batch.input_rows_per_second, batch.processed_rows_per_second
        if taken is None or done is None:
            return None
        # Spark divides the rows by the time since it last looked, which may be 10 ms ago.
        return taken > done * (1 + limits.behind_margin) and not (earlier and waited(earlier, batch))

    held = holding(query.batches, bad, limits.behind_batches, limits.recover_batches)
    if not held:
        return None
    return Finding("falling-behind", _lagging(held) or _too_slow(query, held), held[0].at)


def _lagging(held: Sequence[Batch]) -> str | None:
    told = [(batch.at, batch.lag) for batch in held if batch.lag is not None]
    if len(told) < 2 or told[-1][1] <= told[0][1]:
        return None
    (first, less), (last, more) = told[0], told[-1]
    return (
        f"{more:,} rows behind, {more - less:,} more than {len(told) - 1} batches before"
        f"; {(more - less) / (last - first) * 60:,.0f} more a minute: at this rate it never catches up"
    )


def _too_slow(query: StreamingQuery, held: Sequence[Batch]) -> str:
    taken = median(batch.input_rows_per_second or 0.0 for batch in held[-5:])
    done = median(batch.processed_rows_per_second or 0.0 for batch in held[-5:])
    evidence = f"{taken:,.0f} rows/s come in and {done:,.0f} are processed, over {len(held)} batches"
    backlog = _backlog(query, held)
    if backlog > 0:
        evidence += f"; {backlog:,.0f} rows behind"
        if done > taken:
            evidence += f", caught up in {_span(backlog / (done - taken))} at these rates"
        else:
            evidence += f", {(taken - done) * 60:,.0f} more a minute; at these rates it never catches up"
    return evidence


def _backlog(query: StreamingQuery, held: Sequence[Batch]) -> float:
    lags = [source.lag for source in query.sources if source.lag is not None]
    if lags:
        return float(sum(lags))
    made = 0.0
    for batch in held:
        rates = (batch.input_rows_per_second or 0.0) - (batch.processed_rows_per_second or 0.0)
        made = max(0.0, made + rates * (batch.duration_ms or 0.0) / 1000)
    return made


def _slow_batch(query: StreamingQuery, now: float, limits: Thresholds, _: bool) -> Finding | None:
    trigger = limits.trigger or trigger_seconds(query.batches)
    if trigger is None:
        return None

    def bad(batch: Batch, _: Batch | None) -> bool | None:
        return None if batch.duration_ms is None else batch.duration_ms > trigger * 1000

    held = holding(query.batches, bad, limits.slow_batches, limits.recover_batches)
    if not held:
        return None
    usual = median(batch.duration_ms or 0.0 for batch in held[-5:])
    evidence = (
        f"batches take {_span(usual / 1000)} where the trigger is {_span(trigger)} ({len(held)} of them)"
    )
    parts = {name: ms for name, ms in held[-1].parts_ms.items() if name != "triggerExecution"}
    if parts:
        slowest = max(parts, key=lambda name: parts[name])
        evidence += f"; {slowest} takes {_span(parts[slowest] / 1000)} of the last"
    return Finding("slow-batch", evidence, held[0].at)


def _state_growth(query: StreamingQuery, now: float, limits: Thresholds, already: bool) -> Finding | None:
    told = [batch for batch in query.batches if batch.state_rows is not None]
    growing = told[-1:]
    for batch in reversed(told[:-1]):
        # Less than one part in a hundred is no shrinking.
        if (batch.state_rows or 0) > (growing[0].state_rows or 0) * 1.01:
            break
        growing.insert(0, batch)
    if len(growing) < limits.state_batches:
        return None
    first, last = growing[0].state_rows or 0, growing[-1].state_rows or 0
    # What grew as high before, and was cleaned, will be cleaned again.
    high = max((batch.state_rows or 0 for batch in told[: -len(growing)]), default=0)
    # Once told, half of the growth is enough to go on telling it.
    wanted = limits.state_growth / (2 if already else 1)
    if (
        last < limits.state_rows
        or last < max(first, high) * (1 + wanted)
        or last == growing[len(growing) // 2].state_rows
    ):
        return None
    span = growing[-1].at - growing[0].at
    evidence = f"state rows went from {first:,} to {last:,} in {len(growing)} batches, and never down"
    if span > 0:
        evidence += f"; {(last - first) / span * 60:,.0f} more a minute"
    if growing[-1].state_bytes:
        evidence += f"; {growing[-1].state_bytes / (1 << 20):,.1f} MiB now"
    return Finding("state-growth", evidence, growing[0].at)


def _watermark_stuck(query: StreamingQuery, now: float, limits: Thresholds, _: bool) -> Finding | None:
    told = [batch for batch in query.batches if batch.watermark]
    if not told:
        return None
    stuck = list(takewhile(lambda batch: batch.watermark == told[-1].watermark, reversed(told)))[::-1]
    fed = [batch for batch in stuck if batch.input_rows]
    # The watermark of a batch comes from the rows before it: the first batch with a new one is no evidence.
    if len(fed) <= limits.watermark_batches or stuck[-1].at - stuck[0].at < limits.watermark_after:
        return None
    # Events whose times are whole hours move it once an hour: it may stand twice as long as it did before.
    before = groupby(told[: -len(stuck)], key=lambda batch: batch.watermark)
    if len(fed) <= 2 * max((sum(bool(one.input_rows) for one in stand) for _, stand in before), default=0):
        return None
    rows = sum(batch.input_rows or 0 for batch in fed[1:])
    span = _span(stuck[-1].at - stuck[0].at)
    evidence = f"the watermark has not moved in {len(stuck)} batches ({span}), and {rows:,} rows came in"
    return Finding("watermark-stuck", evidence, stuck[0].at)


def _span(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
