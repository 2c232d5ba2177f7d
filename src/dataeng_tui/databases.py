"""The program's own SQLite files: private, and open in several programs at once."""

import sqlite3
import time
from pathlib import Path

from dataeng_tui.locations import private_file

_AGAIN = 0.01  # seconds between two tries at what SQLite does not wait for by itself


def private_database(path: Path, patience: float) -> sqlite3.Connection:
    """A connection to the file at ``path`` (made with 0600), in write-ahead mode and without implicit
    transactions; it waits up to ``patience`` seconds for another program's write.

    Raises OSError and sqlite3.Error; nothing stays open then.
    """
    connection = sqlite3.connect(
        private_file(path), timeout=patience, isolation_level=None, check_same_thread=False
    )
    try:
        _write_ahead(connection, time.monotonic() + patience)
    except BaseException:
        connection.close()
        raise
    return connection


def is_locked(error: sqlite3.Error) -> bool:
    """Whether another program was writing for longer than one's patience."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _write_ahead(connection: sqlite3.Connection, deadline: float) -> None:
    """Two programs that open a new file at once both want its only lock for the change of mode, and
    SQLite answers one of them "locked" without waiting: there the busy timeout does not apply."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN)
