"""The report as CSV, Markdown and a picture."""

import csv
import io
import json
import re
import stat
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dataeng_tui.after_hours.activity import Activity
from dataeng_tui.after_hours.certainty import Certainty
from dataeng_tui.after_hours.hours import MEASURES, Report
from dataeng_tui.after_hours.personal import personal_calendar
from dataeng_tui.after_hours.picture import picture
from dataeng_tui.after_hours.reckoning import report
from dataeng_tui.after_hours.report import SUFFIXES, export, render
from dataeng_tui.after_hours.scale import BOUNDS, hours_and_minutes, step
from dataeng_tui.after_hours.seen import Seen
from dataeng_tui.after_hours.service import Status
from dataeng_tui.after_hours.sources.demo import demo_history
from dataeng_tui.after_hours.traces import certainty
from dataeng_tui.errors import UserError

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def year() -> Report:
    history = demo_history(datetime(2026, 3, 18, 20, 40, tzinfo=UTC), UTC)
    calendar = replace(personal_calendar("UTC"), leave=history.leave, holidays=history.holidays)
    return report(Activity.of(history.statements), calendar, date(2025, 3, 19), date(2026, 3, 18))


STATUS = Status("demo", "DEMO", "ADA")


def test_the_csv_adds_up(year: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(render("csv", year, STATUS))))
    assert len(rows) == len(year.days)
    assert sum(int(row["after_hours_minutes"]) for row in rows) == year.totals.after_hours_minutes
    assert {row["user"] for row in rows} == {"ADA"}
    assert {row["kind"] for row in rows} == {"workday", "weekend", "holiday", "leave"}


def test_a_user_name_is_no_formula(year: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(render("csv", year, Status("files", user='=HYPERLINK("x")')))))
    assert rows[0]["user"] == '\'=HYPERLINK("x")'


def test_the_markdown_has_a_row_a_day_and_no_foreign_markup(year: Report) -> None:
    text = render("markdown", year, Status("files", user="<b>A|da</b>"))
    assert len(re.findall(r"^\| 20\d\d-", text, re.MULTILINE)) == len(year.days)
    assert "\\<b\\>A\\|da" in text
    assert hours_and_minutes(year.totals.after_hours_minutes) in text


def test_the_picture_is_whole_and_says_each_day_in_words(year: Report) -> None:
    root = ElementTree.fromstring(render("svg", year, STATUS))
    words = [title.text or "" for title in root.iter(f"{SVG}title")]
    days = [word for word in words if re.match(r"\w+day \d", word)]
    assert len(days) == 365
    worst = max(year.days, key=lambda day: day.figures.after_hours_minutes)
    told = next(word for word in days if f" {worst.day:%-d %B %Y}" in word)
    assert told.endswith(hours_and_minutes(worst.figures.after_hours_minutes))
    assert "DEMO" in render("svg", year, STATUS)
    assert not list(root.iter(f"{SVG}image"))
    assert "http" not in render("svg", year, STATUS).replace("http://www.w3.org/2000/svg", "")


def test_the_picture_withstands_names_and_emptiness() -> None:
    empty = report(Activity(), personal_calendar("UTC"))
    root = ElementTree.fromstring(picture(empty, Status("files", user="<script>&\x1b[31m")))
    assert "<script>&" in (root.find(f"{SVG}title").text or "")  # type: ignore[union-attr]
    assert "\x1b" not in picture(empty, STATUS)


def test_a_long_report_goes_on_in_a_second_block(year: Report) -> None:
    longer = replace(year, since=date(2023, 1, 2))
    assert picture(longer, STATUS).count(">weeks<") == 4


def test_a_step_ends_where_the_legend_says() -> None:
    assert [step(bound) for bound in BOUNDS] == [0, 1, 2, 3, 4]
    assert [step(bound + 0.1) for bound in BOUNDS] == [1, 2, 3, 4, 5]


