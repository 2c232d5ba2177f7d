"""SQLite files that several programs open at once."""

import sqlite3
import stat
import threading
import time
from pathlib import Path

import pytest

from dataeng_tui.databases import is_locked, private_database


def held(path: Path, lock: str) -> sqlite3.Connection:
    """Another program, in the middle of its first write to a file that is not in write-ahead mode yet."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute(lock)
    other.execute("CREATE TABLE theirs (x)")
    return other


@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_it_waits_for_another_that_makes_the_same_file(tmp_path: Path, lock: str) -> None:
    other = held(tmp_path / "new.db", lock)
    done = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    done.start()
    connection = private_database(tmp_path / "new.db", 60)
    done.join()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    assert stat.S_IMODE((tmp_path / "new.db").stat().st_mode) == 0o600
    connection.close()
    other.close()


def test_patience_ends_and_the_error_says_locked(tmp_path: Path) -> None:
    other = held(tmp_path / "new.db", "BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError) as told:
        private_database(tmp_path / "new.db", 0.05)
    assert is_locked(told.value)
    other.close()


def test_many_at_once_all_get_in(tmp_path: Path) -> None:
    """The change of mode is where SQLite does not wait by itself: it needs many to meet there."""
    failed: list[BaseException] = []

    def one(path: Path, together: threading.Barrier) -> None:
        together.wait()
        try:
            private_database(path, 60).close()
        except sqlite3.Error as error:
            failed.append(error)

    for number in range(20):
        together = threading.Barrier(6)
        path = tmp_path / f"{number}.db"
        threads = [threading.Thread(target=one, args=(path, together)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []


def test_what_is_no_database_is_not_called_locked(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("words " * 1000)
    started = time.process_time()
    with pytest.raises(sqlite3.DatabaseError) as told:
        private_database(path, 60)
    assert not is_locked(told.value)
    assert time.process_time() - started < 1
