"""Precedence and refusals of the settings."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeng_tui.errors import UserError
from dataeng_tui.settings import Settings, load


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    assert load(None, {}, {}) == Settings()


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, 'theme = "nord"\n[after_hours]\ntimezone = "Europe/London"\nuser = "FILE"\n')
    environment = {"DATAENG_TUI_AFTER_HOURS_USER": "ENV", "DATAENG_TUI_THEME": "gruvbox"}
    settings = load(file, environment, {"theme": "monokai", "after_hours": {"user": None}})
    assert (settings.theme, settings.after_hours.user) == ("monokai", "ENV")
    assert settings.after_hours.timezone == "Europe/London"


def test_a_connection_named_by_flag_or_environment_is_meant_and_not_the_files_history(tmp_path: Path) -> None:
    file = write(tmp_path, '[after_hours]\nhistory = ["old.csv"]\nconnection = "old"\n')
    named = {"DATAENG_TUI_AFTER_HOURS_CONNECTION": "dev"}
    for settings in (load(file, {}, {"after_hours": {"connection": "dev"}}), load(file, named, {})):
        assert (settings.after_hours.connection, settings.after_hours.history) == ("dev", ())
    both = load(file, {**named, "DATAENG_TUI_AFTER_HOURS_HISTORY": "new.csv"}, {})
    assert both.after_hours.history == ("new.csv",)
    assert load(file, {}, {"after_hours": {"connection": None}}).after_hours.history == ("old.csv",)


def test_a_flag_that_was_not_given_changes_nothing(tmp_path: Path) -> None:
    file = write(tmp_path, '[streams]\ndriver = ["http://a:4040"]\n')
    assert load(file, {}, {"streams": {"driver": ()}}).streams.driver == ("http://a:4040",)


def test_lists_and_numbers_come_from_the_environment() -> None:
    environment = {
        "DATAENG_TUI_STREAMS_DRIVER": "http://a:1, http://b:2",
        "DATAENG_TUI_STREAMS_INTERVAL": "2.5",
    }
    streams = load(None, environment).streams
    assert (streams.driver, streams.interval) == (("http://a:1", "http://b:2"), 2.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("theme = ", "not valid TOML"),
        ("them = 'x'", "unknown key 'them'. Did you mean 'theme'"),
        ("[after_hours]\nzone = 'UTC'", "unknown key 'zone'"),
        ("theme = 3", "theme must be a text, not 3"),
        ("streams = 1", "must be a table"),
        ("[streams]\ninterval = 'fast'", "must be a number"),
        ("[after_hours]\ngoal_hours = nan", "hours of a week, 0 to 168"),
        ("demo = 'yes'", "must be true or false"),
    ],
)
def test_what_is_wrong_in_the_file_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        load(write(tmp_path, text), {})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value).strip() or "TOML" in str(caught.value)


def test_a_file_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no settings file"):
        load(tmp_path / "absent.toml", {})


@given(st.text(max_size=40))
def test_any_value_from_the_environment_is_taken_or_refused_in_a_sentence(value: str) -> None:
    for name in ("DATAENG_TUI_DEMO", "DATAENG_TUI_STREAMS_INTERVAL", "DATAENG_TUI_THEME"):
        with contextlib.suppress(UserError):
            assert isinstance(load(None, {name: value}), Settings)
