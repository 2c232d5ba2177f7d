"""Queries' checkpoint folders as a source: what each has done, even when it is down."""

import json
import math
from pathlib import Path
from typing import Any

from dataeng_tui.streams.snapshot import Focus, Layer, Observation, Problem, SourceProgress, StreamingQuery

MOST = 100  # folders of a folder of many, the ones last written to
_LONGEST = 1 << 20  # bytes of one file; offsets of thousands of partitions take less


class Checkpoints:
    """Reads ``metadata`` and the newest of ``commits/`` with its offsets, of a folder or of a folder of many.

    The run is not known from here, so the query's id stands for it. A planned batch that is not committed is
    in flight, or the query stopped in it: the folder cannot tell, so the state is unknown.
    """

    layer: Layer = "checkpoint"

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path).expanduser()
        self.where = str(path)

    def poll(self, now: float, focus: Focus) -> Observation:
        """The last batch committed, its watermark, and the offsets up to which it has read, of each query."""
        queries, problems = [], []
        try:
            folders = _folders(self._path)
        except OSError as error:
            return self._refused(now, f"The checkpoint cannot be read: {error.strerror}.")
        if not folders:
            return self._refused(now, "It is no checkpoint folder: there is no offsets/ in it.")
        for folder in folders:
            try:
                queries.append(_query(folder))
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                why = getattr(error, "strerror", None) or "it is not as Spark writes it"
                problems.append(Problem(str(folder), f"The checkpoint cannot be read: {why}."))
        answered = bool(queries)
        return Observation(
            self.layer, self.where, now, (), tuple(queries), tuple(problems), answered=answered
        )

    def close(self) -> None:
        """Nothing stays open."""

    def _refused(self, now: float, why: str) -> Observation:
        return Observation(self.layer, self.where, now, problems=(Problem(self.where, why),), answered=False)


def _folders(path: Path) -> list[Path]:
    if (path / "offsets").is_dir():
        return [path]
    found = [(folder.stat().st_mtime, folder) for folder in path.iterdir() if (folder / "offsets").is_dir()]
    return [folder for _, folder in sorted(found)[-MOST:]]


def _query(folder: Path) -> StreamingQuery:
    id_ = str(json.loads(_text(folder / "metadata"))["id"])
    committed = _newest(folder / "commits")
    # What application runs it is not known either: the folder's path says which query it is.
    return StreamingQuery(
        application=str(folder), run_id=id_, id=id_, batch_id=committed, seen_in=("checkpoint",),
        **_offsets(folder, committed),
    )  # fmt: skip


def _offsets(folder: Path, committed: int | None) -> dict[str, Any]:
    if committed is None:
        return {}
    # Line 1 is the version, line 2 the batch's watermark and time, then a line a source: its end offset.
    lines = _text(folder / "offsets" / str(committed)).splitlines()
    if len(lines) < 2:
        raise ValueError("offsets without a second line")
    watermark = json.loads(lines[1]).get("batchWatermarkMs")
    ends = [None if line == "-" else line for line in lines[2:]]
    return {
        "watermark": watermark / 1000 if watermark else None,
        "sources": tuple(SourceProgress(f"source {n}", end_offset=end) for n, end in enumerate(ends)),
    }


def _newest(folder: Path) -> int | None:
    numbers = [int(path.name) for path in folder.iterdir() if path.name.isdigit()] if folder.is_dir() else []
    newest = max(numbers, default=-math.inf)
    return None if newest < 0 else int(newest)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LONGEST).decode("utf-8", "replace")
