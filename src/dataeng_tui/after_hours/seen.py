"""How a report is looked at, and the step in its weeks told in plain words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from dataeng_tui.after_hours.certainty import Certainty, Explanation, Rung
from dataeng_tui.after_hours.measures import MEASURES, Measure
from dataeng_tui.text import clean


@dataclass(frozen=True, slots=True)
class Seen:
    """What an export carries of the screen beside its report.

    ``counting`` says that the report counts machines in; ``found`` belongs to the slots without them.
    """

    measure: Measure = MEASURES[0]
    counting: bool = False
    found: Certainty | None = None

    @property
    def marked(self) -> Certainty | None:
        """What there is to mark in the weeks as they are shown: of slots, without machines."""
        own = self.measure.name == "slots" and not self.counting
        return self.found if own and self.found is not None and self.found.step is not None else None

    @property
    def step(self) -> date | None:
        """The Monday from which on the weeks as they are shown are others."""
        found = self.marked
        return found.weeks[found.step.index] if found is not None and found.step is not None else None

    @property
    def words(self) -> str:
        """``slots``, or ``sessions, machines counted in``."""
        return self.measure.title.lower() + (", machines counted in" if self.counting else "")


PLAIN: Final = Seen()


def step_sentences(found: Certainty) -> Iterator[tuple[int, str]]:
    """``(depth, sentence)``: the step, its explanations, their rungs (as signs) and what would go further."""
    step = found.step
    if step is None:
        return
    word = "rises" if step.rise > 0 else "falls"
    level = f"{word} from {step.before:.1f} h to {step.after:.1f} h"
    since = f"{found.weeks[step.index]:%-d %B %Y}"
    yield 0, f"From {since} on the week {level} (slots, Pettitt's test, p = {step.p:.1g})."
    if not found.explanations:
        yield 1, "Nothing that is new about the statements came with it."
    for one in found.foremost:
        yield 1, f"{_names(one)}: rung {one.rung} of {len(Rung)}, {one.told(one.rung)}."
        for rung in Rung:
            sign = "●" if rung <= one.rung else "◐" if one.reached[rung] else "○"
            yield 2, f"{sign} {one.told(rung)}: {one.evidence[rung]}"
        yield 2, one.further
    if found.more:
        yield 1, found.more
    for part in found.inside:
        yield (
            0,
            f"Looked at by themselves, the weeks of {part.weeks[0]:%-d %B %Y} to {part.weeks[-1]:%-d %B %Y}:",
        )
        yield from ((depth + 1, sentence) for depth, sentence in step_sentences(part))


def _names(one: Explanation) -> str:
    (kind, value), *others = one.names
    named = [f"{kind} {clean(value, 40)}" for kind, value in others if kind != "query"]
    queries = sum(kind == "query" for kind, _ in others)
    also = [*named, *([f"{queries} quer{'ies' if queries > 1 else 'y'}"] if queries else [])]
    return f"{clean(value, 48)} ({kind})" + (f" with {', '.join(also)}" if also else "")
