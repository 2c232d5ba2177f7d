"""For pytest: ``assert_replay_safe("path/to/scenario")``, as a fixture and to import.

pytest loads this module in every run where the package is installed, so that it imports nothing of weight
until a test asks for something.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dataeng_tui.replay.scenario import Scenario
    from dataeng_tui.replay.schedule import Step
    from dataeng_tui.replay.verdict import FaultVerdict, Verdict

__all__ = ["assert_replay_safe", "rows_after"]


def assert_replay_safe(
    path: str, faults: Sequence[str] | None = None, seconds: float | None = None
) -> "Verdict":
    """The verdict, if the scenario is proved safe under its faults, or these, in time; else the test fails.

    The failure tells each counterexample and prints it as a test to paste. *Undecided* fails: it is no proof.
    Raises UserError where the scenario cannot be read or its SQL does not hold.
    """
    __tracebackhide__ = True
    from dataclasses import replace

    from dataeng_tui.replay import report
    from dataeng_tui.replay.check import check
    from dataeng_tui.replay.scenario import load

    scenario = load(path)
    if seconds is not None:
        scenario = replace(scenario, seconds=seconds)
    verdict = check(scenario, faults)
    if verdict.exit_code:
        tests = [
            as_test(scenario, fault, path) for fault in verdict.faults if fault.counterexample is not None
        ]
        paste = "\n\n".join(("", "As a test to paste:", *tests)) if tests else ""
        pytest.fail(f"{report.text(verdict, scenario)}{paste}", pytrace=False)
    return verdict


@pytest.fixture(name="assert_replay_safe")
def _assert_replay_safe() -> "Callable[..., Verdict]":
    """The function of the same name."""
    return assert_replay_safe


def rows_after(path: str, *steps: str) -> list[dict[str, Any]]:
    """What the scenario's reader sees after these steps, in an order that is always the same.

    A step is ``"deliver 3"``, ``"rewind 1"``, ``"transaction 3.2"`` (event 3's second) or ``"crash 3"``, the
    last two with ``" @2"`` for another worker than the first. Raises UserError for any other.
    """
    from dataeng_tui.replay.scenario import load
    from dataeng_tui.replay.timeline import play

    timeline = play(load(path), tuple(_step(text) for text in steps))
    rows = [dict(zip(timeline.columns, row, strict=True)) for row in timeline.frames[-1].observed]
    return sorted(rows, key=repr)


def as_test(scenario: "Scenario", fault: "FaultVerdict", path: str) -> str:
    """A counterexample as the source of a test that fails while the write has the bug."""
    found = fault.counterexample
    assert found is not None
    name = "".join(char if char.isalnum() else "_" for char in f"{scenario.name}_{fault.fault}".lower())
    lines = [f"def test_{name}() -> None:", "    from dataeng_tui.replay.pytest_plugin import rows_after", ""]
    lines.append(f"    with_the_fault = rows_after({', '.join([repr(path), *map(_said, found.schedule)])})")
    if found.versus:
        lines.append(f"    without_it = rows_after({', '.join([repr(path), *map(_said, found.versus)])})")
        lines.append("    assert with_the_fault == without_it")
    else:
        expected = sorted((dict(row) for row in found.versus_rows), key=repr)
        lines.append(f"    assert with_the_fault == {expected!r}")
    return "\n".join(lines)


def _said(step: "Step") -> str:
    part = f".{step.transaction + 1}" if step.kind == "transaction" else ""
    worker = f" @{step.worker + 1}" if step.worker else ""
    return repr(f"{step.kind} {step.event + 1}{part}{worker}")


def _step(text: str) -> "Step":
    import re

    from dataeng_tui.errors import UserError
    from dataeng_tui.replay.schedule import Step

    match = re.fullmatch(r"(deliver|rewind|crash|transaction) (\d+)(?:\.(\d+))?(?: @(\d+))?", text.strip())
    if match is None or (match[1] == "transaction") != (match[3] is not None) or "0" in match.groups():
        raise UserError(f'A step is "deliver 3", "rewind 1", "transaction 3.2" or "crash 3", not {text!r}.')
    kind: Any = match[1]
    return Step(kind, int(match[2]) - 1, int(match[3] or 1) - 1, int(match[4] or 1) - 1)
