"""Reading files: what QUERY_HISTORY's export looks like, and each way in which it can be wrong."""

import gzip
import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataeng_tui.after_hours.service import AfterHours, Options
from dataeng_tui.after_hours.sources.files import read_file
from dataeng_tui.after_hours.sources.rows import parse_instant
from dataeng_tui.after_hours.statement import Statement
from dataeng_tui.errors import UserError

HEADER = "QUERY_ID,QUERY_TEXT,START_TIME,END_TIME,USER_NAME,IS_CLIENT_GENERATED_STATEMENT,WAREHOUSE_NAME\n"
ROW = '01b1,"SELECT 1,\n2",2026-03-12 15:04:55.583 -0400,2026-03-12 15:05:00.000 -0400,ALICE,false,WH\n'
EXPECTED = Statement(
    "01b1",
    datetime(2026, 3, 12, 19, 4, 55, 583_000, UTC),
    datetime(2026, 3, 12, 19, 5, tzinfo=UTC),
    "ALICE",
    warehouse="WH",
)


def written(folder: Path, text: str | bytes, name: str = "history.csv") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def refused(file: Path) -> str:
    with pytest.raises(UserError) as error:
        list(read_file(file))
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-12 15:04:55.583 -0400",
        "2026-03-12 15:04:55.583000000 -0400",
        "2026-03-12T15:04:55.583-04:00",
        "2026-03-12T19:04:55.583Z",
        "2026-03-12 19:04:55.583 Z",
        "2026-03-12 19:04:55.583+00:00",
        "2026-03-13 00:49:55.583 +0545",
        "2026-03-12 15:04:55.583 -04:00",
        "2026-03-12 15:04:55.583 -04",
        "2026-03-12 19:04:55.583 UTC",
        " 2026-03-12 15:04:55.583 -0400 ",
    ],
)
def test_the_ways_in_which_a_moment_is_written(text: str) -> None:
    assert parse_instant(text) == EXPECTED.start


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Thu, 12 Mar 2026 15:04:55",
        "2026-03-12 15:04:55",
        "2026-13-12 15:04:55 -0400",
        "0",
        "9999-12-31T23:59:59Z",
    ],
)
def test_a_moment_without_an_offset_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"offset|isoformat|month|Invalid"):
        parse_instant(text)


def test_the_oldest_way_in_which_snowflake_writes_a_moment() -> None:
    """TIMESTAMP_OUTPUT_FORMAT was ``DY, DD MON YYYY HH24:MI:SS TZHTZM``, and still is where nobody set it."""
    assert parse_instant("Thu, 12 Mar 2026 15:04:55 -0400") == EXPECTED.start.replace(microsecond=0)


@pytest.mark.parametrize(
    "text",
    [
        HEADER + ROW,
        "\ufeff" + HEADER + ROW + "\n",
        (HEADER + ROW).lower().replace("alice", "ALICE").replace("wh\n", "WH\n"),
        (HEADER + ROW).replace(",", "\t").replace("SELECT 1\t", "SELECT 1,"),
        (HEADER + ROW).encode("utf-16"),
        (HEADER + ROW).replace("\n", "\r\n"),
        HEADER.replace("_", " ") + ROW,
        gzip.compress((HEADER + ROW).encode()),
    ],
    ids=["plain", "byte order mark", "lower case", "tabs", "UTF-16", "Windows", "names with spaces", "gzip"],
)
def test_an_export_is_read_however_it_was_saved(tmp_path: Path, text: str | bytes) -> None:
    assert list(read_file(written(tmp_path, text))) == [EXPECTED]


def test_a_running_statement_has_no_end(tmp_path: Path) -> None:
    row = ROW.replace("2026-03-12 15:05:00.000 -0400", "1970-01-01 00:00:00.000 +0000")
    (statement,) = read_file(written(tmp_path, HEADER + row))
    assert statement.end is None


def test_wrong_columns_are_named(tmp_path: Path) -> None:
    assert "no column QUERY_ID and no column START_TIME" in refused(written(tmp_path, "a,b\n1,2\n"))
    assert "is START_TIMES meant?" in refused(written(tmp_path, "QUERY_ID,START_TIMES\n1,2\n"))


def test_half_a_line_is_told_with_its_number(tmp_path: Path) -> None:
    sentence = refused(written(tmp_path, HEADER + ROW + '01b2,"SELECT 2",2026-03-12 15:0'))
    assert "line 4: 3 of 7 columns" in sentence


def test_a_quote_that_is_not_closed_is_told(tmp_path: Path) -> None:
    assert "line " in refused(written(tmp_path, HEADER + ROW.replace('2",', "2,") + ROW))


def test_a_bad_moment_is_told_with_its_line_and_safely(tmp_path: Path) -> None:
    sentence = refused(
        written(tmp_path, HEADER + ROW + ROW.replace("2026-03-12 15:04:55.583 -0400", "\x1b[31m12/3/26"))
    )
    assert "line 5: START_TIME '12/3/26' is not a time with an offset" in sentence


