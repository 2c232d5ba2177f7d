"""Reads one application's log: its end first, what comes before it piece by piece, and on as it grows."""

import math
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

from dataeng_tui.streams.sources.log_codecs import Decoder, decoder_for, frame_start
from dataeng_tui.streams.sources.log_events import LogFold
from dataeng_tui.streams.sources.log_files import COMPACT, Log
from dataeng_tui.streams.sources.log_lines import LineFilter

PLAIN_PIECE, PACKED_PIECE = 1 << 20, 1 << 15  # bytes read at a time; more would fall out of the cache
PLAIN_TAIL, PACKED_TAIL = 16 << 20, 2 << 20  # bytes at the end that are read first

Clock = Callable[[], float]


class Stretch:
    """A part of one file, from ``start`` to ``stop`` (None: as far as it grows)."""

    def __init__(self, path: Path, start: int = 0, stop: int | None = None) -> None:
        self.path = path
        self.stop = stop
        self._inode = 0
        self._from(start)

    def _from(self, start: int) -> None:
        self.position = start
        self.lines = LineFilter(from_middle=start > 0)
        self._decoder: Decoder | None = None
        self._begun = False

    @property
    def corrupt(self) -> int:
        """Lines and frames passed over."""
        return self.lines.corrupt + (self._decoder.damaged if self._decoder else 0)

    def read(self, fold: LogFold, deadline: float, clock: Clock) -> bool:
        """Feed ``fold`` until the end (True) or the deadline (False). Raises OSError and UserError."""
        with self.path.open("rb", buffering=0) as file:
            self._notice_another(os.fstat(file.fileno()))
            if not self._begun:
                start = file.read(8)
                if not start:
                    return True
                self._decoder, self._begun = decoder_for(start), True
            file.seek(self.position)
            buffer = bytearray(PLAIN_PIECE if self._decoder is None else PACKED_PIECE)
            with memoryview(buffer) as view:
                while got := file.readinto(view[: self._wanted(len(buffer))]):
                    self.position += got
                    for line in self._lines(buffer, view[:got]):
                        fold.take(line)
                    if clock() >= deadline:
                        return False
        return True

    def _wanted(self, most: int) -> int:
        return most if self.stop is None else max(0, min(most, self.stop - self.position))

    def _lines(self, buffer: bytearray, piece: memoryview) -> list[bytes]:
        if self._decoder is None:
            return self.lines.feed(buffer, len(piece))
        text = self._decoder.decode(piece)
        return self.lines.feed(text, len(text))

    def _notice_another(self, now: os.stat_result) -> None:
        """Begin again where another file, or a shorter one, has taken the place of the one that was read."""
        if self._inode and (now.st_ino != self._inode or now.st_size < self.position):
            self._from(0)
        self._inode = now.st_ino


class LogReader:
    """What one application's log adds up to so far. ``vanished`` files could not be read to their end."""

    def __init__(self) -> None:
        self.vanished = 0
        self._fold = LogFold()
        self._earlier: LogFold | None = LogFold()  # what comes before the end that was read first
        self._waiting: deque[tuple[int, Stretch]] = deque()
        self._now: tuple[int, Stretch] | None = None
        self._tail: Stretch | None = None  # the one begun in the middle of a line
        self._corrupt = 0
        self._size = 0

    @property
    def corrupt(self) -> int:
        """Lines and frames passed over."""
        reading = [stretch for _, stretch in self._waiting]
        reading += [self._now[1]] if self._now else []
        folds = self._fold.corrupt + (self._earlier.corrupt if self._earlier else 0)
        return folds + self._corrupt + sum(stretch.corrupt for stretch in reading)

    @property
    def progress(self) -> float | None:
        """How much of what comes before the end has been read, 0 to 1; None when it is all read."""
        if not self._waiting:
            return None
        left = sum((stretch.stop or 0) - stretch.position for _, stretch in self._waiting)
        return max(0.0, 1 - left / max(1, self._size))

    def picture(self) -> LogFold:
        """Everything read, in order. Whoever takes the new batches out of it does so for good."""
        if self._earlier is None:
            return self._fold
        joined = self._fold.after(self._earlier)
        if self._waiting:
            self._fold.forget_new()
            self._earlier.forget_new()
        else:
            self._fold, self._earlier = joined, None
        return joined

    def read(self, log: Log, deadline: float, clock: Clock) -> None:
        """Read what was added, and what comes before while there is time. Raises OSError and UserError."""
        if self._now is None:
            self._open(log)
        self._follow(log)
        while self._waiting and clock() < deadline:
            self._look_back(log, deadline, clock)

    def _open(self, log: Log) -> None:
        if not log.parts:
            return
        *before, (number, last) = log.parts
        start = _tail_start(last)
        self._now = number, Stretch(last, start)
        self._waiting.extend((n, Stretch(path, 0, _size(path))) for n, path in before)
        if start:
            self._tail = self._now[1]
            self._waiting.append((number, Stretch(last, 0, start)))
        self._size = sum(stretch.stop or 0 for _, stretch in self._waiting)
        # The first lines name the application: have them before the first picture.
        if self._waiting:
            self._look_back(log, -math.inf, lambda: 0.0)

    def _follow(self, log: Log) -> None:
        """Read the newest file on, and the ones that came after it."""
        for number, path in log.parts:
            if self._now is None or number < self._now[0]:
                continue
            if number > self._now[0]:
                self._finish_current()
                self._now = number, Stretch(path)
            self._now[1].path = path  # .inprogress goes from its name in the end
            try:
                self._now[1].read(self._fold, math.inf, lambda: 0.0)
            except FileNotFoundError:
                self.vanished += 1

    def _finish_current(self) -> None:
        """A file that is followed by another is complete, though it may have grown since it was read."""
        if self._now is not None and self._now[1].path.exists():
            self._now[1].read(self._fold, math.inf, lambda: 0.0)
            self._corrupt += self._now[1].corrupt

    def _look_back(self, log: Log, deadline: float, clock: Clock) -> None:
        earlier = self._earlier = self._earlier or LogFold()
        number, stretch = self._waiting[0]
        try:
            if not stretch.read(earlier, deadline, clock):
                return
        except FileNotFoundError:
            self._replace(number, log)
            return
        self._waiting.popleft()
        self._corrupt += stretch.corrupt
        if self._tail is not None and stretch.path == self._tail.path:
            line = (self._tail.lines.head or b"") + b"\n"
            for whole in stretch.lines.feed(line, len(line)):
                earlier.take(whole)

    def _replace(self, number: int, log: Log) -> None:
        """A rolled file has gone: what it held may be in a compacted one."""
        self._waiting.popleft()
        self.vanished += 1
        compacted = [(n, path) for n, path in log.parts if path.name.endswith(COMPACT) and n >= number]
        if compacted and all(stretch.path != compacted[0][1] for _, stretch in self._waiting):
            n, path = compacted[0]
            self._waiting.appendleft((n, Stretch(path, 0, _size(path))))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _tail_start(path: Path) -> int:
    """Where to begin so that only the end is read; 0 for a file that is small, or packed in one piece."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= PACKED_TAIL:
            return 0
        decoder = decoder_for(file.read(8))
        if decoder is None:
            return max(0, size - PLAIN_TAIL)
        file.seek(size - PACKED_TAIL)
        found = frame_start(decoder, file.read(PACKED_TAIL))
        return 0 if found is None else size - PACKED_TAIL + found
