"""The verdicts: a line a fault, a column a design, filled while the search goes on."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content

from dataeng_tui.replay.verdict import FaultVerdict, Verdict
from dataeng_tui.text import clean
from dataeng_tui.tui.keys import key
from dataeng_tui.tui.widgets.lines import Choices

# Whose verdict on which fault: the design's place, and the fault's name.
Found = Mapping[tuple[int, str], FaultVerdict | int | str]
_SIGNS = {
    "replay-safe": ("✓", "safe", "$success"),
    "diverges": ("✗", "diverges", "bold $error"),
    "unexpected-result": ("✗", "unexpected", "bold $error"),
    "undecided": ("?", "undecided", "bold $warning"),
    "not-applicable": ("–", "cannot happen", "$text-muted"),
}


class Verdicts(Choices):
    """What each fault does to each design."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("down,j", "move(1)", "Next fault", "replay.fault-next", show=False),
        key("up,k", "move(-1)", "Fault before", "replay.fault-previous", show=False),
    ]

    def __init__(self, id: str) -> None:
        super().__init__(id=id, classes="part")
        self.border_title = "Verdict"
        self._faults: Sequence[str] = ()
        self._designs: Sequence[str] = ()
        self._found: Found = {}
        self._words: Sequence[str] = ()

    @property
    def fault(self) -> str | None:
        """The chosen fault."""
        return self._faults[self.chosen] if self._faults else None

    def load(
        self, faults: Sequence[str], designs: Sequence[str], found: Found, words: Sequence[str] = ()
    ) -> None:
        """Show what is known so far; ``words`` are lines below: what is forgotten, what it holds for."""
        self._faults, self._designs, self._found, self._words = faults, designs, dict(found), words
        self.chosen = min(self.chosen, max(len(faults) - 1, 0))
        self.redraw()

    def choices(self) -> int:
        return len(self._faults)

    def line_of(self, chosen: int) -> int:
        return chosen + (len(self._designs) > 1)

    def action_move(self, by: int) -> None:
        self.move(by)

    def redraw(self) -> None:
        wide = max((len(fault) for fault in self._faults), default=0) + 2
        several = len(self._designs) > 1
        room = max(self.size.width - 4, 20)
        names = [clean(name, 14) for name in self._designs] if several else []
        heads = [Content.styled(name, "$text-muted") for name in names]
        for words in (0, 1, 2):  # as many as there is room for
            rows = [
                [cell(self._found.get((n, fault)), words) for n in range(len(self._designs))]
                for fault in self._faults
            ]
            table = list(zip(*([heads] if several else []), *rows, strict=True))
            widths = [max(one.cell_length for one in column) + 2 for column in table]
            if wide + sum(widths) - 2 <= room + 1:
                break
        lines = []
        if several:
            lines.append(Content.assemble(" " * (wide + 2), *_padded(heads, widths)))
        for index, (fault, cells) in enumerate(zip(self._faults, rows, strict=True)):
            line = Content.assemble(f"{fault:<{wide}}", *_padded(cells, widths))
            lines.append(self.mark(index, line))
        for word in self._words:
            lines += [Content.styled(f"  {line}", "$text-muted") for line in wrap(clean(word, 400), room)]
        self.show(lines)

    def on_resize(self) -> None:
        """The words are wrapped to another width."""
        self.redraw()


def _padded(cells: Sequence[Content], widths: Sequence[int]) -> list[Content]:
    *most, last = cells or [Content("")]
    return [*(one.pad_right(width - one.cell_length) for one, width in zip(most, widths, strict=False)), last]


def cell(found: FaultVerdict | int | str | None, less: int) -> Content:
    """One verdict: its sign, its word, how long the counterexample is; ``less``: 0, 1 or 2, of the words."""
    if found is None:
        return Content.styled("·" if less == 2 else "· not asked", "$text-muted")
    if isinstance(found, str):
        return Content.styled("! cannot be run", "bold $warning")
    if isinstance(found, int):
        return Content.styled(f"… {found:,} states" if found else "… waiting", "$text-muted")
    sign, word, style = _SIGNS[found.verdict]
    if found.counterexample is not None:
        word = f"{(word, 'breaks', '')[less]} in {found.counterexample.length}".lstrip()
    elif found.verdict == "replay-safe" and not less and found.orders > 1:
        word = f"{word}, all {found.orders_told} orders"
    return Content.styled(f"{sign} {word}", style)


def words(verdicts: Sequence[Verdict]) -> list[str]:
    """What the lines below say of the designs' verdicts: what each forgets, and what all of it holds for."""
    found = []
    for verdict in verdicts:
        fields: dict[str, list[str]] = {}
        for item in verdict.forgotten:
            fields.setdefault(item.field, []).append(str(item.event))
        if fields:
            said = (f"{field} ({', '.join(events[:5])})" for field, events in list(fields.items())[:6])
            found.append(f"{verdict.scenario} forgets, of event: {', '.join(said)}")
        found += verdict.notes
    if verdicts:
        bounds = verdicts[0].bounds
        found.append(f"Holds for these {bounds.events} events, redelivery: {bounds.redelivery}.")
        found.append(f"{verdicts[0].engine}; {bounds.isolation}.")
    return found
