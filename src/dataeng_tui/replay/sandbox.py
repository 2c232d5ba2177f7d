"""Faults made by hand, and scenes: one or two designs, or one with and without its fault, step by step.

An edit takes a schedule and ``at``, how many of its steps have been taken, and gives both anew; it gives None
where the fault cannot happen there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dataeng_tui.replay.scenario import Scenario, Value
from dataeng_tui.replay.schedule import Schedule, Step
from dataeng_tui.replay.timeline import Frame, play
from dataeng_tui.replay.verdict import Counterexample

Edited = tuple[Schedule, int] | None
Row = tuple[Value, ...]


def in_log_order(events: int) -> Schedule:
    """Every event once, as the log has them: the schedule without a fault."""
    return tuple(Step("deliver", event) for event in range(events))


def lose_ack(schedule: Schedule, at: int) -> Edited:
    """The acknowledgement of the delivery just made is lost: the event comes again."""
    return (
        redeliver(schedule, at, schedule[at - 1].event) if at and schedule[at - 1].kind == "deliver" else None
    )


def redeliver(schedule: Schedule, at: int, event: int) -> Edited:
    """``event`` comes now, whether it came before or not."""
    if _half_written(schedule, at):
        return None
    return (*schedule[:at], Step("deliver", event), *schedule[at:]), at + 1


def swap(schedule: Schedule, at: int) -> Edited:
    """The delivery just made and the one after it change places."""
    if not 0 < at < len(schedule) or {schedule[at - 1].kind, schedule[at].kind} != {"deliver"}:
        return None
    return (*schedule[: at - 1], schedule[at], schedule[at - 1], *schedule[at + 1 :]), at


def rewind(schedule: Schedule, at: int, event: int) -> Edited:
    """The consumer goes back to the offset of ``event`` and reads on from there to where it was."""
    came = [step.event for step in schedule[:at] if step.starts_delivery]
    if not came or event > max(came) or _half_written(schedule, at):
        return None
    again = tuple(Step("deliver", number) for number in range(event, max(came) + 1))
    return (*schedule[:at], Step("rewind", event), *again, *schedule[at:]), at + 1


def crash(schedule: Schedule, at: int, transactions: int) -> Edited:
    """The worker dies within the delivery just made, after its first transaction, and the event comes again.

    On a delivery that crashes already it dies one transaction later, and after the last but one, first again.
    """
    if not at or transactions < 2:
        return None
    start = at - 1
    while start and schedule[start].kind in ("transaction", "crash") and schedule[start].transaction > 0:
        start -= 1
    if schedule[start].kind == "crash":
        start -= 1
    first, end = schedule[start], start
    while end < len(schedule) and schedule[end].kind == "transaction":
        end += 1
    ran = end - start
    if not ran and first.kind != "deliver":
        return None
    dies_after = ran % (transactions - 1) + 1
    parts = tuple(Step("transaction", first.event, number) for number in range(dies_after))
    dead = Step("crash", first.event, dies_after)
    rest = schedule[end + 1 :] if ran else (Step("deliver", first.event), *schedule[start + 1 :])
    return (*schedule[:start], *parts, dead, *rest), start + dies_after


def _half_written(schedule: Schedule, at: int) -> bool:
    return at > 0 and schedule[at - 1].kind == "transaction"


def adapted(schedule: Schedule, transactions: int) -> tuple[Step | None, ...]:
    """The schedule for a design whose write has another number of transactions; None: nothing happens there.

    A worker that dies after a design's last transaction has lost an acknowledgement, no more.
    """
    found: list[Step | None] = []
    half = False
    for step in schedule:
        if step.kind == "transaction":
            half = step.transaction < transactions - 1
            whole = transactions == 1 and step.transaction == 0
            found.append(
                Step("deliver", step.event) if whole else step if step.transaction < transactions else None
            )
        elif step.kind == "crash":
            found.append(step if half else None)
            half = False
        else:
            found.append(step)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Panel:
    """One of the tables side by side: a frame for each position of the scene."""

    title: str
    columns: tuple[str, ...]
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What one scrubs through. ``steps[i]`` leads from position ``i`` to ``i + 1``.

    ``parts`` is the position from which the second panel moves instead of the first, where they take turns;
    ``aim`` is what the reader should see at the end, where that was said.
    """

    kind: Literal["play", "counterexample"]
    steps: Schedule
    panels: tuple[Panel, ...]
    parts: int | None = None
    aim: tuple[Row, ...] | None = None

    def sentence(self, at: int) -> str:
        """What the step to position ``at`` was."""
        moving = self.panels[1 if self.parts is not None and at > self.parts else 0]
        return moving.frames[at].sentence

    def other(self, panel: int, at: int) -> tuple[Row, ...] | None:
        """The rows that the panel's reader is compared with at ``at``; None: nothing to compare yet."""
        frame, last = self.panels[panel].frames[at], at == len(self.steps)
        if self.aim is not None and last:
            return self.aim
        if self.parts is not None and last:
            return self.panels[1 - panel].frames[at].observed
        if self.parts is not None and panel == 1:
            return None
        return frame.reference if frame.quiet else None


def compare(designs: Sequence[Scenario], schedule: Schedule) -> Scene:
    """The same faults befall every design. Raises UserError where one's SQL does not hold."""
    panels = []
    for design in designs:
        steps = adapted(schedule, len(design.transactions))
        timeline = play(design, tuple(step for step in steps if step is not None))
        frames, at = [timeline.frames[0]], 0
        for step in steps:
            at += step is not None
            frames.append(timeline.frames[at])
        panels.append(Panel(design.name, timeline.columns, tuple(frames)))
    return Scene("play", schedule, tuple(panels))


def shown(design: Scenario, found: Counterexample) -> Scene:
    """The counterexample, then the same events without the fault beside it, up to where they part."""
    faulty = play(design, found.schedule)
    broken = Panel(f"{design.name}, with the fault", faulty.columns, faulty.frames)
    if not found.versus:
        aim = tuple(tuple(row.get(name) for name in faulty.columns) for row in found.versus_rows)
        return Scene("counterexample", found.schedule, (broken,), aim=aim)
    sound = play(design, found.versus)
    first, second = len(found.schedule), len(found.versus)
    return Scene(
        "counterexample",
        (*found.schedule, *found.versus),
        (
            Panel(broken.title, faulty.columns, faulty.frames + faulty.frames[-1:] * second),
            Panel(
                f"{design.name}, without the fault", sound.columns, sound.frames[:1] * first + sound.frames
            ),
        ),
        parts=first,
    )


def differences(rows: Sequence[Row], other: Sequence[Row]) -> Mapping[tuple[int, int], Value | None]:
    """The cells of ``rows``, by row and column, that ``other`` has differently, and what it has there.

    Rows belong together by their first cell where that names a row in both, else by their place. A row that
    ``other`` does not have differs in every cell, from None.
    """
    first, second = ([row[0] if row else None for row in side] for side in (rows, other))
    if len(set(map(repr, first))) == len(first) and len(set(map(repr, second))) == len(second):
        partners = {repr(row[0]): row for row in other if row}
        pairs = [(row, partners.get(repr(row[0])) if row else None) for row in rows]
    else:
        pairs = [(row, other[index] if index < len(other) else None) for index, row in enumerate(rows)]
    return {
        (index, column): partner[column] if partner is not None and column < len(partner) else None
        for index, (row, partner) in enumerate(pairs)
        for column, value in enumerate(row)
        if partner is None or column >= len(partner) or _another(value, partner[column])
    }


def _another(one: Value, other: Value) -> bool:
    return (type(one), one) != (type(other), other)
