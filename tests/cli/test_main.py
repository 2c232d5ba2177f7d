"""The command line as a whole: light, and polite about what it cannot do."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dataeng_tui import __version__
from dataeng_tui.resources import sql_folder


def run(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dataeng_tui", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
        **more,  # type: ignore[call-overload]
    )


def imported_by(code: str) -> set[str]:
    out = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in out.stdout.splitlines()[-1].split()}


def test_help_imports_neither_textual_nor_a_driver() -> None:
    code = (
        "from dataeng_tui.cli import main\n"
        "import contextlib\n"
        "with contextlib.suppress(SystemExit): main(['--help'])"
    )
    heavy = {
        "textual",
        "rich",
        "sqlite_utils",
        "httpx2",
        "snowflake",
        "pyspark",
        "holidays",
        "sqlglot",
        "zstandard",
    }
    assert not heavy & imported_by(code)


def test_the_screens_modules_import_no_driver() -> None:
    code = (
        "import dataeng_tui.tui.app\n"
        "from importlib import import_module\n"
        "for name in ('after_hours', 'streams', 'replay'): import_module('dataeng_tui.tui.panes.' + name)"
    )
    heavy = {"sqlite_utils", "httpx2", "snowflake", "pyspark", "holidays", "sqlglot", "zstandard"}
    assert not heavy & imported_by(code)


def test_version() -> None:
    assert run("--version").stdout.strip() == f"dataeng-tui, version {__version__}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "needs a terminal"),
        (("--demo",), "needs a terminal"),
        (("--bogus",), "No such option"),
        (("after-ours",), "No such command"),
        (("--config", "absent.toml", "doctor"), "There is no settings file absent.toml"),
        (("--theme", "neon"), "needs a terminal"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_2(arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_doctor_tells_every_part(tmp_path: Path) -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stderr
    for part in ("program", "settings", "sql files", "history", "sandbox", "snowflake", "spark", "java"):
        assert any(line[2:].startswith(part) for line in done.stdout.splitlines()), part


def test_a_too_old_sqlite_is_a_sentence_and_doctor_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sqlite3\nsqlite3.sqlite_version_info, sqlite3.sqlite_version = (3, 34, 1), '3.34.1'\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    said = "The sandbox needs SQLite 3.38 or later, and this Python has 3.34.1"
    own = shutil.copytree(sql_folder() / "replay" / "additive", tmp_path / "own")  # runs in another process
    for where in ("additive", str(own)):
        done = run("replay", "check", where)
        assert (done.returncode, done.stdout) == (2, "")
        assert (done.stderr.count("\n"), said in done.stderr) == (1, True)
    done = run("doctor")
    assert done.returncode == 0
    assert f"· sandbox      {said}" in done.stdout


def test_a_mistake_of_ours_is_a_sentence_and_a_private_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import dataeng_tui.settings as s\n"
        "def broken(*a, **k): raise RuntimeError('boom')\n"
        "s.load = broken\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = run("doctor")
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr.count("\n") == 1
    assert "RuntimeError" in done.stderr
    file = tmp_path / "xdg" / "cache" / "dataeng-tui" / "failure.txt"
    assert "boom" in file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o777 == 0o600
