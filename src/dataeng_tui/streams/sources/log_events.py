"""What an event log's lines add up to: the application, and the last state of every run in it. No I/O."""

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from dataeng_tui.streams.progress import batch, epoch, sources, text
from dataeng_tui.streams.snapshot import NO_PARTS, Application, Batch, SourceProgress, State, StreamingQuery
from dataeng_tui.streams.sources.log_lines import JOB_START, STREAMING

RUNS = 200  # kept of one log, so that a query restarting for weeks does not fill the memory
BATCHES = 100  # kept of one run between two questions
JOBS = 256  # starts of jobs kept unread, as only the last of each run means something

# A progress begins with its ids. Of a long log only the last progresses of each run are parsed at all.
_PROGRESS_RUN = re.compile(rb'"runId"\s*:\s*"([^"]+)"')
# A JobStart line carries every property of the session; these two are all that is wanted of it. Plain
# searches are five times as fast as a pattern in lines of ten kilobytes.
_PROPERTIES = b'"Properties":'
_BATCH = b'"streaming.sql.batchId":"'
_GROUP = b'"spark.jobGroup.id":"'


@dataclass(slots=True)
class Run:
    """One run, as far as the lines tell.

    ``lines`` are progresses not parsed yet, ``new`` the batches that nobody has been told of yet.
    """

    run_id: str
    id: str | None = None
    name: str | None = None
    started_at: float | None = None
    last: Batch | None = None
    progress: dict[str, Any] | None = None  # what ``last`` was made of
    in_flight: int | None = None
    spoken_of: int = 0  # the number of the last line about it, starts of jobs apart
    idle: bool = False
    over: bool = False
    exception: str | None = None
    new: deque[Batch] = field(default_factory=lambda: deque(maxlen=BATCHES))
    lines: deque[bytes] = field(default_factory=lambda: deque(maxlen=BATCHES))

    def parse(self) -> int:
        """Make batches of the lines; how many of them made no sense."""
        corrupt = 0
        while self.lines:
            try:
                progress = json.loads(self.lines.popleft())["progress"]
                told = batch(progress)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                corrupt += 1
                continue
            self.last, self.progress = told, progress
            # Before 3.5 an idle query says so by a progress in which nothing was added.
            self.idle = self.idle or (bool(told.parts_ms) and "addBatch" not in told.parts_ms)
            self.id, self.name = text(progress.get("id")) or self.id, text(progress.get("name")) or self.name
            self.new.append(told)
        return corrupt

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
            earlier.progress if first else self.progress,
            earlier.in_flight if begun else self.in_flight,
            self.spoken_of,
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
        self._number = 0
        self._jobs: deque[tuple[int, bytes]] = deque(maxlen=JOBS)

    def take(self, line: bytes) -> None:
        """One wanted line, whole."""
        self._number += 1
        try:
            if line.startswith(STREAMING):
                self._streaming(line)
            elif line.startswith(JOB_START):
                self._jobs.append((self._number, line))
            else:
                self._application(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self.corrupt += 1

    def after(self, earlier: "LogFold") -> "LogFold":
        """What both add up to, ``earlier``'s lines first; neither is changed."""
        self._parse()
        earlier._parse()
        joined = LogFold()
        joined._number = max(self._number, earlier._number)
        joined.application = self.application or earlier.application
        joined.spark_version = self.spark_version or earlier.spark_version
        joined.ended = self.ended or earlier.ended
        joined.corrupt = self.corrupt + earlier.corrupt
        joined.runs = {run_id: run for run_id, run in earlier.runs.items() if run_id not in self.runs}
        for run_id, run in self.runs.items():
            joined.runs[run_id] = run.after(earlier.runs.get(run_id) or Run(run_id))
        joined._bound()
        return joined

    def _parse(self) -> None:
        for run in self.runs.values():
            self.corrupt += run.parse()
        while self._jobs:
            self._job(*self._jobs.popleft())

    def forget_new(self) -> None:
        """The new batches have been told of."""
        for run in self.runs.values():
            run.new.clear()

    def told(self, application: Application, *, silent: bool) -> tuple[StreamingQuery, ...]:
        """Every run as a query, with the batches that are new since the last time.

        ``silent``: nothing was written for so long that what was running may be dead: its state is unknown.
        """
        self._parse()
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
        run.spoken_of = self._number
        self.runs[run_id] = run  # the last one spoken of is the last to be dropped
        self._bound()
        return run

    def _bound(self) -> None:
        while len(self.runs) > RUNS:
            del self.runs[next(iter(self.runs))]

    def _streaming(self, line: bytes) -> None:
        kind = line[len(STREAMING) : len(STREAMING) + 4]
        if kind == b"Prog":
            self._progress(line)
            return
        event = json.loads(line)
        run = self._run(str(event["runId"]))
        run.id = text(event["id"])
        if kind == b"Star":
            run.name, run.started_at = text(event.get("name")), epoch(event.get("timestamp"))
        elif kind == b"Idle":
            run.idle, run.in_flight = True, None
        elif kind == b"Term":
            said = event.get("exception")
            run.over, run.exception = True, None if said is None else str(said)

    def _progress(self, line: bytes) -> None:
        named = _PROGRESS_RUN.search(line, 0, 512)
        if named is None or not line.endswith(b"}"):
            raise ValueError("a progress that is cut")
        run = self._run(named[1].decode())
        run.idle, run.in_flight = False, None
        run.lines.append(line)

    def _job(self, number: int, line: bytes) -> None:
        """A batch is in flight, unless the run was spoken of since: then that batch is over."""
        start = line.rfind(_PROPERTIES)
        batch_id, run_id = _text_after(_BATCH, line, start), _text_after(_GROUP, line, start)
        if batch_id is None or run_id is None or not batch_id.isdecimal():
            return
        run = self.runs.setdefault(run_id, Run(run_id))
        if number > run.spoken_of:
            run.in_flight, run.idle = int(batch_id), False
        self._bound()

    def _application(self, event: dict[str, Any]) -> None:
        if event["Event"] == "SparkListenerLogStart":
            self.spark_version = str(event["Spark Version"])
        elif event["Event"] == "SparkListenerApplicationStart":
            self.application = event
        elif event["Event"] == "SparkListenerApplicationEnd":
            self.ended = True


def _text_after(key: bytes, line: bytes, start: int) -> str | None:
    found = line.find(key, max(0, start))
    return line[found + len(key) :].partition(b'"')[0].decode() if found >= 0 else None


def _query(run: Run, application: str, state: State | None) -> StreamingQuery:
    last = run.last
    return StreamingQuery(
        application=application,
        run_id=run.run_id,
        id=run.id,
        name=run.name,
        state=state,
        batch_id=last.id if last else None,  # the last that is over, as the driver's lastProgress has it
        input_rows=last.input_rows if last else None,
        input_rows_per_second=last.input_rows_per_second if last else None,
        processed_rows_per_second=last.processed_rows_per_second if last else None,
        batch_duration_ms=last.duration_ms if last else None,
        duration_ms=last.parts_ms if last else NO_PARTS,
        watermark=last.watermark if last else None,
        state_rows=last.state_rows if last else None,
        state_bytes=last.state_bytes if last else None,
        sources=_sources(run),
        exception=run.exception,
        ended_well=(run.over and run.exception is None) or None,
        started_at=run.started_at,
        quiet_since=last.at + (last.duration_ms or 0.0) / 1000 if last else run.started_at,
        seen_in=("event-log",),
        batches=tuple(run.new),
    )


def _sources(run: Run) -> tuple[SourceProgress, ...]:
    """Those of the last progress; read for the picture only, as most progresses are not the last."""
    try:
        return sources(run.progress or {})
    except (ValueError, TypeError, AttributeError):
        return ()  # the rest of the progress made sense, and is told
