"""The log of events: offsets, fields, and how often each was delivered."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.binding import BindingType
from textual.content import Content

from dataeng_tui.text import clean
from dataeng_tui.tui.keys import key
from dataeng_tui.tui.widgets.lines import Choices

WIDEST = 24  # cells of one field's value


class EventLog(Choices):
    """A line an event. The chosen one is what is redelivered or rewound to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("down,j", "move(1)", "Next event", "replay.event-next", show=False),
        key("up,k", "move(-1)", "Event before", "replay.event-previous", show=False),
        key("g", "move(-1000000)", "First event", "replay.event-first", show=False),
        key("G", "move(1000000)", "Last event", "replay.event-last", show=False),
    ]

    def __init__(self, id: str) -> None:
        super().__init__(id=id, classes="part")
        self.border_title = "Log"
        self.border_subtitle = "offset = # − 1"
        self._rows: list[str] = []
        self._head = ""
        self._times: tuple[int, ...] = ()
        self._now: int | None = None

    def load(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Show these events, none of them delivered yet."""
        names = _columns(events)
        cells = [[clean(_said(event.get(name, "")), WIDEST) for name in names] for event in events]
        heads = [clean(name, WIDEST) for name in names]
        widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        # Numbers stand at the right, as in the tables.
        put = [str.rjust if _is_number(events, name) else str.ljust for name in names]
        self._head, *self._rows = (
            "  ".join(to(cell, width) for to, cell, width in zip(put, row, widths, strict=True)).rstrip()
            for row in (heads, *cells)
        )
        self._times, self._now, self.chosen = (0,) * len(events), None, 0
        self.scroll_home(animate=False)
        self.redraw()

    def delivered(self, times: tuple[int, ...], now: int | None) -> None:
        """How often each event was delivered so far, and which one is being delivered."""
        if (times, now) != (self._times, self._now):
            self._times, self._now = times, now
            self.redraw()

    def choices(self) -> int:
        return len(self._rows)

    def line_of(self, chosen: int) -> int:
        return chosen + 1

    def action_move(self, by: int) -> None:
        self.move(by)

    def redraw(self) -> None:
        lines = [Content.styled(f"   #  came  {self._head}", "$text-muted")]
        for index, row in enumerate(self._rows):
            lines.append(self.mark(index, self._line(index, row)))
        self.show(lines)

    def _line(self, index: int, row: str) -> Content:
        times = self._times[index]
        now = "▶" if index == self._now else " "
        style = "$text-muted" if not times else "$foreground" if times == 1 else "bold $accent"
        came = "·" if not times else f"×{times}"
        return Content.assemble(
            f"{index + 1:>2}",  # as events are counted wherever they are spoken of
            (now, "bold $accent"),
            " ",
            (f"{came:<4} ", style),
            (row, "" if times else "$text-muted"),
        )


def _columns(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """The fields' names; a text that is another in every event names the message, and goes last."""
    names = list(dict.fromkeys(name for event in events for name in event))

    def is_name(name: str) -> bool:
        values = [event.get(name) for event in events]
        return len(events) > 1 and all(isinstance(v, str) for v in values) and len(set(values)) == len(values)

    return sorted(names, key=is_name)


def _is_number(events: Sequence[Mapping[str, Any]], name: str) -> bool:
    return all(isinstance(event.get(name, 0), int | float) for event in events)


def _said(value: Any) -> str:
    return "null" if value is None else str(value)
