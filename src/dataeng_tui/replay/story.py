"""A fault told on the whole log: the shortest failing schedule in which every event came, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dataeng_tui.replay.check import Run
from dataeng_tui.replay.report import beside, show, table
from dataeng_tui.replay.scenario import Scenario
from dataeng_tui.replay.timeline import Frame, Timeline, play
from dataeng_tui.replay.verdict import Counterexample
from dataeng_tui.text import clean


@dataclass(frozen=True, slots=True)
class Story:
    """A fault's counterexample on the whole log, played; both None where none was found."""

    fault: str
    counterexample: Counterexample | None
    timeline: Timeline | None

    def as_json(self) -> dict[str, Any]:
        """As ``replay explain --format json`` prints it."""
        found = self.counterexample
        return {
            "fault": self.fault,
            "counterexample": None if found is None else found.as_json(),
            "timeline": None if self.timeline is None else timeline_json(self.timeline),
        }


def stories(scenario: Scenario, faults: Sequence[str], seconds: float) -> tuple[Story, ...]:
    """A story for each fault. Raises UserError for SQL that does not hold."""
    run = Run(scenario)
    try:
        found = [(name, run.story(name, seconds / len(faults))) for name in faults]
    finally:
        run.close()
    return tuple(
        Story(name, item, None if item is None else play(scenario, item.schedule)) for name, item in found
    )


def explanation(scenario: Scenario, told: Sequence[Story]) -> str:
    """What the scenario is, and its stories, for a terminal."""
    lines = [clean(scenario.title), *(f"  {clean(line)}" for line in scenario.about.split("\n"))]
    for story in told:
        lines += ["", _headline(story)]
        if story.timeline is not None and story.counterexample is not None:
            lines += [f"  {line}".rstrip() for line in timeline_text(story.timeline).split("\n")]
            found = story.counterexample
            left = table(found.rows, found.versus_rows, "with the fault")
            lines += [
                f"  {line}"
                for line in beside(left, table(found.versus_rows, found.rows, "without the fault"))
            ]
    return "\n".join(lines)


def _headline(story: Story) -> str:
    if story.counterexample is None:
        return f"{story.fault}: no schedule of the whole log that fails was found"
    return f"{story.fault}: the whole log, in {story.counterexample.length} deliveries"


def timeline_text(timeline: Timeline) -> str:
    """Every step with the tables after it; a changed cell is marked."""
    lines: list[str] = []
    for frame in timeline.frames[1:]:
        refused = f"  (refused: {clean(frame.refused)})" if frame.refused else ""
        lines += [
            f"{frame.number}. {frame.sentence}{refused}",
            *(f"   {line}" for line in _tables(frame)),
            "",
        ]
    return "\n".join(lines)


def _tables(frame: Frame) -> list[str]:
    changed = {(cell.table, cell.key, cell.column) for cell in frame.changed}
    lines: list[str] = []
    for state in frame.tables:
        cells = [
            [show(v) + ("*" if (state.name, key, i) in changed else "") for i, v in enumerate(row)]
            for key, row in state.rows.items()
        ]
        heads = [clean(column) for column in state.columns]
        widths = [max(len(head), *(len(row[i]) for row in cells), 0) for i, head in enumerate(heads)]
        lines.append(clean(state.name) + ("" if cells else "  (empty)"))
        for row in [heads, *cells] if cells else []:
            lines.append(
                "  " + "  ".join(value.ljust(w) for value, w in zip(row, widths, strict=True)).rstrip()
            )
    return lines


def timeline_json(timeline: Timeline) -> list[dict[str, Any]]:
    """A frame a step: its sentence, the tables, how often each event came, and what the reader sees."""
    return [
        {
            "step": frame.number,
            "sentence": frame.sentence,
            "tables": {
                state.name: [dict(zip(state.columns, row, strict=True)) for row in state.rows.values()]
                for state in frame.tables
            },
            "deliveries": list(frame.deliveries),
            "observed": [dict(zip(timeline.columns, row, strict=True)) for row in frame.observed],
            "quiet": frame.quiet,
            "refused": frame.refused or None,
        }
        for frame in timeline.frames
    ]
