"""``doctor``: what is configured, what answers, what is missing and how to get it."""

import os
import platform
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import click

from dataeng_tui import __version__
from dataeng_tui.errors import UserError
from dataeng_tui.locations import config_file, data_folder
from dataeng_tui.resources import sql_folder
from dataeng_tui.settings import Settings

MARKS: Final = {"ok": "✓", "missing": "·", "wrong": "✗"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: its ``state`` (ok, missing, wrong), what was looked at, and what was found or is to be done."""

    state: str
    what: str
    told: str


@click.command("doctor")
@click.pass_obj
def command(settings: Settings) -> int:
    """Tell what is configured, what answers, what is missing and how to get it.

    Exits with 1 when something that is configured does not work.
    """
    wrong = 0
    for finding in _findings(settings):
        wrong += finding.state == "wrong"
        click.echo(f"{MARKS[finding.state]} {finding.what:<12} {finding.told}")
    return 1 if wrong else 0


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding(
        "ok", "program", f"dataeng-tui {__version__}, Python {platform.python_version()}, {sys.platform}"
    )
    yield _terminal()
    yield _settings_file()
    yield _guarded("sql files", lambda: Finding("ok", "sql files", str(sql_folder())))
    yield _guarded("history", lambda: Finding("ok", "history", f"kept in {data_folder()}"))
    yield Finding("ok", "sandbox", f"SQLite {sqlite3.sqlite_version}")
    yield _package("snowflake", "snowflake-connector-python", "snowflake", "Snowflake's query history")
    yield from _snowflake_connection(settings)
    yield _package("spark", "pyspark", "spark", "running jobs and the demo; watching needs nothing")
    yield _java()
    yield from _drivers(settings)


def _terminal() -> Finding:
    term, colours = os.environ.get("TERM", ""), os.environ.get("COLORTERM", "")
    if term in {"", "dumb"}:
        return Finding(
            "missing", "terminal", "TERM is empty or dumb: the full-screen program cannot draw here"
        )
    depth = (
        "24-bit colours"
        if colours in {"truecolor", "24bit"}
        else "256 colours or fewer (COLORTERM is not set)"
    )
    return Finding(
        "ok", "terminal", f"{term}, {depth}" + (", NO_COLOR" if os.environ.get("NO_COLOR") else "")
    )


def _settings_file() -> Finding:
    file = config_file()
    return Finding("ok", "settings", f"{file}" + ("" if file.exists() else " (not there: the defaults hold)"))


def _guarded(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except UserError as error:
        return Finding("wrong", what, str(error))
    except OSError as error:
        return Finding("wrong", what, f"{error.strerror}: {error.filename}")


def _package(what: str, distribution: str, extra: str, needed_for: str) -> Finding:
    try:
        return Finding("ok", what, f"{distribution} {version(distribution)}")
    except PackageNotFoundError:
        return Finding("missing", what, f"for {needed_for}:  pip install 'dataeng-tui[{extra}]'")


def _snowflake_connection(settings: Settings) -> Iterator[Finding]:
    name = settings.after_hours.connection
    folder = Path(os.environ.get("SNOWFLAKE_HOME", Path.home() / ".snowflake"))
    file = (folder if folder.is_dir() else Path.home() / ".config" / "snowflake") / "connections.toml"
    if file.exists():
        yield Finding("ok", "connections", str(file))
    elif name:
        yield Finding("wrong", "connections", f"the connection {name!r} is asked for, but there is no {file}")
    else:
        yield Finding(
            "missing", "connections", f"no {file}: a CSV export works without (after-hours --history FILE)"
        )


def _java() -> Finding:
    from dataeng_tui.demo.java import find_java

    return _guarded("java", lambda: Finding("ok", "java", str(find_java())))


def _drivers(settings: Settings) -> Iterator[Finding]:
    return iter(())
