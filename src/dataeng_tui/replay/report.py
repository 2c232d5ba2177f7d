"""A verdict as people read it, and as JUnit's XML."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import zip_longest

from dataeng_tui.replay.scenario import Event, Scenario, Value
from dataeng_tui.replay.schedule import Schedule, sentences
from dataeng_tui.replay.verdict import Counterexample, FaultVerdict, Forgotten, Rows, Verdict
from dataeng_tui.text import clean

SIGNS = {
    "replay-safe": "✓",
    "diverges": "✗",
    "unexpected-result": "!",
    "undecided": "?",
    "not-applicable": "–",
}
DIFFERENT = " ≠"


def text(verdict: Verdict, scenario: Scenario) -> str:
    """The whole answer for a terminal: faults, each counterexample once, what is forgotten, the bounds."""
    lines = [f"{clean(verdict.title)}: {verdict.verdict}", ""]
    lines += [f"  {_fault_line(fault)}" for fault in verdict.faults]
    shown: set[Schedule] = set()
    for fault in verdict.faults:
        found = fault.counterexample
        if found is not None and found.schedule not in shown:
            shown.add(found.schedule)
            lines += ["", *_indented(counterexample(fault, found, scenario))]
    if verdict.forgotten:
        lines += ["", f"  The tables no longer tell: {forgotten(verdict.forgotten, len(scenario.events))}."]
    lines += ["", *_indented(bounds(verdict))]
    lines += [f"  {clean(note)}" for note in verdict.notes]
    return "\n".join(lines)


def _fault_line(fault: FaultVerdict) -> str:
    sign = f"{SIGNS[fault.verdict]} {fault.verdict}"
    if fault.verdict == "not-applicable":
        return f"{fault.fault:<20}{sign:<20}the write is one transaction"
    found = fault.counterexample
    if fault.verdict == "diverges" and found is not None:
        more = f"in {_count(found.length, 'delivery', 'deliveries')}"
    elif fault.verdict == "undecided":
        more = f"tried up to {_count(fault.depth, 'delivery', 'deliveries')}" if fault.depth else ""
    elif fault.orders > 1:
        more = f"all {fault.orders_told} orders"
    else:
        more = ""
    effort = f"{_count(fault.nodes, 'state', 'states')}, {_duration(fault.seconds)}"
    return f"{fault.fault:<20}{sign:<20}{more:<27}{effort}"


def counterexample(fault: FaultVerdict, found: Counterexample, scenario: Scenario) -> list[str]:
    """The schedule, the one it is held against, and what the reader sees after each, side by side.

    The events themselves are shown where the scenario has them; a dump's are not part of it.
    """
    proven = (
        ""
        if fault.depth is None
        else f" (no shorter than {fault.depth + 1} deliveries; maybe not the shortest)"
    )
    workers = 1 + max((step.worker for step in found.schedule), default=0)
    steps = sentences(found.schedule, len(scenario.transactions), workers)
    if not found.versus:
        head, other = (
            f"{fault.fault}: no fault parts them, but the result is not the expected one",
            "expected",
        )
    else:
        head, other = f"{fault.fault}: the shortest schedule that breaks it{proven}", "without the fault"
    lines = [head, *(f"  {number}. {sentence}" for number, sentence in enumerate(steps, 1))]
    for event in sorted({step.event for step in found.schedule}) if scenario.events else ():
        lines.append(f"     event {event + 1}: {fields(scenario.events[event])}")
    if found.versus:
        numbers = ", ".join(str(step.event + 1) for step in found.versus)
        lines += [f"  held against the same events without a fault: {numbers}"]
    lines.append("")
    left = table(found.rows, found.versus_rows, "with the fault" if found.versus else "result")
    right = table(found.versus_rows, found.rows, other)
    return lines + _indented(beside(left, right))


def fields(event: Event) -> str:
    """The event's fields in one line."""
    return clean("  ".join(f"{name} {show(value)}" for name, value in event.fields.items()), 90)


def table(rows: Rows, other: Rows, title: str) -> list[str]:
    """The rows under their columns; a cell that ``other`` has differently is marked."""
    columns = list(dict.fromkeys(name for row in (*rows, *other) for name in row))
    if not rows:
        return [title, "(no row)"]
    cells = [
        [_cell(row, partner, column) for column in columns]
        for row, partner in zip(rows, _partners(rows, other), strict=True)
    ]
    widths = [max(len(clean(c)), *(len(line[i]) for line in cells)) for i, c in enumerate(columns)]
    lines = [title, "  ".join(clean(c).ljust(w) for c, w in zip(columns, widths, strict=True)).rstrip()]
    for line in cells:
        lines.append(
            "  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip()
        )
    return lines


