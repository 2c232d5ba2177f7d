"""A dump of a topic, 100,000 events over 10,000 keys: events a second on one core, on two, on local Spark."""

import os
import time
from functools import cache
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory

import pytest

from dataeng_tui.replay.scenario import load
from dataeng_tui.replay.topic import Part, Topic, read_dump, split
from dataeng_tui.replay.topic_run import on_cores, on_spark
from tests.replay.test_topic import dump

EVENTS, KEYS = 100_000, 10_000
pytestmark = pytest.mark.bench


@cache
def topic() -> tuple[Topic, float]:
    """The dump, split, and how many events a second of CPU that takes."""
    with TemporaryDirectory() as folder:
        file = dump(Path(folder) / "dump.jsonl", EVENTS, KEYS)
        started = time.process_time()
        found = split(load("one-to-many", read_dump(file)))
        return found, EVENTS / (time.process_time() - started)


@cache
def rates(where: str) -> tuple[float, float]:
    """Events a second, and events a second of CPU, by ``where``: so many cores, or Spark."""
    given = topic()[0]
    started, spent = time.perf_counter(), _spent()
    if where == "spark":
        found: Part = on_spark(given, ["lost-ack"], 5.0, f"local[{os.cpu_count()}]")
    else:
        found = on_cores(given, ["lost-ack"], 5.0, int(where))
    assert dict(found.verdicts) == {"replay-safe": len(given.groups)}
    assert found.events == EVENTS
    rate, rate_of_cpu = EVENTS / (time.perf_counter() - started), EVENTS / (_spent() - spent)
    print(f"\n{where}: {rate:,.0f} events/s, {rate_of_cpu:,.0f} a second of CPU")
    return rate, rate_of_cpu


def _spent() -> float:
    """CPU seconds of this process and of those that it has ended."""
    used = (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def test_reading_and_splitting_is_the_smaller_part_of_it() -> None:
    print(f"\nread and split: {topic()[1]:,.0f} events a second of CPU")
    assert topic()[1] > 1.5 * rates("1")[1]


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
def test_two_cores_are_faster_than_one() -> None:
    assert rates("2")[0] > 1.4 * rates("1")[0]


@pytest.mark.spark
def test_spark_does_it_too() -> None:
    assert rates("spark")[0] > 0.5 * rates("1")[0]  # its start is a good part of it
