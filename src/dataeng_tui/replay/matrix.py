"""Strategies against faults: a row a scenario, a column a fault, and each failing cell's counterexample."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dataeng_tui.replay.delivery import FAULTS
from dataeng_tui.replay.scenario import Event, Scenario, Value, read_events
from dataeng_tui.replay.verdict import FaultVerdict, Rows, Verdict
from dataeng_tui.resources import sql_folder
from dataeng_tui.text import clean

SCATTERED, TIE = "partition-order, not by id", "tie"  # the built-in campaign's variations
_HEADS = {
    "lost-ack": "lost ack",
    "rewind": "rewind",
    "partition-order": "by id",
    SCATTERED: "not by id",
    "reorder": "reorder",
    "reorder+redelivery": "+redeliver",
    "crash": "crash",
    "zombie": "zombie",
    TIE: "tie",
}


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One fault of one scenario. ``scenario`` is the one checked: a variation has other events."""

    column: str
    scenario: Scenario
    fault: FaultVerdict | None  # None: the variation does not apply

    @property
    def text(self) -> str:
        """``ok``, ``-`` cannot happen, ``?`` undecided, ``Xn``: the shortest counterexample has n steps."""
        if self.fault is None:
            return ""
        if self.fault.verdict == "diverges" and self.fault.counterexample is not None:
            return f"X{self.fault.counterexample.steps}"
        return {"not-applicable": "-", "undecided": "?"}.get(self.fault.verdict, "ok")


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A scenario, its cells, and the rows after the whole log: as expected or not (None: not said)."""

    scenario: Scenario
    cells: tuple[MatrixCell, ...]
    result: Rows
    as_expected: bool | None

    @property
    def summary(self) -> str:
        """The first row's total, where it ends in one, else how many rows; ``!``: others were expected."""
        last: Value = list(self.result[0].values())[-1] if self.result else None
        count = f"{len(self.result)} row{'s' if len(self.result) != 1 else ''}"
        return (str(last) if isinstance(last, int | float) else count) + (
            " !" if self.as_expected is False else ""
        )


@dataclass(frozen=True, slots=True)
class Matrix:
    """All of it. ``columns`` are faults' names and the variations'."""

    columns: tuple[str, ...]
    rows: tuple[MatrixRow, ...]


Checker = Callable[[Scenario, Sequence[str]], Verdict]


def matrix(scenarios: Sequence[Scenario], checker: Checker) -> Matrix:
    """Every scenario against every fault; the built-in campaign's against its variations as well."""
    columns = columns_of(scenarios)
    return Matrix(columns, tuple(_row(scenario, columns, checker) for scenario in scenarios))


def _row(scenario: Scenario, columns: tuple[str, ...], checker: Checker) -> MatrixRow:
    verdict = checker(scenario, tuple(FAULTS))
    found = {fault.fault: MatrixCell(fault.fault, scenario, fault) for fault in verdict.faults}
    for column, fault in ((SCATTERED, "partition-order"), (TIE, "reorder")):
        varied = variation(scenario, column) if column in columns else None
        first = None if varied is None else checker(varied, (fault,)).faults[0]
        found[column] = MatrixCell(column, varied or scenario, first)
    return MatrixRow(
        scenario, tuple(found[column] for column in columns), verdict.result, verdict.as_expected
    )


def columns_of(scenarios: Sequence[Scenario]) -> tuple[str, ...]:
    """Every fault; among the built-in campaigns the two variations of their log as well."""
    names = list(FAULTS)
    if any(scenario.builtin for scenario in scenarios):
        names.insert(names.index("partition-order") + 1, SCATTERED)
        names.append(TIE)
    return tuple(names)


def variation(scenario: Scenario, column: str) -> Scenario | None:
    """The scenario with the varied campaign's events; None where it is not about that campaign."""
    if not scenario.builtin or not _is_campaign(scenario):
        return None
    folder = sql_folder() / "replay" / "variations"
    if column == TIE:
        return replace(scenario, events=read_events(folder / "tie.jsonl"))
    events = read_events(folder / "scattered.jsonl")
    return replace(scenario, events=events, partitions=tuple(event.fields["lane"] for event in events))


def _is_campaign(scenario: Scenario) -> bool:
    return [_sends(event) for event in scenario.events] == [(1, 100), (2, 100), (1, 1000)]


def _sends(event: Event) -> tuple[Value, Value]:
    return event.fields.get("id"), event.fields.get("sent")


def as_text(found: Matrix) -> str:
    """The table for a terminal, with what its signs mean."""
    first = max(len("strategy"), *(len(clean(row.scenario.name)) for row in found.rows))
    widths = [max(len(_HEADS[column]), 3) for column in found.columns]
    head = "  ".join(_HEADS[c].ljust(w) for c, w in zip(found.columns, widths, strict=True))
    lines = [f"{'strategy':<{first}}  {head}  result"]
    for row in found.rows:
        cells = "  ".join(cell.text.ljust(w) for cell, w in zip(row.cells, widths, strict=True))
        lines.append(f"{clean(row.scenario.name):<{first}}  {cells}  {row.summary}")
    lines += [
        "",
        "Xn  fails: n is the fewest steps, a step being a delivery, a rewind, a crash, or, where workers",
    ]
    lines += [
        "    can be interrupted, one transaction      ok  proved      -  cannot happen      ?  undecided"
    ]
    if SCATTERED in found.columns:
        lines += [
            "by id / not by id  partition-order, the log partitioned by campaign or without regard to it"
        ]
        lines += ["tie  reorder, where two messages of a campaign have the same date"]
    return "\n".join([*lines, "!   stable, but not the expected result"])


def as_json(found: Matrix) -> list[dict[str, Any]]:
    """A row a scenario; ``cells`` by column: as a fault in ``replay check``, with the cell's ``text``."""
    return [
        {
            "scenario": row.scenario.name,
            "result": [dict(item) for item in row.result],
            "as_expected": row.as_expected,
            "cells": {
                cell.column: {"text": cell.text, **cell.fault.as_json()} for cell in row.cells if cell.fault
            },
        }
        for row in found.rows
    ]
