"""A day looked at closely: its sessions, and what was run where."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from dataeng_tui.after_hours.hours import Day, Report
from dataeng_tui.after_hours.sessions import Session
from dataeng_tui.after_hours.statement import Statement

Counts = tuple[tuple[str, int], ...]
"""Names with their statements, the most first; an empty name stands for an unknown one."""


@dataclass(frozen=True, slots=True)
class DayDetail:
    """One day: ``machines`` counts by reason, the rest counts the person's statements."""

    day: Day
    sessions: tuple[Session, ...]
    programs: Counts
    warehouses: Counts
    roles: Counts
    query_types: Counts
    machines: Counts


def day_detail(report: Report, day: date, statements: Iterable[tuple[Statement, str | None]]) -> DayDetail:
    """The detail of a day from its statements, each with a machine's reason or None."""
    counts: dict[str, Counter[str]] = {
        name: Counter() for name in ("program", "warehouse", "role", "query_type", "machine")
    }
    for statement, reason in statements:
        if reason is not None:
            counts["machine"][reason] += 1
            continue
        counts["program"][statement.program or statement.client] += 1
        for name in ("warehouse", "role", "query_type"):
            counts[name][getattr(statement, name)] += 1
    ranked = {
        name: tuple(sorted(found.items(), key=lambda i: (-i[1], i[0]))) for name, found in counts.items()
    }
    return DayDetail(
        report.day(day),
        tuple(report.sessions(day)),
        ranked["program"],
        ranked["warehouse"],
        ranked["role"],
        ranked["query_type"],
        ranked["machine"],
    )
