"""What an event log's lines add up to: the application, and the last state of every run in it. No I/O."""

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from dataeng_tui.streams.progress import batch, epoch, sources
from dataeng_tui.streams.snapshot import NO_PARTS, Application, Batch, SourceProgress, State, StreamingQuery
from dataeng_tui.streams.sources.log_lines import JOB_START, STREAMING

RUNS = 500  # kept of one log, so that a query restarting for weeks does not fill the memory
BATCHES = 300  # kept of one run between two questions

# A JobStart line carries every property of the session; these two are all that is wanted of it.
_RUN = re.compile(rb'"spark\.jobGroup\.id":"([0-9a-f-]{36})"')
_BATCH = re.compile(rb'"streaming\.sql\.batchId":"(\d+)"')


@dataclass(slots=True)
class Run:
    """One run, as far as the lines tell. ``new`` are batches that nobody has been told of yet."""

    run_id: str
    id: str | None = None
    name: str | None = None
    started_at: float | None = None
    last: Batch | None = None
    sources: tuple[SourceProgress, ...] = ()
    in_flight: int | None = None
    idle: bool = False
    over: bool = False
    exception: str | None = None
    new: deque[Batch] = field(default_factory=lambda: deque(maxlen=BATCHES))

    @property
    def state(self) -> State:
        """What the last line about the run means."""
        if self.over:
            return "failed" if self.exception is not None else "finished"
        if self.in_flight is not None:
            return "processing"
        if self.last is None:
            return "initializing"
        return "idle" if self.idle else "waiting"

    def after(self, earlier: "Run") -> "Run":
        """Both stretches' word on the same run, ``earlier``'s first."""
        first = self.last is None
        begun = first and self.in_flight is None and not self.idle  # nothing here says what it does
        told = earlier if earlier.over and not self.over else self
        return Run(
            self.run_id,
            self.id or earlier.id,
            self.name or earlier.name,
            earlier.started_at if self.started_at is None else self.started_at,
            earlier.last if first else self.last,
            earlier.sources if first else self.sources,
            earlier.in_flight if begun else self.in_flight,
            earlier.idle if begun else self.idle,
            told.over,
            told.exception,
            deque([*earlier.new, *self.new], BATCHES),
        )


class LogFold:
    """Takes lines in the order in which they were written. ``corrupt`` counts those that make no sense."""

    def __init__(self) -> None:
        self.application: dict[str, Any] = {}
        self.spark_version: str | None = None
        self.ended = False
        self.corrupt = 0
        self.runs: dict[str, Run] = {}

    def take(self, line: bytes) -> None:
        """One wanted line, whole."""
        try:
            if line.startswith(STREAMING):
                self._streaming(line)
            elif line.startswith(JOB_START):
                self._job(line)
            else:
                self._application(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError):
            self.corrupt += 1

    def after(self, earlier: "LogFold") -> "LogFold":
        """What both add up to, ``earlier``'s lines first; neither is changed."""
        joined = LogFold()
        joined.application = self.application or earlier.application
        joined.spark_version = self.spark_version or earlier.spark_version
        joined.ended = self.ended or earlier.ended
        joined.corrupt = self.corrupt + earlier.corrupt
        joined.runs = {run_id: run for run_id, run in earlier.runs.items() if run_id not in self.runs}
        for run_id, run in self.runs.items():
            joined.runs[run_id] = run.after(earlier.runs.get(run_id) or Run(run_id))
        joined._bound()
        return joined

    def forget_new(self) -> None:
        """The new batches have been told of."""
        for run in self.runs.values():
            run.new.clear()

    def told(self, application: Application, *, silent: bool) -> tuple[StreamingQuery, ...]:
        """Every run as a query, with the batches that are new since the last time.

        ``silent``: nothing was written for so long that what was running may be dead: its state is unknown.
        """
        queries = []
        for run in self.runs.values():
            state: State | None = run.state
            if not run.over and (self.ended or silent):
                state = "finished" if self.ended else None
            queries.append(_query(run, application.id, state))
        self.forget_new()
        return tuple(queries)

    def _run(self, run_id: str) -> Run:
        run = self.runs.pop(run_id, None) or Run(run_id)
        self.runs[run_id] = run  # the last one spoken of is the last to be dropped
        self._bound()
        return run

    def _bound(self) -> None:
        while len(self.runs) > RUNS:
            del self.runs[next(iter(self.runs))]

    def _streaming(self, line: bytes) -> None:
        kind = line[len(STREAMING) : len(STREAMING) + 4]
        event = json.loads(line)
        if kind == b"Prog":
            self._progress(event["progress"])
        elif kind == b"Star":
            run = self._run(str(event["runId"]))
            run.id, run.name = event["id"], event.get("name")
            run.started_at = epoch(event.get("timestamp"))
        elif kind == b"Idle":
            run = self._run(str(event["runId"]))
            run.id, run.idle, run.in_flight = event["id"], True, None
        elif kind == b"Term":
            run = self._run(str(event["runId"]))
            run.id, run.over, run.exception = event["id"], True, event.get("exception")

    def _progress(self, progress: dict[str, Any]) -> None:
        told, read = batch(progress), sources(progress)
        run = self._run(str(progress["runId"]))
        run.id, run.name = progress["id"], progress.get("name") or run.name
        # Before 3.5 an idle query says so by a progress in which nothing was added.
        run.last, run.sources, run.in_flight = told, read, None
        run.idle = bool(told.parts_ms) and "addBatch" not in told.parts_ms
        run.new.append(told)

    def _job(self, line: bytes) -> None:
        number, group = _BATCH.search(line), _RUN.search(line)
        if number and group:
            run = self._run(group[1].decode())
            run.in_flight, run.idle = int(number[1]), False

    def _application(self, event: dict[str, Any]) -> None:
        if event["Event"] == "SparkListenerLogStart":
            self.spark_version = str(event["Spark Version"])
        elif event["Event"] == "SparkListenerApplicationStart":
            self.application = event
        elif event["Event"] == "SparkListenerApplicationEnd":
            self.ended = True


def _query(run: Run, application: str, state: State | None) -> StreamingQuery:
    last = run.last
    numbers = [number for number in (run.in_flight, last.id if last else None) if number is not None]
    return StreamingQuery(
        application=application,
        run_id=run.run_id,
        id=run.id,
        name=run.name,
        state=state,
        batch_id=max(numbers, default=None),
        input_rows=last.input_rows if last else None,
        input_rows_per_second=last.input_rows_per_second if last else None,
        processed_rows_per_second=last.processed_rows_per_second if last else None,
        batch_duration_ms=last.duration_ms if last else None,
        duration_ms=last.parts_ms if last else NO_PARTS,
        watermark=last.watermark if last else None,
        state_rows=last.state_rows if last else None,
        state_bytes=last.state_bytes if last else None,
        sources=run.sources,
        exception=run.exception,
        started_at=run.started_at,
        seen_in=("event-log",),
        batches=tuple(run.new),
    )
