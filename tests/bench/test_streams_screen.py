"""What 300 queries with a batch a second cost the terminal, and what they cost when nothing changes."""

import sys
from pathlib import Path

import pytest

from tests.terminal import Terminal

pytestmark = pytest.mark.bench
PROGRAM = [sys.executable, str(Path(__file__).parent / "many_streams.py")]


def bytes_a_second(*arguments: str) -> tuple[float, float]:
    """Bytes a second, and the share of a core, over ten seconds of watching."""
    terminal = Terminal([*PROGRAM, *arguments])
    try:
        terminal.until(lambda: b"querynumber000" in terminal.text())
        terminal.read_for(4)
        before = terminal.cpu_seconds()
        written = terminal.read_for(10)
        return written / 10, (terminal.cpu_seconds() - before) / 10
    finally:
        terminal.close()


def test_three_hundred_queries_a_second_write_little() -> None:
    rate, share = bytes_a_second()
    print(f"\n300 queries at 1 Hz: {rate:,.0f} B/s, {share:.1%} of a core")
    assert 0 < rate <= 6_000
    assert share <= 0.10


def test_nothing_is_written_when_nothing_changes() -> None:
    rate, share = bytes_a_second("still")
    print(f"\n300 queries that rest: {rate:,.0f} B/s, {share:.1%} of a core")
    assert rate == 0
