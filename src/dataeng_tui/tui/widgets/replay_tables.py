"""A design's tables and what its reader sees, in one widget: changed cells lit, differences marked."""

from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import Any

from textual.content import Content

from dataeng_tui.replay.sandbox import Scene, differences
from dataeng_tui.replay.timeline import Cell, Frame, TableState
from dataeng_tui.text import clean
from dataeng_tui.tui.widgets.lines import Lines

WIDEST, NARROWEST = 26, 9  # cells of one value
CHANGED, GONE, DIFFERENT, RIGHT = "▸", "−", "≠", "✓"
Shown = tuple[str, str, str]
"""A value, what stands behind it, and the style of both."""


class Tables(Lines):
    """What one panel of a scene shows at one position."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, classes="part")
        self._shown: tuple[Scene, int, int] | None = None

    def on_resize(self) -> None:
        """Columns are cut to another width."""
        if self._shown is not None:
            self.at(*self._shown)

    def tell(self, sentence: str) -> None:
        """There are no tables to show, and why."""
        self._shown = None
        self.border_title, self.border_subtitle = "", ""
        self.remove_class("-differs")
        lines = wrap(clean(sentence, 1000), max(self.size.width - 2, 20))
        self.show([Content.styled(line, "bold $warning") for line in lines])

    def at(self, scene: Scene, panel: int, position: int) -> None:
        """Show panel ``panel`` of ``scene`` at ``position``."""
        self._shown = scene, panel, position
        shown = scene.panels[panel]
        frame = shown.frames[position]
        moved = position > 0 and frame is not shown.frames[position - 1]
        lines = self._reader(scene, panel, position, frame, shown.columns)
        for table in frame.tables:
            lines += [Content(""), *_table(table, frame if moved else None, self.size.width)]
        self.border_title = Content(clean(shown.title, 80))
        self.show(lines)

    def _reader(
        self, scene: Scene, panel: int, position: int, frame: Frame, columns: tuple[str, ...]
    ) -> list[Content]:
        other = scene.other(panel, position)
        wrong = differences(frame.observed, other) if other is not None else {}
        missing = len(other) - len(frame.observed) if other is not None else 0
        differs = bool(wrong) or missing != 0
        # Of a counterexample's two sides, the one without the fault is what is right.
        right = scene.parts is not None and panel == 1
        self.set_class(differs and not right, "-differs")
        self.border_subtitle = Content(
            f"{RIGHT} how it should be"
            if differs and right
            else _verdict(scene, position, frame, differs, other is None)
        )
        lines = [Content.styled("the reader sees", "bold $primary")]
        if frame.refused:
            lines.append(
                Content.styled(f"refused by the database: {clean(frame.refused, 120)}", "bold $warning")
            )

        def cell(row: int, column: int) -> Shown:
            value = clean(_said(frame.observed[row][column]), WIDEST)
            if (row, column) not in wrong:
                return value, "", ""
            if right:
                return value, "", "bold $success"
            there = wrong[row, column]
            beside = "" if there is None else f" {clean(_said(there), WIDEST)}"
            return value, f" {DIFFERENT}{beside}", "bold $error"

        lines += _grid(columns, len(frame.observed), cell, _numbers(frame.observed), self.size.width)
        if right:
            return lines
        if missing > 0:
            lines.append(
                Content.styled(f"  {DIFFERENT} {missing} row{'s' * (missing > 1)} missing", "bold $error")
            )
        return lines


def _verdict(scene: Scene, position: int, frame: Frame, differs: bool, unknown: bool) -> str:
    if not frame.quiet:
        return "half written: not judged yet"
    if not differs:
        return "" if unknown or not position else f"{RIGHT} as without a fault"
    end = position == len(scene.steps)
    if scene.aim is not None and end:
        return f"{DIFFERENT} not what is expected"
    return f"{DIFFERENT} not as without the fault"


def _table(table: TableState, frame: Frame | None, room: int) -> list[Content]:
    changed = frame.changed if frame else frozenset()
    rows = sorted(table.rows.items(), key=lambda item: _order(item[0]))

    def cell(row: int, column: int) -> Shown:
        key, values = rows[row]
        value = clean(_said(values[column]), WIDEST)
        lit = Cell(table.name, key, column) in changed
        return (CHANGED + value, "", "bold $accent") if lit else (value, "", "")

    lines = [
        Content.styled(clean(table.name, 60), "bold $primary"),
        *_grid(table.columns, len(rows), cell, _numbers([values for _, values in rows]), room),
    ]
    for name, values in frame.removed if frame else ():
        if name == table.name:
            gone = "  ".join(clean(_said(value), WIDEST) for value in values)
            lines.append(Content.styled(f"{GONE} {gone}", "strike $text-muted"))
    return lines


def _numbers(rows: Sequence[Sequence[Any]]) -> list[bool]:
    """Which columns hold nothing but numbers: they stand at the right."""
    return [
        any(value is not None for value in column)
        and all(value is None or isinstance(value, int | float) for value in column)
        for column in zip(*rows, strict=True)
    ]


def _grid(
    columns: Sequence[str],
    rows: int,
    cell: Callable[[int, int], Shown],
    numbers: Sequence[bool],
    room: int,
) -> list[Content]:
    """Columns as wide as their widest cell, as far as there is room, each with room for a mark before it."""
    cells = [[cell(row, column) for column in range(len(columns))] for row in range(rows)]
    heads: list[Shown] = [(clean(column, WIDEST), "", "") for column in columns]
    table = list(zip(heads, *cells, strict=True))
    widths = [max(_width(value.removeprefix(CHANGED)) for value, _, _ in column) for column in table]
    beside = [max(_width(text) for _, text, _ in column) for column in table]
    wide = sum(widths) + sum(beside)
    gap = 2 if not room or wide + 3 * len(widths) <= room + 2 else 1
    while (
        room and sum(widths) + sum(beside) + (gap + 1) * len(widths) > room + gap and max(widths) > NARROWEST
    ):
        widths[widths.index(max(widths))] -= 1
    places = list(zip(widths, beside, numbers or [False] * len(widths), strict=True))
    lines = [_row(row, places, " " * gap) for row in (heads, *cells)]
    lines[0] = lines[0].stylize("$text-muted")
    return lines if rows else [*lines, Content.styled(" no rows", "$text-muted italic")]


def _row(cells: Sequence[Shown], places: Sequence[tuple[int, int, bool]], gap: str) -> Content:
    """``places``: of each column its width, the width of what stands behind, and whether it holds numbers."""
    parts: list[tuple[str, str]] = []
    for (text, behind, style), (width, beside, number) in zip(cells, places, strict=True):
        mark = CHANGED if text.startswith(CHANGED) else " "
        shown = mark + _cut(text.removeprefix(CHANGED), width)
        padding = " " * (width + 1 - _width(shown))
        # What stands behind a text follows it; behind numbers it is a column of its own.
        before, after = (padding, "") if number else ("", padding)
        parts += [(before, ""), (shown + behind, style), (after + " " * (beside - _width(behind)) + gap, "")]
    return Content.assemble(*parts[:-1])


def _cut(text: str, width: int) -> str:
    """A word keeps its beginning; what begins with a digit, a time or a number, its end."""
    if _width(text) <= width:
        return text
    return f"…{text[1 - width :]}" if text[:1].isdigit() else f"{text[: width - 1]}…"


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
