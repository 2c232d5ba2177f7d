"""Foreign strings come out harmless."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from dataeng_tui.text import clean


def test_escapes_go_whole() -> None:
    assert clean("\x1b[31mred\x1b[0m \x1b]0;title\x07x") == "red x"


def test_what_people_write_stays() -> None:
    assert clean("Müller’s 🚀 topic[/] [00:15]") == "Müller’s 🚀 topic[/] [00:15]"


def test_direction_cannot_be_overridden() -> None:
    assert clean("a\u202egnp.exe") == "agnp.exe"


def test_a_long_string_is_cut_with_a_mark() -> None:
    assert clean("x" * 20, 5) == "xxxxx…"


@given(st.text(), st.booleans())
def test_no_control_character_is_left(value: str, lines: bool) -> None:
    for char in clean(value, lines=lines):
        assert (char == "\n" and lines) or unicodedata.category(char) not in {"Cc", "Cs"}


@given(st.text())
def test_cleaning_twice_is_cleaning_once(value: str) -> None:
    assert clean(clean(value)) == clean(value)
