"""The whole program's figures, as ratios to a bare Textual program in the same run.

``pytest -m bench tests/bench/test_terminal.py -s`` prints them.
"""

import csv
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dataeng_tui.after_hours.sources.demo import demo_history
from tests.terminal import Figures, measure

pytestmark = pytest.mark.bench
HERE = Path(__file__).parent


def a_year(file: Path) -> Path:
    """A year of statements as the CSV that people download."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(("QUERY_ID", "START_TIME", "END_TIME", "USER_NAME", "WAREHOUSE_NAME"))
        for one in demo_history(datetime.now(UTC), UTC).statements:
            rows.writerow((one.query_id, one.start.isoformat(), "", one.user, one.warehouse))
    return file


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Figures, Figures]:
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "DATA", "CACHE", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(folder))
        patch.setenv("DATAENG_TUI_AFTER_HOURS_HISTORY", str(a_year(folder / "year.csv")))
        floor = measure([sys.executable, str(HERE / "bare.py")], keys=b"\t")
        # The key moves the calendar's cursor.
        ours = measure([sys.executable, "-m", "dataeng_tui"], keys=b"\x1b[D", ready=b"upto")
    print(f"\nbare Textual: {floor}\ndataeng-tui:  {ours}")
    return floor, ours


def test_the_first_frame_is_at_most_half_as_long_again(figures: tuple[Figures, Figures]) -> None:
    floor, ours = figures
    assert ours.first_frame_ms <= 1.5 * floor.first_frame_ms


def test_a_key_is_answered_within_two_and_a_half_times_the_floor(figures: tuple[Figures, Figures]) -> None:
    floor, ours = figures
    assert ours.key_ms <= 2.5 * floor.key_ms


def test_nothing_is_written_when_nothing_changes(figures: tuple[Figures, Figures]) -> None:
    assert figures[1].idle_bytes_s == 0


def test_a_year_of_history_stays_small(figures: tuple[Figures, Figures]) -> None:
    """The second time that a CSV is opened: the first time it is read in, and that is told while it lasts."""
    assert figures[1].peak_mib <= 48


def test_the_light_install_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it opens on a machine without a history."""
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path))
    alone = measure([sys.executable, "-m", "dataeng_tui"], runs=3, keys=b"?", ready=b"Streams")
    print(f"\nwithout a history: {alone.peak_mib:.1f} MiB")
    assert alone.peak_mib <= 48
