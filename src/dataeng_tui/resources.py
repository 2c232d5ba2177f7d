"""The SQL files: at the top of a checkout, inside the package when installed."""

from functools import cache
from pathlib import Path

from dataeng_tui.errors import UserError


@cache
def sql_folder() -> Path:
    """The folder with ``after_hours/`` and ``replay/``."""
    package = Path(__file__).resolve().parent
    for folder in (package / "_sql", package.parent.parent / "sql"):
        if folder.is_dir():
            return folder
    raise UserError("The SQL files that belong to dataeng-tui are missing: install it again.")


def sql(name: str) -> str:
    """The text of one statement, e.g. ``sql("after_hours/blog.sql")``."""
    return (sql_folder() / name).read_text(encoding="utf-8")