def _partners(rows: Rows, other: Rows) -> list[Mapping[str, Value] | None]:
    """For each row the one of ``other`` that it should be: by the first column, where that names rows."""
    first = next(iter(rows[0]), None) if rows else None
    names = [row.get(first) for row in other] if first is not None else []
    if first is not None and len(set(map(repr, names))) == len(names):
        known = {repr(row.get(first)): row for row in other}
        return [known.get(repr(row.get(first))) for row in rows]
    return [partner for _, partner in zip_longest(rows, other)][: len(rows)]


def _cell(row: Mapping[str, Value], partner: Mapping[str, Value] | None, column: str) -> str:
    value = show(row.get(column))
    return value if partner is not None and row.get(column) == partner.get(column) else value + DIFFERENT


def show(value: Value) -> str:
    """A value for a person."""
    if value is None:
        return "null"
    return f"x'{value.hex()}'" if isinstance(value, bytes) else clean(value, 60)


def beside(left: Sequence[str], right: Sequence[str], gap: int = 6) -> list[str]:
    """Two blocks of lines, next to each other."""
    width = max(map(len, left), default=0) + gap
    return [(a.ljust(width) + b).rstrip() for a, b in zip_longest(left, right, fillvalue="")]


def forgotten(items: Sequence[Forgotten], events: int) -> str:
    """ "date of event 1; message_id of every event"."""
    by_field: dict[str, list[int]] = {}
    for item in items:
        by_field.setdefault(item.field, []).append(item.event)
    parts = []
    for name, numbers in by_field.items():
        some = ", ".join(map(str, numbers[:8])) + (", …" if len(numbers) > 8 else "")
        every = len(numbers) == events and events > 1
        which = "every event" if every else f"event{'s' if len(numbers) > 1 else ''} {some}"
        parts.append(f"{clean(name)} of {which}")
    return "; ".join(parts)


def bounds(verdict: Verdict) -> list[str]:
    """What the verdict holds for, in one sentence over two lines."""
    safe = sum(fault.verdict in {"replay-safe", "unexpected-result"} for fault in verdict.faults)
    possible = sum(fault.verdict != "not-applicable" for fault in verdict.faults)
    none = "Not decided" if verdict.verdict == "undecided" else "Found"
    what = "Proved" if safe == possible else f"{safe} of {possible} proved" if safe else none
    held = verdict.bounds
    return [
        f"{what} for {_count(held.events, 'event', 'events')}; redeliveries: {held.redelivery};",
        f"{held.isolation}; {verdict.engine}.",
    ]


def junit(verdicts: Sequence[Verdict], texts: Sequence[str]) -> str:
    """A test suite a scenario, a test case a fault; ``texts`` are the scenarios' reports."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for verdict, report in zip(verdicts, texts, strict=True):
        cases = [_case(verdict, fault, report) for fault in verdict.faults]
        found = [fault.verdict for fault in verdict.faults]
        failures = found.count("diverges") + found.count("unexpected-result")
        lines.append(
            f'<testsuite name={_attribute(verdict.scenario)} tests="{len(cases)}" failures="{failures}" '
            f'errors="{found.count("undecided")}" skipped="{found.count("not-applicable")}" '
            f'time="{sum(fault.seconds for fault in verdict.faults):.3f}">'
        )
        lines += [*cases, "</testsuite>"]
    return "\n".join([*lines, "</testsuites>"])


def _case(verdict: Verdict, fault: FaultVerdict, report: str) -> str:
    seconds = f"{fault.seconds:.3f}"
    name = f'<testcase classname={_attribute(verdict.scenario)} name="{fault.fault}" time="{seconds}"'
    kind = {"diverges": "failure", "unexpected-result": "failure", "undecided": "error"}.get(fault.verdict)
    if fault.verdict == "not-applicable":
        return f"{name}><skipped/></testcase>"
    if kind is None:
        return f"{name}/>"
    return f'{name}><{kind} message="{fault.verdict}">{escape(report)}</{kind}></testcase>'


def _attribute(value: str) -> str:
    return f'"{escape(clean(value))}"'


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}".rstrip() for line in lines]
