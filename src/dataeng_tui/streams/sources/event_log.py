"""Spark's event logs as a source: a file, a rolling folder, or a folder of many, read on as they grow."""

import math
import time
from pathlib import Path

from dataeng_tui.errors import UserError
from dataeng_tui.streams.progress import text
from dataeng_tui.streams.snapshot import Application, Focus, Layer, Observation, Problem, StreamingQuery
from dataeng_tui.streams.sources.log_files import Log, again, logs_at
from dataeng_tui.streams.sources.log_reader import Clock, LogReader

MOST_LOGS = 50  # of a folder of many, the ones last written to
SLICE = 0.1  # seconds of one poll given to what comes before a log's end
LIST_EVERY = 5.0  # seconds between looks at a whole folder
# An application that lives writes at least every ten seconds, unless a batch takes long.
SILENT_AFTER = 900.0  # seconds after which a log without an end may be a dead application's


class EventLogSource:
    """Reads the end of each log first and the rest in slices, a slice a poll; memory stays bounded.

    With ``Focus.everything`` one poll reads everything.
    """

    layer: Layer = "event-log"

    def __init__(self, path: str | Path, *, clock: Clock = time.monotonic) -> None:
        self.path = Path(path).expanduser()
        self.where = str(path)
        self._clock = clock
        self._logs: list[Log] = []
        self._left_out = 0
        self._listed = -math.inf
        self._readers: dict[str, LogReader] = {}

    def poll(self, now: float, focus: Focus) -> Observation:
        """What all the logs say, and what of them could not be read."""
        try:
            self._list()
        except OSError as error:
            reason = error.strerror or str(error)
            problem = Problem(self.where, f"The event log cannot be read: {reason}.")
            return Observation(self.layer, self.where, now, problems=(problem,), answered=False)
        deadline = math.inf if focus.everything else self._clock() + SLICE
        applications: list[Application] = []
        queries: list[StreamingQuery] = []
        problems: list[Problem] = []
        for log in self._logs:
            if log.key not in self._readers and applications and self._clock() >= deadline:
                continue  # opened at the next poll
            reader = self._readers.setdefault(log.key, LogReader())
            try:
                reader.read(log, deadline, self._clock)
            except (OSError, UserError) as error:
                reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
                problems.append(Problem(str(log.path), reason))
                continue
            application, told = _told(log, reader, now)
            applications.append(application)
            queries.extend(told)
            problems.extend(_notes(log, reader))
        problems.extend(self._not_all())
        answered = bool(applications) or not self._logs
        return Observation(
            self.layer,
            self.where,
            now,
            tuple(applications),
            tuple(queries),
            tuple(problems),
            answered=answered,
        )

    def close(self) -> None:
        """Nothing stays open between polls."""

    def _list(self) -> None:
        """Find the logs; between two looks at the whole folder, look at the known ones only."""
        if self._clock() - self._listed >= LIST_EVERY:
            found = logs_at(self.path)
            self._logs, self._left_out = found[:MOST_LOGS], max(0, len(found) - MOST_LOGS)
            self._listed = self._clock()
            kept = {log.key for log in self._logs}
            self._readers = {key: reader for key, reader in self._readers.items() if key in kept}
            return
        logs = []
        for log in self._logs:
            try:
                logs.append(again(log))
            except OSError:
                continue  # gone; the next look at the folder says what there is
        self._logs = logs

    def _not_all(self) -> list[Problem]:
        if not self._left_out:
            return []
        return [
            Problem(
                self.where,
                f"The {MOST_LOGS} logs last written to are read; {self._left_out} older ones are not: "
                "give one's own path to see it.",
            )
        ]


def _told(log: Log, reader: LogReader, now: float) -> tuple[Application, tuple[StreamingQuery, ...]]:
    fold = reader.picture()
    silent = now - log.modified > SILENT_AFTER
    state = "FINISHED" if fold.ended else None if silent else "RUNNING"
    application = Application(
        id=str(fold.application.get("App ID") or log.application),
        name=text(fold.application.get("App Name")),
        user=text(fold.application.get("User")),
        state=state,
        spark_version=fold.spark_version,
    )
    return application, fold.told(application, silent=silent)


def _notes(log: Log, reader: LogReader) -> list[Problem]:
    where = str(log.path)
    notes = []
    if (progress := reader.progress) is not None:
        notes.append(Problem(where, f"Older events are still being read: {progress:.0%}."))
    if reader.corrupt:
        notes.append(Problem(where, f"{_many(reader.corrupt, 'line')} unreadable and passed over."))
    if reader.vanished:
        notes.append(Problem(where, f"{_many(reader.vanished, 'file')} gone before read to the end."))
    return notes


def _many(number: int, what: str) -> str:
    return f"{number} {what} was" if number == 1 else f"{number} {what}s were"
