"""Findings on made-up histories: each rule raised, told with its numbers, and cleared without a flicker."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeng_tui.streams.health import Thresholds, judge
from dataeng_tui.streams.rhythm import holding, trigger_seconds
from dataeng_tui.streams.snapshot import Batch, Finding, Focus, SourceProgress, StreamingQuery
from dataeng_tui.streams.sources.event_log import EventLogSource

LOG = Path(__file__).parent / "logs" / "local-1795398444803"
NOW = 1_800_000_000.0


def batches(count: int, every: float = 10.0, **fields: object) -> tuple[Batch, ...]:
    """``count`` batches on a trigger, the last just before NOW; a field may be a function of its number."""
    made = []
    for n in range(count):
        told = {name: value(n) if callable(value) else value for name, value in fields.items()}
        values = {"input_rows": 100, "input_rows_per_second": 10.0, "processed_rows_per_second": 100.0,
                  "duration_ms": 1000.0} | told  # fmt: skip
        made.append(Batch(at=NOW - (count - n) * every, id=n, **values))  # type: ignore[arg-type]
    return tuple(made)


def query(history: tuple[Batch, ...] = (), **fields: object) -> StreamingQuery:
    given = StreamingQuery("app", "run", id="id", state="waiting", batches=history, quiet_since=NOW - 1)
    return replace(given, **fields)  # type: ignore[arg-type]


def codes(found: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in found]


def test_a_healthy_query_has_no_finding() -> None:
    assert judge(query(batches(60)), NOW) == ()


def test_failed_tells_what_happened_and_when_the_last_batch_ended() -> None:
    (found,) = judge(query(batches(3), state="failed", exception="\n  org.Boom: no\n\tat x"), NOW)
    assert (found.code, found.evidence, found.since) == ("failed", "org.Boom: no", NOW - 9)


def test_stalled_while_a_batch_runs_without_end() -> None:
    stuck = query(batches(20), state="processing", quiet_since=NOW - 700)
    (found,) = judge(stuck, NOW)
    assert found.code == "stalled"
    assert found.evidence == "a batch has been running for 12 min; before, one came every 10 s"
    assert found.since == NOW - 700
    assert judge(stuck, NOW - 200) == ()


def test_a_query_that_waits_for_data_is_not_stalled() -> None:
    assert judge(query(batches(20), state="idle", quiet_since=NOW - 9000), NOW) == ()
    assert judge(query(batches(20, input_rows=0), quiet_since=NOW - 9000), NOW) == ()
    assert codes(judge(query(batches(20), quiet_since=NOW - 9000), NOW)) == ["stalled"]


def test_a_slow_rhythm_is_no_stall() -> None:
    hourly = query(batches(10, every=3600.0), quiet_since=NOW - 4000)
    assert judge(hourly, NOW) == ()


def test_a_trigger_longer_than_the_patience_is_no_stall() -> None:
    daily = batches(2, every=86_400.0)
    assert judge(query(daily, quiet_since=NOW - 86_000), NOW) == ()
    assert codes(judge(query(daily, quiet_since=NOW - 4 * 86_400), NOW)) == ["stalled"]
    first = query(batches(1), quiet_since=NOW - 3000)
    assert judge(first, NOW) == ()  # the next may be due in an hour
    assert codes(judge(first, NOW, (), Thresholds(trigger=60.0))) == ["stalled"]
    assert codes(judge(replace(first, state="processing"), NOW)) == ["stalled"]
    assert codes(judge(query((), state="initializing", quiet_since=NOW - 3000), NOW)) == ["stalled"]


def test_falling_behind_names_rates_backlog_and_no_end() -> None:
    history = batches(8, input_rows_per_second=500.0, processed_rows_per_second=400.0, duration_ms=10_000.0)
    (found,) = judge(query(history), NOW, (), Thresholds(trigger=60))
    assert found.code == "falling-behind"
    assert "500 rows/s come in and 400 are processed, over 8 batches" in found.evidence
    assert "8,000 rows behind" in found.evidence
    assert "6,000 more a minute; at these rates it never catches up" in found.evidence
    assert found.since == history[0].at


def test_falling_behind_tells_how_long_the_catching_up_takes() -> None:
    slow = batches(8, input_rows_per_second=500.0, processed_rows_per_second=400.0, duration_ms=10_000.0)
    fast = [replace(batch, processed_rows_per_second=900.0) for batch in slow[-2:]]
    sources = (SourceProgress("kafka", lag=4000),)
    taken = query((*slow[:-2], *fast), sources=sources)
    (found,) = judge(taken, NOW, (), Thresholds(trigger=60))
    assert "4,000 rows behind" in found.evidence  # the broker's own count where there is one
    rates = [900.0, 900.0, 400.0, 900.0, 900.0]
    mostly = [
        replace(batch, processed_rows_per_second=done) for batch, done in zip(slow, rates, strict=False)
    ]
    late = tuple(replace(batch, at=batch.at + 80, id=8 + n) for n, batch in enumerate(mostly))
    (found,) = judge(replace(taken, batches=slow + late), NOW, (), Thresholds(trigger=60))
    assert "4,000 rows behind, caught up in 10 s at these rates" in found.evidence


def test_a_rate_of_the_last_ten_milliseconds_is_no_backlog() -> None:
    """Without a trigger Spark looks for rows without end, and says 2,000 rows/s where 20 came in a second."""
    said = EventLogSource(LOG).poll(NOW, Focus(everything=True))
    (without,) = (one for one in said.queries if one.name is None)
    rates = [(one.input_rows_per_second, one.processed_rows_per_second) for one in without.batches[2:]]
    assert all(taken > 10 * done for taken, done in rates)
    assert judge(replace(without, state="waiting", quiet_since=NOW), NOW) == ()
    back_to_back = batches(8, every=1.0, duration_ms=1000.0, input_rows_per_second=500.0)
    assert codes(judge(query(back_to_back), NOW, (), Thresholds(trigger=60))) == ["falling-behind"]


def lagging(lag: Callable[[int], int], **fields: object) -> tuple[Finding, ...]:
    """Of a source that gives 100 rows a batch: its two rates are the same, whatever waits."""
    history = batches(8, lag=lag, input_rows_per_second=100.0, **fields)
    return judge(query(history), NOW)


def test_what_a_capped_source_keeps_back_is_falling_behind_or_being_worked_off() -> None:
    (found,) = lagging(lambda n: 50_000 + 600 * n)
    assert found.code == "falling-behind"
    assert found.evidence == (
        "54,200 rows behind, 3,600 more than 6 batches before; 3,600 more a minute: "
        "at this rate it never catches up"
    )
    assert lagging(lambda n: 50_000 - 600 * n, processed_rows_per_second=50.0, duration_ms=10_000.0) == ()
    assert lagging(lambda n: 50_000 + 600 * (n % 4)) == ()
    assert lagging(lambda n: n) == ()  # less than one batch


def test_slow_batch_against_a_trigger_read_from_the_rhythm() -> None:
    quick = batches(6, every=10.0)
    late = tuple(
        replace(
            batch,
            at=NOW + 12.5 * n,
            id=6 + n,
            duration_ms=12_500.0,
            parts_ms={"addBatch": 12_000.0, "walCommit": 9},
        )
        for n, batch in enumerate(batches(4))
    )
    (found,) = judge(query(quick + late), NOW)
    assert found.code == "slow-batch"
    assert found.evidence == (
        "batches take 12 s where the trigger is 10 s (4 of them); addBatch takes 12 s of the last"
    )
    assert found.since == NOW


@pytest.mark.parametrize("every", [1.0, 2.0, 5.0, 10.0, 60.0])
def test_the_trigger_is_read_from_batches_that_waited(every: float) -> None:
    start = NOW - NOW % 60
    on_time = [Batch(start + n * every + 0.004 * (n % 3), duration_ms=every * 300) for n in range(8)]
    assert trigger_seconds(on_time) == every
    back_to_back = [Batch(NOW + n * 3.21, duration_ms=3209.0) for n in range(8)]
    assert trigger_seconds(back_to_back) is None


def test_state_growth_is_told_once_and_kept_until_it_is_half() -> None:
    growing = query(batches(30, state_rows=lambda n: 10_000 + 1000 * n, state_bytes=5 << 20))
    (found,) = judge(growing, NOW)
    assert found.code == "state-growth"
    assert "state rows went from 10,000 to 39,000 in 30 batches" in found.evidence
    assert "6,000 more a minute; 5.0 MiB now" in found.evidence
    slower = query(batches(30, state_rows=lambda n: 10_000 + 100 * n))
    assert judge(slower, NOW) == ()
    assert codes(judge(slower, NOW, (found,))) == ["state-growth"]
    assert judge(query(batches(30, state_rows=lambda n: 10_000 + 3000 * (n % 9))), NOW) == ()
    assert judge(query(batches(30, state_rows=lambda n: n)), NOW) == ()  # too little to matter


def test_a_state_that_is_cleaned_now_and_then_does_not_grow() -> None:
    def hourly(n: int) -> int:
        return 1000 + 1000 * (n % 40)

    assert judge(query(batches(79, state_rows=hourly)), NOW) == ()
    more = query(batches(79, state_rows=lambda n: hourly(n) * (1 + n // 40)))
    assert codes(judge(more, NOW)) == ["state-growth"]


def test_watermark_stuck_needs_rows_that_came_in() -> None:
    stuck = batches(15, watermark=NOW - 5000)
    (found,) = judge(query(stuck), NOW)
    assert found.evidence == "the watermark has not moved in 15 batches (2 min), and 1,400 rows came in"
    assert judge(query(batches(15, watermark=NOW - 5000, input_rows=0)), NOW) == ()
    assert judge(query(batches(15, watermark=lambda n: NOW - 5000 + n)), NOW) == ()
    assert judge(query(batches(15, every=1.0, watermark=NOW - 5000)), NOW) == ()  # a quarter of a minute
    # Events with whole hours as their times move it once an hour.
    assert judge(query(batches(45, every=60.0, watermark=lambda n: NOW - 9000 + n // 15 * 3600)), NOW) == ()
    stands = query(batches(70, every=60.0, watermark=lambda n: NOW - 9000 + min(2, n // 15) * 3600))
    assert codes(judge(stands, NOW)) == ["watermark-stuck"]


def test_restarting_counts_runs_and_ends_when_one_has_lasted() -> None:
    again = query(batches(2), started_at=NOW - 30, runs=(NOW - 9000, NOW - 600, NOW - 300))
    (found,) = judge(again, NOW)
    assert (found.code, found.since) == ("restarting", NOW - 600)
    assert found.evidence == "3 runs within 10 min, the last one included"
    assert judge(replace(again, quiet_since=NOW + 3600), NOW + 3601) == ()


def test_one_odd_batch_neither_raises_nor_clears() -> None:
    def behind(pattern: str) -> list[str]:
        history = batches(
            len(pattern),
            processed_rows_per_second=lambda n: 5.0 if pattern[n] == "x" else 50.0,
            duration_ms=10_000.0,
        )
        return codes(judge(query(history), NOW, (), Thresholds(trigger=60)))

    assert behind("xxxx.xxxx.") == []
    assert behind("..xxxxx") == ["falling-behind"]
    assert behind("..xxxxx.x..x") == ["falling-behind"]
    assert behind("..xxxxx...") == []


def test_what_still_holds_keeps_its_beginning() -> None:
    ago = Finding("watermark-stuck", "", NOW - 50_000)
    (found,) = judge(query(batches(15, watermark=NOW - 60_000)), NOW, (ago,))
    assert found.since == ago.since


def test_nothing_is_said_of_a_run_that_nobody_answers_for() -> None:
    assert judge(query(batches(15, watermark=5.0), state=None, quiet_since=NOW - 9000), NOW) == ()


NUMBERS = st.none() | st.floats(0, 1e12)
ANY_BATCH: Callable[..., st.SearchStrategy[Batch]] = lambda: st.builds(  # noqa: E731
    Batch, at=st.floats(1, 2e9), id=st.none(), input_rows=st.none() | st.integers(0, 10**12),
    input_rows_per_second=NUMBERS, processed_rows_per_second=NUMBERS, duration_ms=NUMBERS,
    parts_ms=st.dictionaries(st.text(max_size=3), st.floats(0, 1e9), max_size=3),
    watermark=NUMBERS, state_rows=st.none() | st.integers(0, 10**12),
    state_bytes=st.none() | st.integers(0, 10**15),
)  # fmt: skip


@given(st.lists(ANY_BATCH(), max_size=40), st.sampled_from(["waiting", "processing", "failed", None, "idle"]))
def test_any_history_is_judged_without_an_error_and_each_code_at_most_once(
    history: list[Batch], state: str | None
) -> None:
    history.sort(key=lambda batch: batch.at)
    found = judge(query(tuple(history), state=state), NOW)
    assert len(set(codes(found))) == len(found)
    assert all(finding.evidence for finding in found)


@given(st.lists(st.sampled_from([True, False, None]), max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_holding_changes_only_after_enough_in_a_row(told: list[bool | None], enter: int, leave: int) -> None:
    history = [Batch(at=float(n), id=n) for n in range(len(told))]
    held = False
    for length in range(len(told) + 1):
        now = bool(holding(history[:length], lambda batch, _: told[batch.id or 0], enter, leave))
        if now != held:
            known = [verdict for verdict in told[:length] if verdict is not None]
            needed = enter if now else leave
            assert known[-needed:] == [now] * needed
        held = now
