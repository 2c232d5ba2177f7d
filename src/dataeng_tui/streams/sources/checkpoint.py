"""A query's checkpoint folder as a source: what it has planned and what it has done, even when it is down."""

import json
import math
from pathlib import Path
from typing import Any

from dataeng_tui.errors import UserError
from dataeng_tui.streams.snapshot import Focus, Layer, Observation, Problem, SourceProgress, StreamingQuery

_MOST = 1 << 20  # bytes of one file; offsets of thousands of partitions take less


class Checkpoint:
    """Reads ``metadata`` and the newest of ``commits/`` with its offsets. UserError for another folder.

    The run is not known from here, so the query's id stands for it. A planned batch that is not committed is
    in flight, or the query stopped in it: the folder cannot tell, so the state is unknown.
    """

    layer: Layer = "checkpoint"

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder).expanduser()
        self.where = str(folder)
        if not (self._folder / "offsets").is_dir():
            raise UserError(f"{folder} is no checkpoint folder: it has no offsets/ in it.")

    def poll(self, now: float, focus: Focus) -> Observation:
        """The last batch committed, its watermark, and the offsets up to which it has read."""
        try:
            id_ = str(json.loads(_text(self._folder / "metadata"))["id"])
            committed = _newest(self._folder / "commits")
            query = StreamingQuery(
                application="", run_id=id_, id=id_, batch_id=committed, seen_in=(self.layer,),
                **self._offsets(committed),
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError) as error:
            why = getattr(error, "strerror", None) or "it is not as Spark writes it"
            problem = Problem(self.where, f"The checkpoint cannot be read: {why}.")
            return Observation(self.layer, self.where, now, problems=(problem,), answered=False)
        return Observation(self.layer, self.where, now, queries=(query,))

    def close(self) -> None:
        """Nothing stays open."""

    def _offsets(self, committed: int | None) -> dict[str, Any]:
        if committed is None:
            return {}
        # Line 1 is the version, line 2 the batch's watermark and time, then a line a source: its end offset.
        lines = _text(self._folder / "offsets" / str(committed)).splitlines()
        told = json.loads(lines[1])
        watermark = told.get("batchWatermarkMs")
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
        return file.read(_MOST).decode("utf-8", "replace")