def test_a_start_before_there_was_a_snowflake_is_no_start(tmp_path: Path) -> None:
    row = ROW.replace("2026-03-12 15:04:55.583 -0400", "1969-12-31 23:59:59.000 +0000")
    assert "START_TIME '1969-12-31" in refused(written(tmp_path, HEADER + row))


def test_an_empty_file_and_a_folder_and_none_are_told(tmp_path: Path) -> None:
    assert "is empty" in refused(written(tmp_path, ""))
    assert "is a folder" in refused(tmp_path)
    assert "There is no file" in refused(tmp_path / "nowhere.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    assert "is a pipe" in refused(tmp_path / "pipe.csv")


def test_what_is_packed_is_read_or_told(tmp_path: Path) -> None:
    packed = gzip.compress((HEADER + ROW * 50).encode())
    assert len(list(read_file(written(tmp_path, packed, "data_0_0_0.csv.gz")))) == 50
    assert list(read_file(written(tmp_path, gzip.compress(json_row().encode()), "data.json.gz"))) == [
        EXPECTED
    ]
    assert "is cut short or damaged" in refused(written(tmp_path, packed[:-20], "half.csv.gz"))
    assert "is an archive or a workbook" in refused(written(tmp_path, b"PK\x03\x04....", "year.xlsx"))


def test_text_in_another_encoding_is_told(tmp_path: Path) -> None:
    assert "not UTF-8" in refused(
        written(tmp_path, (HEADER + ROW.replace("ALICE", "ALIÇE")).encode("latin-1"))
    )


def json_row(**more: object) -> str:
    row = {
        "QUERY_ID": "01b1",
        "START_TIME": "2026-03-12T15:04:55.583-04:00",
        "END_TIME": "2026-03-12T15:05:00-04:00",
        "USER_NAME": "ALICE",
        "IS_CLIENT_GENERATED_STATEMENT": False,
        "WAREHOUSE_NAME": "WH",
    }
    return json.dumps(row | more) + "\n"


def test_who_leaves_does_not_wait_for_the_end_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    rows = "".join(f"{number},2026-03-12T15:04:05Z,ALICE\n" for number in range(50_000))
    file.write_text("QUERY_ID,START_TIME,USER_NAME\n" + rows)
    service = AfterHours(Options(history=(str(file),), timezone="UTC"))
    told: list[int] = []

    def leave(stage: str, number: int) -> None:
        told.append(number)
        if number:
            service.close()

    with pytest.raises(UserError, match="not read to their end"):
        service.open(leave)
    assert told == [0, 10_000]
    service.open(lambda stage, number: None)
    assert service.report().totals.statements == 50_000, "it is read anew the next time"
    service.close()


def test_json_lines(tmp_path: Path) -> None:
    lower = json.dumps({name.lower(): value for name, value in json.loads(json_row()).items()})
    file = written(tmp_path, json_row() + "\n" + lower, "history.jsonl")
    assert list(read_file(file)) == [EXPECTED, EXPECTED]


def test_json_lines_that_are_none_are_told_with_their_number(tmp_path: Path) -> None:
    for text, told in (
        ('{"QUERY_ID": "01b2", "STA', "line 2: not a JSON object"),
        ("[1, 2]", "line 2: a JSON array; write an object a line"),
        ("3", "line 2: not a JSON object"),
        ('{"QUERY_ID": "01b2"}', "line 2: no START_TIME"),
        (json_row(START_TIME="2026-03-12"), "line 2: START_TIME '2026-03-12'"),
    ):
        assert told in refused(written(tmp_path, json_row() + text, "history.jsonl"))


def test_parquet(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    assert EXPECTED.end
    table = arrow.table(
        {
            "QUERY_ID": ["01b1"],
            "START_TIME": arrow.array([EXPECTED.start], arrow.timestamp("us", "America/New_York")),
            "END_TIME": [EXPECTED.end.isoformat()],
            "USER_NAME": ["ALICE"],
            "IS_CLIENT_GENERATED_STATEMENT": [False],
            "WAREHOUSE_NAME": ["WH"],
        }
    )
    file = tmp_path / "history.parquet"
    parquet.write_table(table, file)
    assert list(read_file(file)) == [EXPECTED]
    assert list(read_file(file.rename(tmp_path / "history"))) == [EXPECTED]
    assert "not a whole Parquet file" in refused(written(tmp_path, b"PAR1 and no more", "half.parquet"))
    parquet.write_table(arrow.table({"id": [1]}), file)
    assert "no column QUERY_ID" in refused(file)


@given(st.integers(0, 400), st.binary(max_size=8), st.sampled_from(["h.csv", "h.jsonl", "h.parquet", "h"]))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_in_a_file_it_is_read_or_told(tmp_path: Path, at: int, bytes_: bytes, name: str) -> None:
    whole = (json_row() * 3 if name == "h.jsonl" else HEADER + ROW * 3).encode()
    file = written(tmp_path, whole[:at] + bytes_ + whole[at + len(bytes_) :], name)
    with suppress(UserError):  # and nothing else
        for statement in read_file(file):
            assert statement.start.tzinfo is UTC
