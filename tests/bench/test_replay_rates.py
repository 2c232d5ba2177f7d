"""The search's figures, as ratios to the bare SQL of the same run, or as bytes and CPU.

Run with  pytest -m bench tests/bench/test_replay_rates.py -s
"""

import itertools
import json
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from math import factorial

import pytest

from dataeng_tui.replay.check import Run, check
from dataeng_tui.replay.scenario import Event, Scenario, builtin_names, load
from dataeng_tui.replay.service import Replay
from dataeng_tui.replay.states import States
from dataeng_tui.replay.verdict import FaultVerdict
from tests.replay.test_commute import many_on_one_key

pytestmark = pytest.mark.bench

CONVERGING = ("one-to-many", "last-time-id", "inbox", "max-merge")
FAULT = "reorder+redelivery"


def campaign(name: str, events: int) -> Scenario:
    """The built-in ``name`` with a longer log: two sends of each campaign."""
    log = tuple(
        Event(
            i + 1,
            {
                "message_id": f"m{i:04}", "id": i // 2 + 1, "email": f"E{i // 2}", "subject": "S",
                "sent": 100 + i, "date": f"2021-12-01 {12 + i % 2}:00:00", "partition": i // 2,
                "offset": i % 2,
            },
        )
        for i in range(events)
    )  # fmt: skip
    scenario = load(name)
    return replace(
        scenario, events=log, messages=tuple(range(events)), partitions=(None,) * events, expect=None
    )


def searched(scenario: Scenario, *, apart: bool = False) -> tuple[FaultVerdict, float]:
    """The verdict under any order and redelivery, and the CPU seconds, the opening included."""
    start = time.process_time()
    run = Run(scenario, apart=apart)
    found = run.fault(FAULT, time.perf_counter() + 100)
    run.close()
    return found, time.process_time() - start


def bare(scenario: Scenario, deliveries: int) -> float:
    """CPU seconds of nothing but that many deliveries' statements, on a plain connection."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for sql in scenario.schema:
        connection.execute(sql)
    plans = [
        [
            (s.bound, tuple(event.fields[p] for p in s.parameters))
            for part in scenario.transactions
            for s in part.statements
        ]
        for event in scenario.events
    ]
    connection.execute("BEGIN")
    start = time.process_time()
    for plan in itertools.islice(itertools.cycle(plans), deliveries):
        for sql, arguments in plan:
            connection.execute(sql, arguments)
    return time.process_time() - start


# Without the proof every delivery is run, watched by triggers and taken back: in instructions, that alone is
# twice the bare statements.
@pytest.mark.parametrize("name", CONVERGING)
@pytest.mark.parametrize("proved", [True, False], ids=["footprints", "every-delivery-run"])
def test_twelve_events_joint(name: str, proved: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not proved:
        monkeypatch.setattr(States, "_footprints", lambda self: None)
    scenario = campaign(name, 12)
    found, seconds = min((searched(scenario) for _ in range(3)), key=lambda pair: pair[1])
    plain = min(bare(scenario, found.transitions) for _ in range(3))
    hours = factorial(12) * 12 * plain / found.transitions / 3600
    print(
        f"{name}: {found.transitions:,} transitions, {seconds:.3f} s, {seconds / plain:.2f} x bare; "
        f"12! orders: {hours:.0f} h"
    )
    assert found.verdict == "replay-safe"
    assert seconds <= (2.5 if proved else 4) * plain


@pytest.mark.parametrize("name", ["inbox", "one-to-many"])
def test_a_thousand_rows_beforehand(name: str) -> None:
    empty = campaign(name, 12)
    names = {
        "inbox": "campaign (id, email, subject, date, sent)",
        "one-to-many": "campaign (id, email, subject)",
    }
    values = {"inbox": "i, 'x', 'y', 'z', 1", "one-to-many": "i, 'x', 'y'"}
    rows = (
        "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1999) "
        f"INSERT INTO {names[name]} SELECT {values[name]} FROM n"
    )
    full = replace(empty, schema=(*empty.schema, rows))
    without = min(searched(empty)[1] for _ in range(3))
    found, with_rows = min((searched(full) for _ in range(3)), key=lambda pair: pair[1])
    print(f"{name}: {with_rows / without:.2f} x")
    assert found.verdict == "replay-safe"
    assert with_rows <= 2 * without


def test_sixteen_events_joint_in_a_hundred_megabytes() -> None:
    code = """
import resource, time, json
from dataeng_tui.replay import explore
from tests.bench.test_replay_rates import campaign, searched
explore.MANY = 16  # by sets: there is a shorter way for so many
found, seconds = searched(campaign("inbox", 16))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([found.verdict, found.nodes, found.transitions, seconds, peak]))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    verdict, nodes, transitions, seconds, peak = json.loads(out)
    print(f"{nodes:,} states, {transitions:,} transitions, {seconds:.1f} s, {peak / 1e6:.0f} MB")
    assert verdict == "replay-safe"
    assert nodes == 2**16
    assert peak <= 100e6


def test_three_hundred_events_that_share_nothing() -> None:
    found, seconds = min(
        (searched(campaign("one-to-many", 300), apart=True) for _ in range(3)), key=lambda p: p[1]
    )
    print(f"{seconds * 1000:.0f} ms")
    assert found.verdict == "replay-safe"
    assert seconds <= 0.1


@pytest.mark.parametrize("name", CONVERGING)
def test_a_hundred_events_on_one_key(name: str) -> None:
    found, seconds = min((searched(many_on_one_key(name, 100)) for _ in range(3)), key=lambda pair: pair[1])
    print(f"{name}: {found.transitions:,} transitions, {seconds:.2f} s")
    assert found.verdict == "replay-safe"
    assert seconds <= 5


def test_the_whole_matrix() -> None:
    Replay().matrix()
    start = time.process_time()
    found = Replay().matrix()
    seconds = time.process_time() - start
    print(f"{len(found.rows)} strategies x {len(found.columns)}: {seconds:.2f} s")
    assert len(found.rows) == len(builtin_names())
    assert seconds <= 0.5


def test_the_blogs_bug_in_a_millisecond() -> None:
    scenario = load("additive")
    found = min((check(scenario, forget=False).faults[0] for _ in range(9)), key=lambda fault: fault.seconds)
    print(f"{found.seconds * 1000:.2f} ms")
    assert found.counterexample is not None
    assert found.counterexample.length == 2
    assert found.seconds < 0.002
