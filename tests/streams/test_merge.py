"""The laws of merging: nothing known is lost, nothing is made up, and the better layer wins."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dataeng_tui.streams.board import Board
from dataeng_tui.streams.merge import RANK, Part, fill, merge_batches, merge_query
from dataeng_tui.streams.snapshot import Application, Batch, Layer, Observation, StreamingQuery

LAYERS = st.sampled_from(["session", "event-log", "driver-ui", "metrics", "checkpoint"])
MAYBE = st.none() | st.integers(0, 9)
BATCHES = st.builds(Batch, at=st.integers(1, 6).map(float), id=MAYBE, input_rows=MAYBE, state_rows=MAYBE)
STATES = st.sampled_from(
    [None, "running", "waiting", "idle", "processing", "initializing", "finished", "failed"]
)
QUERIES = st.builds(
    StreamingQuery,
    st.just("app"),
    st.just("run"),
    name=st.sampled_from([None, "a", "b"]),
    batch_id=MAYBE,
    input_rows=MAYBE,
    state=STATES,
)


@given(
    st.lists(st.tuples(LAYERS, BATCHES), max_size=12, unique_by=lambda told: (told[0], told[1].at)),
    st.randoms(),
)
def test_batches_come_out_the_same_in_any_order(told: list[tuple[Layer, Batch]], random: object) -> None:
    def merged(order: list[tuple[Layer, Batch]]) -> tuple[tuple[int, Batch], ...]:
        known: tuple[tuple[int, Batch], ...] = ()
        for layer, batch in order:
            known = merge_batches(known, layer, [batch], 100)
        return known

    starts = [batch.at for _, batch in merged(told)]
    assert starts == sorted({batch.at for _, batch in told})
    best = merged(sorted(told, key=lambda one: one[0]))
    assert [batch.at for _, batch in best] == starts
    for _, batch in merged(told):
        for name in ("id", "input_rows", "state_rows"):
            known = [getattr(one, name) for _, one in told if one.at == batch.at]
            value = getattr(batch, name)
            assert (value is None) == all(one is None for one in known)
            assert value is None or value in known


@given(st.lists(BATCHES, max_size=12), st.integers(1, 4))
def test_the_history_is_bounded_to_the_newest(batches: list[Batch], keep: int) -> None:
    kept = merge_batches((), "driver-ui", batches, keep)
    assert [batch.at for _, batch in kept] == sorted({batch.at for batch in batches})[-keep:]


@given(
    st.lists(st.tuples(LAYERS, QUERIES), min_size=1, max_size=4, unique_by=lambda told: told[0]), st.randoms()
)
def test_a_run_is_the_same_in_whatever_order_its_layers_spoke(
    told: list[tuple[Layer, StreamingQuery]], random: object
) -> None:
    parts = [Part(layer, query) for layer, query in told]
    merged = merge_query(parts)
    assert merge_query(parts[::-1]) == merged
    best = min(told, key=lambda one: RANK[one[0]])[1]
    assert merged.name == (best.name or merged.name)
    known = [query.input_rows for _, query in told if query.input_rows is not None]
    assert (merged.input_rows is None) == (not known)
    states = {query.state for _, query in told}
    if "failed" in states:
        assert merged.state == "failed"
    if states == {None}:
        assert merged.state is None


@given(QUERIES, QUERIES)
def test_filling_loses_nothing_and_invents_nothing(better: StreamingQuery, worse: StreamingQuery) -> None:
    filled = fill(better, worse)
    for name in ("name", "batch_id", "input_rows", "state"):
        values = getattr(better, name), getattr(worse, name)
        assert getattr(filled, name) == (values[0] if values[0] is not None else values[1])
    assert fill(filled, worse) == filled


def test_what_a_silent_layer_said_is_the_past() -> None:
    running = StreamingQuery("app", "run", state="processing")
    assert merge_query([Part("driver-ui", running, answered=False)]).state is None
    over = replace(running, state="failed")
    assert merge_query([Part("driver-ui", over, answered=False)]).state == "failed"
    live = Part("event-log", replace(running, state="waiting"))
    assert merge_query([Part("driver-ui", running, answered=False), live]).state == "waiting"


def test_a_run_that_nobody_lists_is_forgotten_in_the_end() -> None:
    board = Board(lambda *_: (), forget_after=60.0)
    told = Observation(
        "driver-ui", "a", 0.0, (Application("app"),), (StreamingQuery("app", "run", state="idle"),)
    )
    board.accept(told)
    board.accept(replace(told, at=10.0, queries=()))
    assert [query.state for query in board.snapshot(20.0).queries] == [None]
    assert board.snapshot(71.0).queries == ()


def test_an_application_that_does_not_answer_is_forgotten_in_the_end() -> None:
    board = Board(lambda *_: (), forget_after=60.0)
    told = Observation(
        "driver-ui", "a", 0.0, (Application("app"),), (StreamingQuery("app", "run", state="idle"),)
    )
    board.accept(told)
    board.accept(Observation("driver-ui", "a", 10.0, answered=False))
    assert [application.state for application in board.snapshot(11.0).applications] == ["UNREACHABLE"]
    gone = board.snapshot(62.0)
    assert gone.applications == ()
    assert board.snapshot(200.0).queries == ()
