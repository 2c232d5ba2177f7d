"""What the sources answered, kept in a file and played again: an incident, a demo, a bug report.

A recording is JSON lines (packed with zstd where the name ends in ``.zst``): a heading, then an observation a
line, with what is unknown or empty left out. An answer that says nothing new is not written.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from dataeng_tui.errors import UserError
from dataeng_tui.locations import private_file
from dataeng_tui.streams.snapshot import (
    Application,
    Batch,
    Observation,
    Problem,
    SourceProgress,
    StreamingQuery,
)

VERSION = 1
_ZSTD = b"\x28\xb5\x2f\xfd"
_PARTS: Mapping[str, Callable[..., Any]] = {
    "applications": Application,
    "queries": lambda **given: StreamingQuery(**_decoded(given)),
    "problems": Problem,
    "sources": SourceProgress,
    "batches": Batch,
}


class Recorder:
    """Writes observations as they come; thread-safe. ``change`` may alter a line before it is written.

    Raises UserError when the file cannot be written.
    """

    def __init__(self, path: Path, change: Callable[[str], str] = str) -> None:
        self._change = change
        self._last: dict[str, Observation] = {}
        self._lock = threading.Lock()
        try:
            self._file: Any = private_file(path).open("wb")
        except OSError as error:
            raise UserError(f"The recording {path} cannot be written: {error.strerror}.") from None
        self._packer: Any = None
        if path.suffix == ".zst":
            import zstandard

            self._packer = zstandard.ZstdCompressor().compressobj()
        self._write({"recording": VERSION})

    def take(self, observation: Observation) -> None:
        """Write it, unless its source said the very same before."""
        with self._lock:
            before = self._last.get(observation.where)
            self._last[observation.where] = kept = replace(
                observation,
                at=0.0,
                queries=tuple(replace(query, batches=()) for query in observation.queries),
            )
            new = any(query.batches for query in observation.queries)
            if (new or kept != before) and not self._file.closed:
                self._write(_encoded(observation))

    def close(self) -> None:
        """End the file; safe to call twice."""
        with self._lock:
            if not self._file.closed:
                if self._packer:
                    self._file.write(self._packer.flush())
                self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        data = (self._change(json.dumps(line, ensure_ascii=False, separators=(",", ":"))) + "\n").encode()
        if self._packer:
            import zstandard

            # A block a line: what is written can be read, however the program ends.
            data = self._packer.compress(data) + self._packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        self._file.write(data)
        self._file.flush()


def observations(path: Path) -> Iterator[Observation]:
    """What was recorded, in order; a last line that was not written to its end is left out.

    Raises UserError, with the line, for what is no recording.
    """
    for number, line in enumerate(_lines(path), 1):
        try:
            told = json.loads(line)
            if number == 1:
                if told["recording"] != VERSION:
                    raise UserError(f"{path} was recorded by another version of dataeng-tui.")
                continue
            yield Observation(**_decoded(told))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise UserError(f"{path}, line {number}, is not of a recording.") from None


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            packed = file.read(4) == _ZSTD
            file.seek(0)
            if packed:
                import zstandard

                unpacker = zstandard.ZstdDecompressor().decompressobj()
                pieces: Iterator[bytes] = (
                    unpacker.decompress(piece) for piece in iter(lambda: file.read(1 << 16), b"")
                )
            else:
                pieces = iter(lambda: file.read(1 << 20), b"")
            rest = b""
            for piece in pieces:
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
    except OSError as error:
        raise UserError(f"The recording {path} cannot be read: {error.strerror}.") from None


def _encoded(value: Any) -> Any:
    """Dataclasses as objects without what is unknown, empty or as usual."""
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: getattr(value, field.name) for field in fields(value)}
        return {
            name: _encoded(one) for name, one in told.items() if one is not None and one != () and one != {}
        }
    if isinstance(value, tuple | list | frozenset):
        return [_encoded(one) for one in value]
    return dict(value) if isinstance(value, Mapping) else value


def _decoded(told: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in told.items():
        make = _PARTS.get(name)
        if make is not None:
            given[name] = tuple(make(**one) for one in value)
        elif name == "health":
            continue  # judged anew
        else:
            given[name] = tuple(value) if isinstance(value, list) else value
    return given
