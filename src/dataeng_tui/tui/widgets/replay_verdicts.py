"""The verdicts: a line a fault, a column a design, filled while the search goes on."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

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


_LONGEST = len("✓ safe, all 720 orders")


class Verdicts(Choices):
    """What each fault does to each design. Enter plays the chosen fault's counterexample."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("down,j", "move(1)", "Next fault", "replay.fault-next", show=False),
        key("up,k", "move(-1)", "Fault before", "replay.fault-previous", show=False),
        key("enter", "show", "Show me", "replay.fault-show", show=False),
    ]

    class Wanted(Message):
        """Somebody wants to see the fault's counterexample."""

        def __init__(self, fault: str) -> None:
            super().__init__()
            self.fault = fault

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

    def choose_fault(self, fault: str) -> None:
        """Choose this one, where it is in the list."""
        if fault in self._faults:
            self.choose(list(self._faults).index(fault))

    def choices(self) -> int:
        return len(self._faults)

    def line_of(self, chosen: int) -> int:
        return chosen + (len(self._designs) > 1)

    def action_move(self, by: int) -> None:
        self.move(by)

    def action_show(self) -> None:
        if self.fault:
            self.post_message(self.Wanted(self.fault))

    def redraw(self) -> None:
        wide = max((len(fault) for fault in self._faults), default=0) + 2
        several = len(self._designs) > 1
        room = max(self.size.width - 4, 20)
        lines = []
        if several:
            heads = "  ".join(f"{clean(name, 12):<12}" for name in self._designs)
            lines.append(Content.styled(" " * (wide + 2) + heads.rstrip(), "$text-muted"))
        for index, fault in enumerate(self._faults):
            known = [self._found.get((design, fault)) for design in range(len(self._designs))]
            cells = [cell(found, short=several or room < wide + _LONGEST) for found in known]
            parts: list[Content | tuple[str, str]] = [(f"{fault:<{wide}}", "")]
            for one in cells:
                parts += [one, (" " * max(14 - one.cell_length, 1), "")]
            lines.append(self.mark(index, Content.assemble(*parts[:-1])))
        for word in self._words:
            lines += [Content.styled(f"  {line}", "$text-muted") for line in wrap(clean(word, 400), room)]
        self.show(lines)

    def on_resize(self) -> None:
        """The words are wrapped to another width."""
        self.redraw()


def cell(found: FaultVerdict | int | str | None, *, short: bool) -> Content:
    """One verdict in a few cells: its sign, its word, and how long the counterexample is."""
    if found is None:
        return Content.styled("·", "$text-muted")
    if isinstance(found, str):
        return Content.styled("! cannot be run", "bold $warning")
    if isinstance(found, int):
        return Content.styled(f"… {found:,} states" if found else "… waiting", "$text-muted")
    sign, word, style = _SIGNS[found.verdict]
    if found.counterexample is not None:
        word = f"in {found.counterexample.length}" if short else f"{word} in {found.counterexample.length}"
    elif found.verdict == "replay-safe" and not short and found.orders > 1:
        word = f"{word}, {_orders(found.orders)}"
    return Content.styled(f"{sign} {word}", style)


def _orders(orders: int) -> str:
    return f"all {orders:,} orders" if orders < 10**7 else f"all {orders:.1e} orders"


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
