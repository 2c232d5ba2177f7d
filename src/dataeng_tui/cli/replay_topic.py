"""``dataeng-tui replay check PATH --events FILE``: a dump of a real topic, checked key by key."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from dataeng_tui.replay import report
from dataeng_tui.replay.scenario import load
from dataeng_tui.replay.topic import Part, Topic, read_dump, split
from dataeng_tui.text import clean

SECONDS = 5.0  # for each key, where nothing else is said


def check_dump(
    path: str, file: Path, faults: Sequence[str], seconds: float | None, spark: str | None
) -> tuple[Topic, Part, float]:
    """Check the dump with the scenario's write; how long it took, in seconds, comes last."""
    from dataeng_tui.demo.java import use_java
    from dataeng_tui.replay.topic_run import on_cores, on_spark

    scenario = load(path, read_dump(file))
    topic = split(scenario)
    names, limit = tuple(faults) or scenario.faults, seconds or scenario.seconds or SECONDS
    started = time.perf_counter()
    told = _progress if sys.stderr.isatty() else None
    if spark is not None:
        if spark.startswith("local"):
            use_java()
        found = on_spark(topic, names, limit, spark)  # with Spark's own line of progress
    else:
        found = on_cores(topic, names, limit, told=told)
    if told is not None:
        click.echo("\r\x1b[K", err=True, nl=False)
    return topic, found, time.perf_counter() - started


def _progress(found: Part, groups: int) -> None:
    done = sum(found.verdicts.values())
    bad = done - found.verdicts.get("replay-safe", 0)
    click.echo(f"\r\x1b[K{done:,} of {groups:,} keys, {bad:,} not safe", err=True, nl=False)


def as_json(topic: Topic, found: Part, seconds: float) -> dict[str, Any]:
    """What came of it, for scripts."""
    return {
        "scenario": topic.scenario.name,
        "verdict": found.verdict,
        "events": found.events,
        "keys": len(topic.groups),
        "longest_key": found.longest,
        "verdicts": dict(found.verdicts),
        "compared": "every row of every table" if topic.whole_tables else "what the reader sees",
        "counterexamples": [{"key": key, **verdict.as_json()} for key, verdict in found.found],
        "seconds": round(seconds, 3),
        "events_per_second": round(found.events / seconds) if seconds else None,
    }


def as_text(topic: Topic, found: Part, seconds: float) -> str:
    """What came of it, for people: the counts, the bounds, and the shortest counterexample."""
    counts = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(found.verdicts.items()))
    rate = f"{found.events / seconds:,.0f} events a second" if seconds else ""
    lines = [
        f"{clean(topic.scenario.title)}: {found.verdict}",
        "",
        f"  {found.events:,} events, {len(topic.groups):,} keys that share no row: {counts}",
        f"  the longest key has {found.longest:,} events; {seconds:.1f} s, {rate}",
    ]
    if topic.whole_tables:
        lines.append(
            "  the reader's query cannot be split by key: every row of every table was compared instead"
        )
    for key, verdict in found.found[:1]:
        lines += ["", f"  the shortest, key {clean(key, 80)}, its events numbered by themselves:", ""]
        lines += [f"  {line}".rstrip() for line in report.text(verdict, topic.scenario).split("\n")]
    return "\n".join(lines)
