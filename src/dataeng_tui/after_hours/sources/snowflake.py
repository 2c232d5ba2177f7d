"""Statements from Snowflake, by its own connector; every statement sent is a file in ``sql/after_hours``.

The connector's asynchronous side is used because cancelling its task also aborts the query on the server.
Moments are bound as texts with their offset: the connector would send a datetime without its zone, and the
server would read it in the session's.
"""

import logging
import os
import tomllib
import warnings
from asyncio import CancelledError, sleep
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dataeng_tui.after_hours.sources.refusals import Refusal, refusal
from dataeng_tui.after_hours.statement import OWN_TAG, Statement
from dataeng_tui.errors import UserError, missing
from dataeng_tui.resources import sql

PAGE: Final = 5_000
LOGIN_SECONDS: Final = 30
QUERY_SECONDS: Final = 600
ABORT_SECONDS: Final = 0.5  # for the connector to send a cancelled query's abort: a logout would overtake it
_IN_A_BROWSER: Final = ("externalbrowser", "oauth_authorization_code")

_NO_LOG: Final = logging.NullHandler()  # else Python would print the connector's warnings itself

Row = tuple[Any, ...]


class Session:
    """An open session, whose every statement carries our QUERY_TAG."""

    def __init__(self, name: str, connection: Any) -> None:
        self.name = name
        self._connection = connection
        self.account = ""
        self.user = ""
        self.began = datetime.now(UTC)
        """When it was opened, by the server's clock."""

    async def pages(self, statement: str, *values: str) -> AsyncIterator[list[Row]]:
        """The rows of ``sql/after_hours/<statement>.sql``, a page at a time. Raises Refusal or UserError."""
        async for page in self.pages_of(sql(f"after_hours/{statement}.sql"), *values):
            yield page

    async def pages_of(self, text: str, *values: str) -> AsyncIterator[list[Row]]:
        """The rows of a statement, a page at a time, its values bound. Raises Refusal or UserError."""
        cursor = self._connection.cursor()
        try:
            with _quiet():
                await cursor.execute(text, list(values))
                while page := await cursor.fetchmany(PAGE):
                    yield page
        except CancelledError:
            await sleep(ABORT_SECONDS)
            raise
        except _errors() as error:
            raise refusal(error, self.name) from None

    async def rows(self, statement: str, *values: str) -> list[Row]:
        """All rows of a statement that gives few."""
        return [row async for page in self.pages(statement, *values) for row in page]


@asynccontextmanager
async def open_session(name: str, passcode: str | None = None) -> AsyncIterator[Session]:
    """Log in with a connection of connections.toml: by PAT, key pair, OAuth token, password and MFA passcode.

    Raises UserError, one sentence with the next step.
    """
    try:
        from snowflake.connector.aio import SnowflakeConnection
    except ImportError:
        raise missing("Snowflake's connector", "snowflake") from None
    given: dict[str, Any] = {} if passcode is None else {"passcode": passcode}
    settings = _settings_of(name)
    if "login_timeout" not in settings and not _waits_for_a_person(name, settings):
        given["login_timeout"] = LOGIN_SECONDS
    logging.getLogger("snowflake").addHandler(_NO_LOG)
    connection: Any = None
    try:
        with _quiet():
            connection = SnowflakeConnection(
                connection_name=name,
                session_parameters={"QUERY_TAG": OWN_TAG},
                paramstyle="qmark",
                query_timeout=QUERY_SECONDS,
                enable_server_session_keep_alive_auto_detection=False,
                **given,
            )
            await connection.connect()
    except _errors() as error:
        raise UserError(str(refusal(error, name))) from None
    session = Session(name, connection)
    try:
        ((session.account, session.user, now),) = await session.rows("who")
        session.began = _utc(now)
        yield session
    except Refusal as refused:
        raise UserError(str(refused)) from None
    finally:
        with _quiet(), suppress(_errors()):  # what has to be said has been said
            await connection.close()


def logs_in_by_browser(name: str) -> bool:
    """Whether a connection asks in a browser, and prints to the terminal while it does."""
    return _authenticator(name, _settings_of(name)) in _IN_A_BROWSER


def _waits_for_a_person(name: str, settings: Mapping[str, Any]) -> bool:
    """Whether somebody has to say yes, in a browser or on a telephone, which takes as long as it takes."""
    return _authenticator(name, settings) in (*_IN_A_BROWSER, "username_password_mfa")


def _authenticator(name: str, settings: Mapping[str, Any]) -> str:
    given = os.environ.get(f"SNOWFLAKE_CONNECTIONS_{name.upper()}_AUTHENTICATOR")
    return str(given or settings.get("authenticator", "")).lower()


def statement_of(user: str, row: Row) -> Statement:
    """A row of ``history.sql``, ``history_agents.sql`` or ``recent.sql``."""
    query_id, start, end, session_id, *words, generated, hashed, agent = row
    return Statement._make(
        (
            query_id, _utc(start), _utc(end) if end and end.year > 1970 else None, user, _text(session_id),
            *map(_text, words), bool(generated), _text(hashed), _text(agent), "", "",
        )
    )  # fmt: skip


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _settings_of(name: str) -> dict[str, Any]:
    """A connection's own settings, as far as they can be read; it is the connector that complains."""
    home = os.environ.get("SNOWFLAKE_HOME")
    folders: Sequence[Path] = (
        [Path(home).expanduser()]
        if home
        else [Path.home() / ".snowflake", Path.home() / ".config" / "snowflake"]
    )
    for folder in folders:
        for file, keys in (("connections.toml", (name,)), ("config.toml", ("connections", name))):
            try:
                found: Any = tomllib.loads((folder / file).read_text(encoding="utf-8"))
                for key in keys:
                    found = found[key]
            except (OSError, ValueError, LookupError, TypeError):
                continue
            if isinstance(found, dict):
                return found
    return {}


def _errors() -> type[Exception]:
    from snowflake.connector.errors import Error

    found: type[Exception] = Error
    return found


def _quiet() -> "warnings.catch_warnings[None]":
    """Nothing of the connector's may reach the terminal: a full-screen program may be on it."""
    return warnings.catch_warnings(action="ignore")
