"""Charts: what is not known is left open, and the picture moves only when a step of time is over."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dataeng_tui.tui.widgets import charts


@given(st.lists(st.none() | st.floats(0, 1e12), max_size=30), st.integers(1, 40))
def test_a_sparkline_has_its_width(values: list[float | None], width: int) -> None:
    assert len(charts.sparkline(values, width)) == width


@given(
    st.lists(
        st.tuples(st.floats(1e9, 1.001e9), st.none() | st.floats(0, 1e12)),
        max_size=40,
        unique_by=lambda p: p[0],
    ),
    st.integers(1, 120),
    st.integers(1, 6),
)
def test_a_chart_has_its_width_and_height(
    told: list[tuple[float, float | None]], width: int, height: int
) -> None:
    columns, step = charts.over_time(sorted(told, key=lambda point: point[0]), width)
    assert len(columns) == width
    assert step > 0
    lines = charts.chart(columns, height, "", charts.highest(columns))
    assert [line.cell_length for line in lines] == [width] * height


def test_a_gap_is_a_gap() -> None:
    told = [(1000.0 + n, 5.0) for n in range(5)] + [(1050.0 + n, 5.0) for n in range(5)]
    columns, step = charts.over_time(told, 60)
    assert step == 1
    line = charts.chart(columns, 1, "", 5.0)[0].plain
    assert line.strip("·").startswith("█████")
    assert "█··" in line.strip("·")
    assert line.endswith("█████")


def test_it_moves_only_when_a_step_is_over() -> None:
    def told(until: int) -> list[charts.Point]:
        return [(1000.0 + n, float(n * 7 % 50)) for n in range(until - 100, until)]

    pictures = [charts.over_time(told(until), 56)[0] for until in range(200, 260)]
    assert sum(a != b for a, b in pairwise(pictures)) <= 60 / 5 + 1


def test_the_latest_of_slow_batches_is_shown() -> None:
    columns, _ = charts.over_time([(1000.0, 1.0), (1030.0, 2.0), (1060.0, 9.0)], 70)
    assert columns[-1] == 9.0


@given(
    st.lists(st.tuples(st.text(max_size=3), st.floats(0.001, 1e9)), min_size=1, max_size=12),
    st.integers(1, 80),
)
def test_a_stacked_bar_fills_its_width(parts: list[tuple[str, float]], width: int) -> None:
    assert charts.stacked(parts, width).cell_length == width


@given(st.none() | st.floats(-1e15, 1e15))
def test_numbers_stay_short(value: float | None) -> None:
    assert len(charts.short(value)) <= 7
    assert charts.short(None) == charts.took(None) == "?"


def test_numbers_as_people_read_them() -> None:
    assert [charts.short(v) for v in (0, 0.25, 14.2, 812, 9_800, 12_345, 3_100_000)] == [
        "0", "0.2", "14.2", "812", "9800", "12.3k", "3.1M",
    ]  # fmt: skip
    assert [charts.took(v) for v in (85, 1_400, 750_000, 7_200_000)] == ["85 ms", "1.4 s", "12.5 m", "2.0 h"]
