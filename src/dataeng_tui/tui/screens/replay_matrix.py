"""Strategies against faults, a cell each; a failing cell opens its counterexample."""

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.worker import get_current_worker

from dataeng_tui.errors import UserError
from dataeng_tui.replay.matrix import Matrix, MatrixCell, columns_of
from dataeng_tui.replay.scenario import Scenario
from dataeng_tui.replay.service import Replay
from dataeng_tui.text import clean
from dataeng_tui.tui.keys import key
from dataeng_tui.tui.widgets.lines import Lines

# Two lines of head, so that a cell is no wider than what stands in it.
HEADS = {
    "lost-ack": ("lost", "ack"),
    "rewind": ("re-", "wind"),
    "partition-order": ("by", "id"),
    "partition-order, not by id": ("not", "by id"),
    "reorder": ("re-", "order"),
    "reorder+redelivery": ("+re-", "deliv"),
    "crash": ("crash", ""),
    "zombie": ("zom-", "bie"),
    "tie": ("tie", ""),
}
WIDTH = 6
LEGEND = "X2: fails, 2 steps are enough   ok: proved   ?: undecided   -: cannot happen"


@dataclass
class Row(Message):
    """One strategy's row, by its place; None: it has problems of its own."""

    place: int
    matrix: Matrix | None


class Grid(Lines):
    """The cells, with a cursor in two dimensions."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("down,j", "move(1,0)", "Next strategy", "matrix.down", show=False),
        key("up,k", "move(-1,0)", "Strategy before", "matrix.up", show=False),
        key("right", "move(0,1)", "Next fault", "matrix.right", show=False),
        key("left", "move(0,-1)", "Fault before", "matrix.left", show=False),
        key("enter", "open", "Show the counterexample", "matrix.open"),
    ]

    class At(Message):
        """The cursor is on another cell, or its cell has come."""

    def __init__(self, names: list[str], columns: tuple[str, ...]) -> None:
        super().__init__(id="grid")
        self.names, self.columns = names, columns
        self.rows: dict[int, Matrix | None] = {}
        self.row = self.column = 0
        self._wide = min(max(map(len, names), default=0), 24) + 3  # columns before the first cell

    def fill(self, place: int, matrix: Matrix | None) -> None:
        """A strategy's row has come."""
        self.rows[place] = matrix
        self.draw()

    def cell(self, row: int, column: int) -> MatrixCell | None:
        """What stands there, if it is known."""
        matrix = self.rows.get(row)
        name = self.columns[column] if column < len(self.columns) else ""
        if matrix is None:
            return None
        return next((cell for cell in matrix.rows[0].cells if cell.column == name), None)

    def action_move(self, down: int, right: int) -> None:
        self.row = max(0, min(self.row + down, len(self.names) - 1))
        self.column = max(0, min(self.column + right, len(self.columns) - 1))
        self.draw()
        cell = Region(self.column and self._wide + self.column * WIDTH, self.row + 2, WIDTH, 1)
        self.scroll_to_region(cell, animate=False, force=True)

    def action_open(self) -> None:
        found = self.cell(self.row, self.column)
        if found is not None and found.fault is not None and found.fault.counterexample is not None:
            self.screen.dismiss(found)

    def draw(self) -> None:
        """All lines anew; only those that changed are painted."""
        wide, lines = self._wide - 3, []
        for at in (0, 1):
            heads = "".join(f"{HEADS.get(name, (name[:5], ''))[at]:<{WIDTH}}" for name in self.columns)
            lines.append(Content.styled(" " * self._wide + heads + ("" if at else "  total"), "$text-muted"))
        for row, name in enumerate(self.names):
            parts: list[tuple[str, str]] = [(f"{'▌' if row == self.row else ' '} ", "bold $primary")]
            parts.append((f"{clean(name, wide):<{wide}} ", "bold" if row == self.row else ""))
            for column in range(len(self.columns)):
                parts += self._cell(row, column)
            matrix = self.rows.get(row)
            parts.append((f"  {clean(matrix.rows[0].summary, 20)}" if matrix else "", "$text-muted"))
            lines.append(Content.assemble(*parts))
        self.show(lines)
        self.post_message(self.At())

    def _cell(self, row: int, column: int) -> list[tuple[str, str]]:
        found = self.cell(row, column)
        unknown = "!" if row in self.rows else "…"
        text = found.text if found is not None else unknown
        style = "bold $error" if text.startswith("X") else "$success" if text == "ok" else "$text-muted"
        if (row, column) == (self.row, self.column):
            # Brackets as well as colour: a cursor is seen without any.
            here = f"[{text}]"
            return [(here, "bold reverse $primary"), (" " * (WIDTH - len(here)), "")]
        return [(f" {text}".ljust(WIDTH), style)]


class MatrixScreen(ModalScreen[MatrixCell | None]):
    """Gives the failing cell that was chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [key("escape,m,q", "dismiss(None)", "Back", "matrix.back")]
    SCOPED_CSS = False
    DEFAULT_CSS = """
    MatrixScreen #box { width: 100%; max-width: 110; height: auto; max-height: 95%; }
    MatrixScreen #box { border: round $primary; background: $surface; padding: 0 1; }
    MatrixScreen #box { border-subtitle-color: $text-muted; }
    MatrixScreen #grid { height: auto; max-height: 65vh; }
    MatrixScreen Static { margin: 1 0 0 0; }
    """

    def __init__(self, replay: Replay, own: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._replay = replay
        self._wheres = [item.where for item in replay.scenarios() if not item.problem]

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = "Strategies against faults"
            box.border_subtitle = "⏎ show me · esc: back"
            yield Grid([where.rstrip("/").rsplit("/", 1)[-1] for where in self._wheres], self._columns())
            yield Static(id="said")

    def _columns(self) -> tuple[str, ...]:
        scenarios: list[Scenario] = []
        for where in self._wheres[:1]:
            scenarios.append(self._replay.load(where))
        return columns_of(scenarios)

    def on_mount(self) -> None:
        grid = self.query_one(Grid)
        grid.focus()
        grid.draw()
        self.run_worker(self._check, thread=True, exit_on_error=False)

    def _check(self) -> None:
        worker = get_current_worker()
        for place, where in enumerate(self._wheres):
            if worker.is_cancelled:
                return
            try:
                found = self._replay.matrix([where])
            except UserError:
                self.post_message(Row(place, None))
                continue
            self.post_message(Row(place, found))

    @on(Row)
    def _row(self, message: Row) -> None:
        self.query_one(Grid).fill(message.place, message.matrix)

    @on(Grid.At)
    def _say(self) -> None:
        grid = self.query_one(Grid)
        found = grid.cell(grid.row, grid.column)
        said = "being checked" if grid.row not in grid.rows else "not part of this strategy's log"
        if found is not None and found.fault is not None:
            said = found.fault.verdict
            if found.fault.counterexample is not None:
                said += f" after {found.fault.counterexample.length} deliveries"
        name = grid.names[grid.row] if grid.names else ""
        where = Content.styled(f"{clean(name)}, {grid.columns[grid.column]}: ", "bold")
        self.query_one("#said", Static).update(
            Content("\n").join((where + said, Content.styled(LEGEND, "$text-muted"))), layout=False
        )
