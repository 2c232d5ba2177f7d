"""The pages of the driver's UI: quirks, and garbage."""

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dataeng_tui.streams.sources.driver_api import read_applications, read_gauges, read_running
from dataeng_tui.streams.sources.driver_pages import (
    Row,
    milliseconds,
    read_list,
    read_statistics,
    zone_offset,
)

RUN = "99b275cd-fc59-4202-af6e-bfb352ab1eb7"


def page(
    *cells: str, heads: str = "Name|Status|ID|Run ID|Start Time|Duration|Avg Input /sec|Latest Batch|Error"
) -> str:
    head = "".join(f"<th>\n <a href='x'><span>{name}</span></a></th>" for name in heads.split("|"))
    line = "".join(f"<td>{cell}</td>" for cell in cells)
    return (
        "<html><script src='/static/spark.js'></script><title>x - Streaming Query</title>"
        f'<table id="any"><thead><tr>{head}</tr></thead><tbody><tr>{line}</tr></tbody></table>'
    )


def row(*cells: str, **heads: str) -> Row:
    (found,) = read_list(page(*cells, **heads)) or ()
    return found


def test_columns_are_read_by_their_headings_wherever_they_stand() -> None:
    found = row(
        f"<a href='?id={RUN}'>{RUN}</a>", "7", "clicks", "RUNNING", heads="Run ID|Lastest Batch|Name|Status"
    )
    assert (found.run_id, found.batch_id, found.name, found.status) == (RUN, 7, "clicks", "RUNNING")
    assert (found.id, found.start, found.exception) == (None, None, None)


def test_a_run_that_initializes_has_no_numbers() -> None:
    found = row(
        "&lt;no name&gt;", "RUNNING", RUN, RUN, "2026/03/03 10:00:00", "1 second 2 ms", "NaN", "NaN", "-"
    )
    assert (found.name, found.batch_id, found.input_rate, found.exception) == (None, None, None, None)
    assert milliseconds(found.duration) == 1002


def test_hostile_names_and_exceptions_come_back_as_they_were() -> None:
    name = "</td><td>RUNNING [bold]\N{BOMB} &amp; <script>"
    trace = "org.Boom: a < b && c\n\tat x(y)"
    from html import escape

    cell = f"Boom: a &amp;lt; b<span>+details</span><div><pre>{escape(trace)}</pre></div>"
    found = row(escape(name), "FAILED", RUN, RUN, "", "", "0.0", "3", cell)
    assert (found.name, found.exception) == (name, trace)


def test_an_exception_of_a_megabyte_is_kept_whole() -> None:
    trace = "x" * (1 << 20)
    assert row("n", "FAILED", RUN, RUN, "", "", "0", "1", f"<pre>{trace}</pre>").exception == trace


def test_another_page_is_none_and_not_an_empty_list() -> None:
    assert read_list("<html><h1>It works!</h1></html>") is None
    assert read_list("") is None


def test_durations_of_every_version() -> None:
    assert milliseconds("1 hour 2 minutes 3 seconds 45 ms") == 3_723_045
    assert milliseconds("2 days") == 172_800_000
    assert milliseconds("1.5 min") == 90_000
    assert milliseconds("3 s") == 3000
    assert milliseconds("") is None


def test_the_drivers_zone_is_read_from_a_run_that_goes_on() -> None:
    found = row("n", "RUNNING", RUN, RUN, "2026/03/03 15:30:00", "10 minutes 0 seconds", "0", "1", "-")
    assert found.start is not None
    utc_now = found.start - 5.5 * 3600 + 600 + 3  # in Kolkata, three seconds late
    assert zone_offset(found, utc_now) == 5.5 * 3600


def test_a_page_read_again_gives_only_what_is_new(newest: dict[str, Any]) -> None:
    for path, answer in newest["answers"].items():
        if "/statistics/" in path:
            whole = read_statistics(answer["body"])
            for number, batch in enumerate(whole):
                assert read_statistics(answer["body"], batch.at) == whole[number + 1 :]


def test_statistics_that_are_cut_anywhere_do_not_raise(newest: dict[str, Any]) -> None:
    body = next(answer["body"] for path, answer in newest["answers"].items() if "/statistics/" in path)
    for length in range(0, len(body), 97):
        for batch in read_statistics(body[:length]):
            assert batch.at > 0


TAGS = [
    "<table>",
    "</table>",
    "<tr>",
    "<td",
    "<th>",
    ">",
    "</td>",
    "<pre>",
    "Run ID",
    RUN,
    "\x00",
    "&#xD800;",
]
WORDS = ["Streaming Query", "spark", "NaN", "(document)", "];", "1.2.3 ms", "9" * 400, "&#99999999;"]
DATA = ["var v1 = [", '{"x": 12, "y": 1e999}', '{x: "a", "b": "nan"}', "timeFormat[1] = 'a'"]
CHARTS = ["drawTimeline('#input-rows-timeline', v1", "drawAreaStack('#duration-area-stack', v1, v1"]
TIPS = ["timeTipStrings[12] = 'batch 99999999999999999999 "]
PIECES = st.sampled_from(TAGS + WORDS + DATA + CHARTS + TIPS)
GARBAGE = st.lists(PIECES | st.text(max_size=20), max_size=40).map("".join)


@settings(max_examples=400, deadline=None)
@given(GARBAGE, st.floats(0, 1e12))
def test_the_pages_parsers_never_raise(text: str, after: float) -> None:
    for found in read_list(text) or ():
        assert found.run_id
        assert found.input_rate is None or math.isfinite(found.input_rate)
    for batch in read_statistics(text, after):
        assert batch.at * 1000 > after * 1000 - 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "attempts",
                    "jobGroup",
                    "description",
                    "gauges",
                    "value",
                    "name",
                    "a.driver.spark.streaming.q.latency",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=400, deadline=None)
@given(JSON.map(__import__("json").dumps) | st.text())
def test_the_api_readers_never_raise(text: str) -> None:
    for application in read_applications(text, "here") or ():
        assert application.id
    assert read_running(text) is None or isinstance(read_running(text), dict)
    for gauges in read_gauges(text).values():
        query = gauges.query("a", "r")
        assert query.state_rows is None or query.state_rows != 0


def test_running_jobs_name_the_batch_in_flight() -> None:
    body = """[{"jobGroup": "r1", "description": "a\\nbatch = 9\\nid = x\\nrunId = %s\\nbatch = 38"},
               {"jobGroup": "r2", "description": null}, {"status": "RUNNING"}, 7]"""
    assert read_running(body % RUN) == {"r1": 38, "r2": None}
    assert read_running("[]") == {}
    assert read_running("<html>") is None


def test_a_gauge_that_is_an_error_is_unknown() -> None:
    body = """{"gauges": {"app.driver.spark.streaming.a.b.c.inputRate-total": {"value": 2.5},
        "app.driver.spark.streaming.a.b.c.processingRate-total": {"value": "java.lang.NullPointerException"},
        "app.driver.spark.streaming.a.b.c.eventTime-watermark": {"value": 0}}}"""
    query = read_gauges(body)["a.b.c"].query("app", "r")
    assert (query.input_rows_per_second, query.processed_rows_per_second, query.watermark) == (
        2.5,
        None,
        None,
    )
