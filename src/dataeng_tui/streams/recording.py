"""What the sources answered, kept in a file and played again: an incident, a demo, a bug report.

A recording is JSON lines (packed with zstd where the name ends in ``.zst``): a heading, then an observation a
line, with what is unknown or empty left out. An answer that says nothing new is not written.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from dataeng_tui.errors import UserError
from dataeng_tui.locations import private_file
from dataeng_tui.streams.snapshot import (
    Application,
    Batch,
    Layer,
    Observation,
    Problem,
    SourceProgress,
    StreamingQuery,
)

VERSION = 1
_ZSTD = b"\x28\xb5\x2f\xfd"
_PARTS: Mapping[str, type] = {
    "applications": Application,
    "queries": StreamingQuery,
    "problems": Problem,
    "sources": SourceProgress,
    "batches": Batch,
}
_WORDS = {"layer", "state", "seen_in", "run_id", "spark_version"}  # nobody's names: never changed
Change = Callable[[str, str], str]  # a text, and the field it is of


class Recorder:
    """Writes observations as they come; thread-safe. ``change`` may alter a text before it is written.

    Raises UserError when the file cannot be written.
    """

    def __init__(self, path: Path, change: Change | None = None) -> None:
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
                self._write(_encoded(observation, self._change))

    def close(self) -> None:
        """End the file; safe to call twice."""
        with self._lock:
            if not self._file.closed:
                if self._packer:
                    self._file.write(self._packer.flush())
                self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        data = (json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
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
    number = 0
    for number, line in enumerate(_lines(path), 1):
        try:
            told = json.loads(line)
            if number == 1:
                if told["recording"] != VERSION:
                    raise UserError(f"{path} was recorded by another version of dataeng-tui.")
                continue
            yield _made(Observation, told)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise UserError(f"{path}, line {number}, is not of a recording.") from None
    if not number:
        raise UserError(f"{path} is no recording: it has no line.")


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            packed = file.read(4) == _ZSTD
            file.seek(0)
            if packed:
                import zstandard

                unpacker = zstandard.ZstdDecompressor().decompressobj()
                pieces: Iterator[bytes] = (
                    _unpacked(unpacker, piece, path) for piece in iter(lambda: file.read(1 << 16), b"")
                )
            else:
                pieces = iter(lambda: file.read(1 << 20), b"")
            rest = b""
            for piece in pieces:
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
    except OSError as error:
        raise UserError(f"The recording {path} cannot be read: {error.strerror}.") from None


def _unpacked(unpacker: Any, piece: bytes, path: Path) -> bytes:
    import zstandard

    try:
        return bytes(unpacker.decompress(piece))
    except zstandard.ZstdError:
        raise UserError(f"The recording {path} is damaged.") from None


def _encoded(value: Any, change: Change | None, field: str = "") -> Any:
    """Dataclasses as objects without what is unknown, empty or as usual."""
    if is_dataclass(value) and not isinstance(value, type):
        told = {one.name: getattr(value, one.name) for one in fields(value)}
        return {
            name: _encoded(one, change, name)
            for name, one in told.items()
            if one is not None and one != () and one != {}
        }
    if isinstance(value, tuple | list | frozenset):
        return [_encoded(one, change, field) for one in value]
    if isinstance(value, str) and change is not None and field not in _WORDS:
        return change(value, field)
    return dict(value) if isinstance(value, Mapping) else value


def _made(what: type, told: Mapping[str, Any]) -> Any:
    """``told`` as a record of the model; ValueError where a value is of another kind than its field."""
    given: dict[str, Any] = {}
    for name, value in told.items():
        if name == "health":
            continue  # judged anew
        if (part := _PARTS.get(name)) is not None:
            value = [_made(part, one) for one in value]
        given[name] = tuple(value) if isinstance(value, list) else value
        inner, outer = _kinds(what)[name]
        alike = given[name] if isinstance(given[name], tuple) else ()
        if not isinstance(given[name], outer) or not all(isinstance(one, inner) for one in alike):
            raise ValueError(f"{name} is of another kind")
    if given.get("layer", "driver-ui") not in get_args(Layer):
        raise ValueError("an unknown layer")
    return what(**given)


@lru_cache
def _kinds(what: type) -> Mapping[str, tuple[tuple[type, ...], tuple[type, ...]]]:
    """For each field of a record what its values may be, and those of the tuple that it may hold."""
    return {name: (_of(hint, inner=True), _of(hint)) for name, hint in get_type_hints(what).items()}


def _of(hint: Any, *, inner: bool = False) -> tuple[type, ...]:
    if get_origin(hint) in (Union, UnionType):
        return tuple(kind for one in get_args(hint) for kind in _of(one, inner=inner))
    if inner:
        return _of(get_args(hint)[0]) if get_origin(hint) is tuple else ()
    kind = get_origin(hint) or hint
    if not isinstance(kind, type):  # a Literal, all of which are words
        return (str,)
    return (int, float) if kind is float else (kind,)
