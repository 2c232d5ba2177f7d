"""A design's tables and what its reader sees, in one widget: changed cells lit, differences marked."""

from collections.abc import Callable, Sequence
from typing import Any

from textual.content import Content

from dataeng_tui.replay.sandbox import Scene, differences
from dataeng_tui.replay.timeline import Cell, Frame, TableState
from dataeng_tui.text import clean
from dataeng_tui.tui.widgets.lines import Lines

WIDEST = 26  # cells of one value
CHANGED, GONE, DIFFERENT = "▸", "−", "≠"
Styled = tuple[str, str]


class Tables(Lines):
    """What one panel of a scene shows at one position."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, classes="part")

    def at(self, scene: Scene, panel: int, position: int) -> None:
        """Show panel ``panel`` of ``scene`` at ``position``."""
        shown = scene.panels[panel]
        frame = shown.frames[position]
        moved = position > 0 and frame is not shown.frames[position - 1]
        lines: list[Content] = []
        for table in frame.tables:
            lines += _table(table, frame if moved else None)
        lines += self._reader(scene, panel, position, frame, shown.columns)
        self.border_title = Content(clean(shown.title, 80))
        self.show(lines)

    def _reader(
        self, scene: Scene, panel: int, position: int, frame: Frame, columns: tuple[str, ...]
    ) -> list[Content]:
        other = scene.other(panel, position)
        wrong = differences(frame.observed, other) if other is not None else {}
        missing = len(other) - len(frame.observed) if other is not None else 0
        differs = bool(wrong) or missing != 0
        self.set_class(differs, "-differs")
        self.border_subtitle = Content(_verdict(scene, position, frame, differs, other is None))
        lines = [Content.styled("the reader sees", "bold $primary")]
        if frame.refused:
            lines.append(
                Content.styled(f"refused by the database: {clean(frame.refused, 120)}", "bold $warning")
            )

        def cell(row: int, column: int) -> Styled:
            value = clean(_said(frame.observed[row][column]), WIDEST)
            if (row, column) not in wrong:
                return value, ""
            there = wrong[row, column]
            return (
                f"{value} {DIFFERENT}{clean(_said(there), WIDEST)}"
                if there is not None
                else f"{value} {DIFFERENT}"
            ), "bold $error"

        lines += _grid(columns, len(frame.observed), cell)
        if missing > 0:
            lines.append(
                Content.styled(f"  {DIFFERENT} {missing} row{'s' * (missing > 1)} missing", "bold $error")
            )
        return lines


def _verdict(scene: Scene, position: int, frame: Frame, differs: bool, unknown: bool) -> str:
    if not frame.quiet:
        return "half written: not judged yet"
    if not differs:
        return "" if unknown or not position else "✓ as without a fault"
    end = position == len(scene.steps)
    if scene.aim is not None and end:
        return f"{DIFFERENT} not what is expected"
    return (
        f"{DIFFERENT} parted" if scene.parts is not None and end else f"{DIFFERENT} not as without the fault"
    )


def _table(table: TableState, frame: Frame | None) -> list[Content]:
    changed = frame.changed if frame else frozenset()
    rows = sorted(table.rows.items(), key=lambda item: _order(item[0]))

    def cell(row: int, column: int) -> Styled:
        key, values = rows[row]
        value = clean(_said(values[column]), WIDEST)
        return (CHANGED + value, "bold $accent") if Cell(table.name, key, column) in changed else (value, "")

    lines = [Content.styled(clean(table.name, 60), "bold $primary"), *_grid(table.columns, len(rows), cell)]
    for name, values in frame.removed if frame else ():
        if name == table.name:
            gone = "  ".join(clean(_said(value), WIDEST) for value in values)
            lines.append(Content.styled(f"{GONE} {gone}", "strike $text-muted"))
    return [*lines, Content("")]


def _grid(columns: Sequence[str], rows: int, cell: Callable[[int, int], Styled]) -> list[Content]:
    """Columns as wide as their widest cell, numbers and texts alike from the left, with room for a mark."""
    cells = [[cell(row, column) for column in range(len(columns))] for row in range(rows)]
    heads = [clean(column, WIDEST) for column in columns]
    widths = [
        max(_width(text) for text in (heads[at], *(row[at][0] for row in cells))) for at in range(len(heads))
    ]
    head = "  ".join(f" {name:<{width}}" for name, width in zip(heads, widths, strict=True))
    lines = [Content.styled(head, "$text-muted")]
    for row in cells:
        parts: list[Styled] = []
        for (text, style), width in zip(row, widths, strict=True):
            marked = text.startswith(CHANGED)
            shown = text if marked else f" {text}"
            parts += [(shown, style), (" " * (width + 3 - _width(shown)), "")]
        lines.append(Content.assemble(*parts))
    return lines if rows else [*lines, Content.styled(" no rows", "$text-muted italic")]


def _width(text: str) -> int:
    return Content(text).cell_length


def _said(value: Any) -> str:
    return "null" if value is None else value.hex() if isinstance(value, bytes) else str(value)


def _order(key: Any) -> tuple[Any, ...]:
    parts = key if isinstance(key, tuple) else (key,)
    return tuple(
        (part is not None, isinstance(part, str), str(part) if not isinstance(part, int | float) else part)
        for part in parts
    )
