"""A dump of a topic, 100,000 events over 10,000 keys: events a second on one core, on two, on local Spark."""

import os
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dataeng_tui.replay.scenario import load
from dataeng_tui.replay.topic import Part, Topic, read_dump, split
from dataeng_tui.replay.topic_run import on_cores, on_spark
from tests.replay.test_topic import dump

EVENTS, KEYS = 100_000, 10_000
pytestmark = pytest.mark.bench


@cache
def topic() -> Topic:
    with TemporaryDirectory() as folder:
        return split(load("one-to-many", read_dump(dump(Path(folder) / "dump.jsonl", EVENTS, KEYS))))


@cache
def rate(where: str) -> float:
    started = time.perf_counter()
    if where == "spark":
        found: Part = on_spark(topic(), ["lost-ack"], 5.0, f"local[{os.cpu_count()}]")
    else:
        found = on_cores(topic(), ["lost-ack"], 5.0, int(where))
    assert dict(found.verdicts) == {"replay-safe": len(topic().groups)}
    assert found.events == EVENTS
    return EVENTS / (time.perf_counter() - started)


def test_reading_and_splitting_is_a_small_part_of_it(tmp_path: Path) -> None:
    started = time.perf_counter()
    topic()
    split_seconds = time.perf_counter() - started
    print(f"\nread and split: {EVENTS / split_seconds:,.0f} events/s; one core: {rate('1'):,.0f} events/s")
    assert EVENTS / split_seconds > 3 * rate("1")


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
def test_two_cores_are_faster_than_one() -> None:
    print(f"\none core: {rate('1'):,.0f} events/s; two: {rate('2'):,.0f} events/s")
    assert rate("2") > 1.4 * rate("1")


@pytest.mark.spark
def test_spark_costs_no_more_than_its_start() -> None:
    print(f"\nlocal Spark: {rate('spark'):,.0f} events/s; one core: {rate('1'):,.0f} events/s")
    assert rate("spark") > 0.5 * rate("1")
