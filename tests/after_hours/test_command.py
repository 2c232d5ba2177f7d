"""The command line: what is printed, and one sentence on stderr with 2 for what is wrong."""

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dataeng_tui.after_hours import origins
from dataeng_tui.cli import main
from dataeng_tui.locations import cache_folder, data_folder
from tests.snowflake_server import FakeSnowflake

HEADER = "QUERY_ID,START_TIME,USER_NAME,USER_TYPE\n"
ROWS = """1,2026-03-12 16:50:00.000 -0400,ALICE,PERSON
2,2026-03-12 18:05:00.000 -0400,ALICE,PERSON
3,2026-03-12 18:40:00.000 -0400,ALICE,PERSON
3,2026-03-12 18:40:00.000 -0400,ALICE,PERSON
4,2026-03-12 23:10:00.000 -0400,ALICE,SERVICE
5,2026-03-13 01:30:00.000 -0400,ALICE,PERSON
6,2026-03-14 10:00:00.000 -0400,ALICE,PERSON
"""


@pytest.fixture
def export(tmp_path: Path) -> Path:
    file = tmp_path / "history.csv"
    file.write_text(HEADER + ROWS)
    return file


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["after-hours", *arguments])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    code, out, err = run(capsys, *arguments, "--timezone", "America/New_York", "--format", "json")
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def test_the_json_is_as_it_was_promised(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = report(capsys, "--history", str(export))
    assert list(found) == ["user", "timezone", "work_hours", "days", "totals", "sync"]
    assert (found["user"], found["timezone"], found["work_hours"]) == (
        "ALICE",
        "America/New_York",
        "Mon-Fri 09:00-17:00",
    )
    assert found["days"][0] == {
        "day": "2026-03-12",
        "kind": "workday",
        "after_hours_minutes": 45,
        "evening_minutes": 45,
        "early_minutes": 0,
        "day_off_minutes": 0,
        "session_minutes": 35,
        "blog_hours": 5.08,
        "statements": 5,
        "machine_statements": 1,
    }
    assert found["days"][1]["kind"] == "weekend"
    assert found["totals"]["after_hours_minutes"] == 60
    assert found["sync"]["source"] == "files"


def test_several_files_are_one_history(
    export: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    more = tmp_path / "more.jsonl"
    more.write_text('{"QUERY_ID": "7", "START_TIME": "2026-03-15T10:00:00-04:00", "USER_NAME": "ALICE"}\n')
    found = report(capsys, "--history", str(export), "--history", str(more))
    assert found["totals"]["statements"] == 7


def test_a_file_that_has_changed_is_read_again_and_never_mixed(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(capsys, "--history", str(export))["totals"]["statements"] == 6
    export.write_text(HEADER + ROWS.splitlines()[0] + "\n")
    assert report(capsys, "--history", str(export))["totals"]["statements"] == 1
    assert not (data_folder() / "history.sqlite").exists()
    kept = list(cache_folder().glob("after-hours-*.sqlite"))
    assert len(kept) == 1
    assert stat.S_IMODE(kept[0].stat().st_mode) == 0o600


def test_what_is_kept_of_files_does_not_pile_up(
    export: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A new export every day, and one that cannot be read."""
    for day in range(12):
        file = tmp_path / f"{day}.csv"
        file.write_text(export.read_text())
        report(capsys, "--history", str(file))
    assert len(list(cache_folder().glob("*.sqlite"))) == origins.KEPT
    export.write_text(HEADER + "1,x\n")
    assert run(capsys, "--history", str(export))[0] == 2
    assert not list(cache_folder().glob("*-wal"))


def test_files_without_a_statement_are_told(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = export.with_name("empty.csv")
    empty.write_text(HEADER)
    code, out, err = run(capsys, "--history", str(empty))
    assert (code, out, err) == (2, "", f"dataeng-tui: There is not one statement in {empty}.\n")
    found = report(capsys, "--history", str(empty), "--history", str(export))
    assert found["totals"]["statements"] == 6


@pytest.mark.parametrize("arguments", [["--history", "{}"], ["forget", "--yes"]])
def test_a_folder_that_cannot_be_made_is_a_sentence(
    arguments: list[str], export: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(export))  # a file
    code, out, err = run(capsys, *(one.format(export) for one in arguments))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "cannot be made (Not a directory)" in err


def test_the_days_asked_for_are_those_shown(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = report(capsys, "--history", str(export), "--since", "2026-03-13", "--until", "2026-03-14")
    assert [day["day"] for day in found["days"]] == ["2026-03-14"]


def test_the_table_tells_each_measure_in_a_sentence(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--history", str(export), "--timezone", "America/New_York")
    assert code == 0
    assert "2026-03-12  Thu  workday       0 h 45" in out
    for words in (
        "Slots: 1 h 00. 15 minutes",
        "Sessions: 0 h 35. Runs",
        "Blog, as written: 5 h 05. From",
        "Blog, corrected",
    ):
        assert words in out
    assert "not a person's user: 1 statement, " in out


def test_several_users_are_listed(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export.write_text(HEADER + ROWS + "8,2026-03-15T10:00:00Z,BOB,\n9,2026-03-15T10:00:00Z,SYSTEM,\n")
    code, _, err = run(capsys, "--history", str(export))
    assert (code, err) == (
        2,
        "dataeng-tui: There are several users here, ALICE, BOB: name one with --user.\n",
    )
    assert report(capsys, "--history", str(export), "--user", "bob")["user"] == "BOB"
    code, _, err = run(capsys, "--history", str(export), "--user", "carol")
    assert (code, "there are some by ALICE, BOB, SYSTEM" in err) == (2, True)


def test_a_file_without_names_is_whose_one_says(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export.write_text("QUERY_ID,START_TIME\n1,2026-03-15T10:00:00Z\n")
    assert report(capsys, "--history", str(export))["user"] is None
    assert report(capsys, "--history", str(export), "--user", "ALICE")["totals"]["statements"] == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--timezone", "America/NewYork"], "Did you mean America/New_York?"),
        (["--work-hours", "nine to five"], "weekday"),
        (["--day-starts", "late"], "04:00"),
        (["--holidays", "XX"], "no holidays known"),
        (["--since", "yesterday"], "--since must be a date"),
        (["--since", "0001-01-01"], "--since must be a date"),
        (["--until", "9999-12-31"], "--until must be a date"),
        (["--since", "2026-03-02", "--until", "2026-03-01"], "lies before"),
        (["--history", "/nowhere/at/all.csv"], "There is no file"),
        ([], "There is no history yet"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    arguments: list[str], sentence: str, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments if not arguments or "--history" in arguments else ["--history", str(export), *arguments]
    code, out, err = run(capsys, *given)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err


def test_from_a_connection_and_from_what_it_left_when_the_network_is_gone(
    snowflake: FakeSnowflake, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.after_hours.syncs import days_ago, row

    snowflake.load([row(1, days_ago(9)), row(2, days_ago(8), USER_NAME="BOB")])
    found = report(capsys, "--connection", "dev")
    assert (found["user"], found["totals"]["statements"]) == ("ALICE", 1)
    assert found["sync"]["account"] == "ACME-DATA"
    assert found["sync"]["complete_until"]
    assert report(capsys, "--connection", "dev", "--user", "BOB")["user"] == "BOB"

    snowflake.login_error = ("390913", "Your account is suspended.")
    code, out, err = run(capsys, "--connection", "dev", "--timezone", "UTC", "--format", "json")
    assert (code, json.loads(out)["totals"]["statements"]) == (0, 1)
    assert "is suspended" in err
    assert "is suspended" in json.loads(out)["sync"]["problem"]
    assert run(capsys, "--connection", "dev", "--user", "CAROL")[0] == 2


def test_a_first_sync_that_brings_nothing_is_no_report_of_nothing(
    snowflake: FakeSnowflake, capsys: pytest.CaptureFixture[str]
) -> None:
    snowflake.refuse["ACCOUNT_USAGE"] = ("000606", "57P03", "No active warehouse selected in the session.")
    code, out, err = run(capsys, "--connection", "dev", "--format", "json")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "has no running warehouse" in err


def test_forget_removes_all_of_it(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(capsys, "--history", str(export))
    assert list(cache_folder().iterdir())
    code, out, _ = run(capsys, "forget", "--yes")
    assert (code, list(cache_folder().iterdir()), list(data_folder().iterdir())) == (0, [], [])
    assert out.startswith("Removed ")
    assert run(capsys, "forget", "--yes")[1] == "There was nothing to remove.\n"
    (data_folder() / "history.sqlite-wal").mkdir()
    code, _, err = run(capsys, "forget", "--yes")
    assert (code, "history.sqlite-wal cannot be removed: " in err) == (2, True)


def test_the_demo_is_marked_and_leaves_ones_own_history_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--demo", "after-hours", "--timezone", "UTC"])
    out = capsys.readouterr().out
    assert out.splitlines()[0].endswith("DEMO: a made-up year")
    assert not (data_folder() / "history.sqlite").exists()


@pytest.mark.parametrize("format_", ["table", "markdown"])
def test_how_sure_one_may_be_is_told_without_the_screen(
    format_: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--demo", "after-hours", "--format", format_])
    out = " ".join(capsys.readouterr().out.split())
    assert "pulse-board (program)" in out
    assert "rung 4 of 4, the step vanishes without it" in out


def test_help_is_light() -> None:
    script = """
import sys
from dataeng_tui.cli import main
try:
    main(["after-hours", "--help"])
except SystemExit:
    pass
heavy = {"textual", "sqlite_utils", "holidays", "snowflake", "duckdb"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
