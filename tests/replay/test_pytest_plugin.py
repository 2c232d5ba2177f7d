"""The pytest plugin: a failing scenario fails its test, and prints a test that fails for the same reason."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dataeng_tui.errors import UserError
from dataeng_tui.replay.delivery import FAULTS
from dataeng_tui.replay.pytest_plugin import assert_replay_safe, rows_after
from dataeng_tui.replay.scenario import builtin_names
from dataeng_tui.resources import sql_folder

# Of each built-in one counterexample of each kind would do; these have all kinds of steps among them.
TELLING = ("additive", "ledger-after", "ledger-before", "read-modify-write", "last-arrival", "wide-third")


def message_of(path: str, **options: object) -> str:
    with pytest.raises(pytest.fail.Exception) as error:
        assert_replay_safe(path, **options)  # type: ignore[arg-type]
    return str(error.value)


def test_a_safe_scenario_passes_and_gives_its_verdict() -> None:
    assert assert_replay_safe("one-to-many", faults=["lost-ack", "reorder"]).verdict == "replay-safe"


def test_the_fixture_is_the_function(request: pytest.FixtureRequest) -> None:
    try:
        fixture = request.getfixturevalue("assert_replay_safe")
    except pytest.FixtureLookupError:
        pytest.skip("installed before the plugin had its entry point: pip install -e . again")
    assert fixture is assert_replay_safe


@pytest.mark.parametrize("name", TELLING)
def test_every_counterexample_is_printed_as_a_test_that_fails_by_itself(name: str) -> None:
    assert name in builtin_names()
    source = message_of(name, faults=list(FAULTS)).partition("As a test to paste:")[2]
    tests: dict[str, object] = {}
    exec(source, tests)
    ran = [test for key, test in tests.items() if key.startswith("test_")]
    assert ran
    for test in ran:
        with pytest.raises(AssertionError):
            test()  # type: ignore[operator]


def test_the_printed_test_passes_once_the_write_is_right(tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    shutil.copytree(sql_folder() / "replay" / "additive", folder)
    source = message_of(str(folder), faults=["lost-ack"]).partition("As a test to paste:")[2]
    tests: dict[str, object] = {}
    exec(source, tests)
    sql = (folder / "write.sql").read_text()
    newer = "sent + CASE WHEN excluded.date > date THEN excluded.sent ELSE 0 END"
    (folder / "write.sql").write_text(sql.replace("sent + excluded.sent", newer))
    tests["test_campaign_lost_ack"]()  # type: ignore[operator]
    assert assert_replay_safe(str(folder), faults=["lost-ack"])


def test_out_of_budget_is_not_safe() -> None:
    assert "undecided" in message_of("inbox", faults=["zombie"], seconds=1e-9)


def test_steps_in_words() -> None:
    assert rows_after("additive", "deliver 1", "deliver 2", "deliver 3", "deliver 3")[0]["sent"] == 2100
    for wrong in ("deliver", "deliver 0", "transaction 1", "eat 1", "deliver 1.1"):
        with pytest.raises(UserError, match="A step is"):
            rows_after("additive", wrong)


def test_loading_the_plugin_imports_nothing_of_weight() -> None:
    code = """if True:
        import pytest, sys
        before = set(sys.modules)
        import dataeng_tui.replay.pytest_plugin
        print(*sorted(set(sys.modules) - before))
    """
    imported = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert imported == ["dataeng_tui", "dataeng_tui.replay", "dataeng_tui.replay.pytest_plugin"]
