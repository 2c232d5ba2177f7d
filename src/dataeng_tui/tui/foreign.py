"""The one door through which foreign strings reach the screen: never markup, never control characters."""

from textual.content import Content

from dataeng_tui.text import clean


def foreign(value: object, style: str = "", limit: int = 10_000, *, lines: bool = False) -> Content:
    """``value`` as content that is shown letter by letter, whatever is in it."""
    return (
        Content.styled(clean(value, limit, lines=lines), style)
        if style
        else Content(clean(value, limit, lines=lines))
    )
