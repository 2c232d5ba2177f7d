"""300 queries in 40 applications on the screen, each with a batch a second; with "still", with none."""

import sys
import threading
import time
from functools import cache

from dataeng_tui.services import Services
from dataeng_tui.settings import Settings
from dataeng_tui.streams.snapshot import Application, Batch, Snapshot, StreamingQuery
from dataeng_tui.tui import streams_work
from dataeng_tui.tui.app import DataengApp

APPLICATIONS = tuple(Application(f"app-{n:02}", f"driver {n:02}", "spark", "RUNNING") for n in range(40))


@cache
def batch(number: int, at: int) -> Batch:
    wave = (at * 7919 + number * 104729) % 1000
    parts = {"addBatch": 200.0 + wave / 4, "walCommit": 40.0, "queryPlanning": 31.0}
    return Batch(1.7e9 + at, at, 900 + wave, 900.0 + wave, 1000.0 + wave, 271 + wave / 4, parts)


def snapshot(second: int) -> Snapshot:
    queries = []
    for number in range(300):
        history = tuple(batch(number, at) for at in range(second, second + 100))
        last = history[-1]
        queries.append(
            StreamingQuery(
                application=APPLICATIONS[number % 40].id,
                run_id=f"run-{number:03}",
                id=f"id-{number:03}",
                name=f"query number {number:03}",
                state="waiting",
                batch_id=last.id,
                input_rows=last.input_rows,
                input_rows_per_second=last.input_rows_per_second,
                processed_rows_per_second=last.processed_rows_per_second,
                batch_duration_ms=last.duration_ms,
                duration_ms=last.parts_ms,
                batches=history,
                seen_in=("driver-ui",),
            )
        )
    return Snapshot(1.7e9 + second, APPLICATIONS, tuple(queries))


def publish(post: streams_work.Post, services: Services) -> None:
    assert services.streams

    def run() -> None:
        second = 0
        while True:
            post(streams_work.Seen(snapshot(second)))
            second += "still" not in sys.argv
            time.sleep(1)

    threading.Thread(target=run, daemon=True).start()


if __name__ == "__main__":
    streams_work.watch = publish
    DataengApp(Settings(), first="streams").run()
