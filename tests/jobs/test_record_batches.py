"""Columns from Spark's Arrow say what its rows say, value by value."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dataeng_tui.record_batches import read, reader

pytestmark = pytest.mark.spark

WHEN = st.datetimes(datetime(1901, 1, 1), datetime(2199, 12, 31))
TYPES: dict[str, st.SearchStrategy[Any]] = {
    "tinyint": st.integers(-(2**7), 2**7 - 1),
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "int": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "string": st.text(st.characters(exclude_categories=["Cs"])),
    "binary": st.binary(),
    "decimal(38, 18)": st.decimals(-(10**19), 10**19, places=18),
    "decimal(9, 0)": st.decimals(-(10**8), 10**8, places=0),
    "date": st.dates(date(1, 1, 1)),
    "timestamp": WHEN,
    "timestamp_ntz": WHEN,
}
ROWS = st.lists(st.tuples(*[st.none() | values for values in TYPES.values()]), min_size=1, max_size=40)


@contextmanager
def options(spark: Any, **values: str) -> Iterator[None]:
    """The session's Arrow with other options, for a while."""
    names = {f"spark.sql.execution.arrow.{name}": value for name, value in values.items()}
    for name, value in names.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name in names:
            spark.conf.unset(name)


def by_columns(frame: Any) -> list[tuple[Any, ...]]:
    batches = read(frame)
    assert batches is not None
    return [row for columns in batches for row in zip(*columns, strict=True)]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.reuse, Phase.generate],  # to make a failing example smaller takes Spark minutes
)
@given(ROWS)
def test_every_flat_type_and_null_as_a_row_has_it(spark: Any, rows: list[tuple[Any, ...]]) -> None:
    schema = ", ".join(f"c{number} {kind}" for number, kind in enumerate(TYPES))
    frame = spark.createDataFrame(rows, schema).coalesce(1)
    with options(spark, maxRecordsPerBatch="7"):
        found = by_columns(frame)
    wanted = [tuple(row) for row in frame.collect()]
    assert found == wanted
    for one, other in zip(found, wanted, strict=True):
        for mine, theirs in zip(one, other, strict=True):
            assert type(mine) is type(theirs) or isinstance(mine, bytes)
            assert not isinstance(mine, Decimal) or mine.as_tuple() == theirs.as_tuple()


def test_rows_keep_their_order_through_partitions_and_batches(spark: Any) -> None:
    with options(spark, maxRecordsPerBatch="100"):
        frame = spark.range(0, 2500, 1, 4).selectExpr("id", "cast(id % 3 = 0 AS boolean) AS third")
        sizes = [len(ids) for ids, _ in read(frame) or ()]
        assert by_columns(frame) == [(number, number % 3 == 0) for number in range(2500)]
    assert max(sizes) == 100


def test_bytes_that_are_no_text_are_shown_as_such(spark: Any) -> None:
    frame = spark.sql("SELECT cast(x'41ff42' AS string) AS t UNION ALL SELECT 'a\u0000ü'").coalesce(1)
    assert sorted(by_columns(frame)) == [("A\ufffdB",), ("a\0ü",)]


def test_nothing_is_no_batch(spark: Any) -> None:
    assert by_columns(spark.range(0)) == []


@pytest.mark.parametrize("kind", ["array(1)", "map(1, 2)", "struct(1)", "null", "INTERVAL '1' DAY"])
def test_a_type_that_is_not_flat_is_left_to_rows(spark: Any, kind: str) -> None:
    assert read(spark.sql(f"SELECT 1 AS a, {kind} AS b")) is None


def test_an_arrow_that_says_something_else_is_noticed(spark: Any) -> None:
    rows = reader(spark, lambda frame: iter([[["by rows"]]]))
    assert list(rows(spark.range(0, 1, 1, 1))) == [[[0]]]
    assert list(rows(spark.sql("SELECT array(1)"))) == [[["by rows"]]]
    with options(spark, useLargeVarTypes="true"), pytest.raises(ValueError, match="Arrow says"):
        reader(spark, rows)


def test_batches_are_not_packed_where_other_arrow_is(spark: Any) -> None:
    with options(spark, **{"compression.codec": "zstd"}):  # of Python's own functions, since 4.1
        frame = spark.range(0, 30_000, 1, 1).selectExpr("id", "'the same' AS text")
        assert by_columns(frame) == [(number, "the same") for number in range(30_000)]
