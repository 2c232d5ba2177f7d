"""The CPU that a switch of the measure takes: the year, and the whole pane, within a frame of 16 ms.

``pytest -m bench -s tests/bench/test_after_hours_redraw.py`` prints it.
"""

import time
from statistics import median

import pytest

from dataeng_tui.after_hours.hours import MEASURES
from dataeng_tui.tui.widgets.calendar_heatmap import CalendarHeatmap
from tests.tui.test_after_hours_pane import opened

SWITCHES = 40
FRAME_MS = 16


@pytest.mark.bench
async def test_the_year_is_redrawn_within_a_frame() -> None:
    async with opened() as (app, pilot):
        year, data = app.query_one(CalendarHeatmap), app.pane.data
        assert data is not None
        alone, whole = [], []
        for number in range(SWITCHES):
            measure = MEASURES[number % len(MEASURES)]
            began = time.process_time()
            year.show(data.report, measure.name, year.cursor)
            for line in range(8):
                year.render_line(line)
            alone.append((time.process_time() - began) * 1000)
        await pilot.pause()
        for number in range(SWITCHES):
            began = time.process_time()
            app.pane.measure = MEASURES[(number + 1) % len(MEASURES)]
            await pilot.pause()
            whole.append((time.process_time() - began) * 1000)
        print(f"\nyear {median(alone):.1f} ms, the whole pane with its screen {median(whole):.1f} ms of CPU")
    assert median(alone) <= FRAME_MS / 2
    assert median(whole) <= FRAME_MS
