"""``doctor``: what is configured, what answers, what is missing and how to get it."""

import os
import platform
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import click

from dataeng_tui import __version__
from dataeng_tui.demo.java import find_java
from dataeng_tui.errors import UserError
from dataeng_tui.locations import config_file, data_folder
from dataeng_tui.replay.guard import engine
from dataeng_tui.resources import sql_folder
from dataeng_tui.services import Services
from dataeng_tui.settings import Settings
from dataeng_tui.text import clean

MARKS: Final = {"ok": "✓", "missing": "·", "wrong": "✗"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: how it stands (ok, missing, wrong), what was looked at, what is there or is to be done."""

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
    services = Services(settings)
    yield Finding(
        "ok", "program", f"dataeng-tui {__version__}, Python {platform.python_version()}, {sys.platform}"
    )
    yield _terminal()
    yield _settings_file()
    yield _looked("sql files", lambda: str(sql_folder()))
    yield _looked("history", lambda: f"kept in {data_folder()}")
    yield _looked("hours", lambda: _hours(services))
    yield _looked("sandbox", engine, otherwise="missing")
    yield _package("snowflake", "snowflake-connector-python", "snowflake", "Snowflake's query history")
    yield _snowflake_connection(settings)
    yield _package("spark", "pyspark", "spark", "running jobs and the demo; watching needs nothing")
    yield _looked("java", lambda: str(find_java()), otherwise="missing")
    yield from _streams(services)


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


def _looked(what: str, look: Callable[[], str], otherwise: str = "wrong") -> Finding:
    try:
        return Finding("ok", what, look())
    except UserError as error:
        return Finding(otherwise, what, str(error))
    except OSError as error:
        return Finding(otherwise, what, f"{error.strerror}: {error.filename}")


def _hours(services: Services) -> str:
    calendar, given = services.after_hours.calendar, services.settings.after_hours
    return f"{given.work_hours}, {calendar.zone.key}, the day starts at {given.day_starts}"


def _package(what: str, distribution: str, extra: str, needed_for: str) -> Finding:
    try:
        return Finding("ok", what, f"{distribution} {version(distribution)}")
    except PackageNotFoundError:
        return Finding("missing", what, f"for {needed_for}:  pip install 'dataeng-tui[{extra}]'")


def _snowflake_connection(settings: Settings) -> Finding:
    name, file = settings.after_hours.connection, _connections_file()
    try:
        with file.open("rb") as stream:
            names = sorted(tomllib.load(stream))
    except FileNotFoundError:
        told = f"no {file}; a CSV export works without: after-hours --history FILE"
        return Finding("wrong" if name else "missing", "connections", told)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Finding("wrong", "connections", f"{file}: {clean(error)}")
    if name and name not in names:
        return Finding(
            "wrong", "connections", f"{file} has no {name!r}; it has: {', '.join(map(clean, names))}"
        )
    return Finding("ok", "connections", f"{file}: {', '.join(map(clean, names))}")


def _connections_file() -> Path:
    """Where Snowflake's connector looks."""
    if home := os.environ.get("SNOWFLAKE_HOME"):
        return Path(home).expanduser() / "connections.toml"
    folder = Path.home() / ".snowflake"
    return (folder if folder.is_dir() else Path.home() / ".config" / "snowflake") / "connections.toml"


def _streams(services: Services) -> Iterator[Finding]:
    """What answers now: the drivers of this machine, and what is configured."""
    try:
        watcher = services.streams
    except UserError as error:
        yield Finding("wrong", "streams", str(error))
        return
    seen = watcher.once(timeout=5.0)
    for problem in watcher.unanswered:
        yield Finding("wrong", "streams", f"{clean(problem.source)}: {clean(problem.message, 300)}")
    if seen.applications or not watcher.unanswered:
        queries = f"{len(seen.queries)} queries in {len(seen.applications)} applications"
        yield Finding(
            "ok", "streams", queries if seen.applications else "no driver on localhost 4040-4050 just now"
        )
