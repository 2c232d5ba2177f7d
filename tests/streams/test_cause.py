"""The evidence of a failure is what went wrong, not how Spark wrapped it."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeng_tui.streams.cause import innermost
from dataeng_tui.streams.health import judge
from dataeng_tui.streams.snapshot import StreamingQuery
from tests.streams.test_recordings import ui

# What the list pages of Spark 3.5.8 and 4.3.0 told of queries that failed in Python, most frames left out.
FAILURES = json.loads(Path(__file__).with_name("python_failures.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        ("insert", "ValueError: no table 'orders' for batch 0"),  # raised in foreachBatch
        ("chained", "RuntimeError: the configuration has no k"),  # raised … from another
        ("udf", "ZeroDivisionError: integer division or modulo by zero"),  # in a worker
        ("action", "is not true!"),  # Spark's own, in a batch's action: Py4JJavaError before 4.0
        ("java", 'NumberFormatException: For input string: "x"'),
    ],
)
@pytest.mark.parametrize("version", ["3.5.8", "4.3.0"])
def test_what_python_raised_is_the_cause(failure: str, cause: str, version: str) -> None:
    found = innermost(FAILURES[failure][version])
    assert cause in found
    assert not found.startswith(("py4j", "Caused by", "org.apache.spark.SparkException"))


def test_javas_last_cause_that_says_something() -> None:
    text = "a.Wrapper: no\n\tat x\nCaused by: b.Real: disk full\n\tat y\nCaused by: java.io.EOFException\n"
    assert innermost(text) == "b.Real: disk full"
    assert innermost("[STREAM_FAILED] Query [id = 1] terminated with exception: boom") == "boom"
    text = "Traceback (most recent call last):\n  File\npy4j.protocol.Py4JJavaError: o1\n: b.Real: no\n\tat x"
    assert innermost(text) == "b.Real: no"
    assert innermost(" \n\n") == ""


def test_every_recorded_failure_is_told_by_its_cause(recorded: dict[str, Any]) -> None:
    for query in ui(recorded).queries:
        if query.exception:
            (found, *_) = judge(query, recorded["at"])
            assert "is not true!" in found.evidence
            assert "Job aborted" not in found.evidence


def test_the_finding_is_short_and_the_exception_stays_whole() -> None:
    text = "Traceback (most recent call last):\n  File\nValueError: " + "x" * 1_000_000
    query = StreamingQuery("a", "r", state="failed", exception=text)
    (found,) = judge(query, 0.0)
    assert found.evidence.startswith("ValueError: xxx")
    assert len(found.evidence) == 500
    assert query.exception == text


PIECES = ["Caused by: a: b", "Caused by: x", "Traceback (most recent call last):", "  File", "\tat x", "",
          "E: y", "py4j.protocol.Py4JJavaError: z", ": w", "x terminated with exception: "]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES)))
def test_any_text_gives_one_line_and_something_where_there_is_something(lines: list[str]) -> None:
    found = innermost("\n".join(lines))
    assert "\n" not in found
    assert bool(found) == any(line.strip() for line in lines)


def test_a_megabyte_of_tracebacks_is_read_in_no_time() -> None:
    began = time.process_time()
    innermost("  Traceback (most recent call last):\n" * 30_000)
    assert time.process_time() - began < 2  # forty, where each is followed to the end