@pytest.fixture(scope="module")
def found(year: Report) -> Certainty:
    history = demo_history(datetime(2026, 3, 18, 20, 40, tzinfo=UTC), UTC)
    return certainty(year, history.statements)


def test_the_measure_that_is_seen_is_the_one_that_is_written(year: Report) -> None:
    seen = Seen(MEASURES[1])
    total = hours_and_minutes(year.totals.session_minutes)
    assert f"by sessions: {total}" in render("table", year, STATUS, seen)
    assert f"By sessions: **{total}**" in render("markdown", year, STATUS, seen)
    assert f">{total}</text>" in render("svg", year, STATUS, seen)
    assert ">sessions, on " in render("svg", year, STATUS, seen)
    told = json.loads(render("json", year, STATUS, seen))["seen"]
    assert (told["measure"], told["minutes"]) == (
        "sessions",
        pytest.approx(year.totals.session_minutes, abs=0.01),
    )
    rows = list(csv.DictReader(io.StringIO(render("csv", year, STATUS, seen))))
    assert all(row["minutes"] == row["session_minutes"] for row in rows)
    assert {row["measure"] for row in rows} == {"sessions"}


def test_machines_that_are_counted_in_are_told(year: Report) -> None:
    seen = Seen(counting=True)
    for format_ in ("table", "markdown", "svg"):
        assert "slots, machines counted in" in render(format_, year, STATUS, seen)
    assert json.loads(render("json", year, STATUS, seen))["seen"]["machines_counted"] is True
    assert render("csv", year, STATUS, seen).count(",counted,") == len(year.days)


def test_the_step_is_written_with_its_rung(year: Report, found: Certainty) -> None:
    assert found.step is not None
    seen, monday = Seen(found=found), found.weeks[found.step.index]
    for format_ in ("table", "markdown"):
        text = " ".join(render(format_, year, STATUS, seen).split())
        assert f"From {monday:%-d %B %Y} on the week rises" in text
        assert "pulse-board (program)" in text
        assert "rung 4 of 4, the step vanishes without it" in text
    told = json.loads(render("json", year, STATUS, seen))["seen"]["step"]
    assert (told["from"], told["explanations"][0]["rung"]) == (monday.isoformat(), 4)
    rows = list(csv.DictReader(io.StringIO(render("csv", year, STATUS, seen))))
    assert all(row["step"] == ("after" if row["day"] >= monday.isoformat() else "before") for row in rows)


def test_the_picture_marks_the_step_where_the_screen_does(year: Report, found: Certainty) -> None:
    assert found.best is not None
    marked = ElementTree.fromstring(picture(year, STATUS, Seen(found=found)))
    pale = [one[0].text or "" for one in marked.iter(f"{SVG}rect") if one.get("class") == "gone"]
    less = sum(rest < hours for rest, hours in zip(found.best.without, found.hours, strict=True))
    assert len(pale) == less > 0
    assert all(" without pulse-board" in words for words in pale)
    assert [one.get("class") for one in marked.iter(f"{SVG}path")].count("step") == 1
    for other in (Seen(MEASURES[2], found=found), Seen(counting=True, found=found), Seen()):
        assert 'class="step"' not in picture(year, STATUS, other), (
            "the step is one of slots, without machines"
        )


def test_each_view_has_a_file_of_its_own(year: Report, tmp_path: Path) -> None:
    views = (Seen(), Seen(MEASURES[1]), Seen(counting=True), Seen(MEASURES[1], counting=True))
    assert len({export("csv", year, STATUS, seen, tmp_path) for seen in views}) == 4


def test_an_exported_file_is_private(year: Report, tmp_path: Path) -> None:
    for format_ in SUFFIXES:
        file = export(format_, year, STATUS, folder=tmp_path)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text("utf-8").strip() == render(format_, year, STATUS).strip()


def test_a_folder_that_is_none_is_a_sentence(year: Report, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        export("csv", year, STATUS, folder=tmp_path / "file")
