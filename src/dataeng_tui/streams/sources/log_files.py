"""Where a path's event logs are: one file, one rolling folder, or a folder of many of either."""

import re
from dataclasses import dataclass
from pathlib import Path

ROLLING = "eventlog_v2_"
IN_PROGRESS = ".inprogress"
COMPACT = ".compact"
_PART = re.compile(r"^events_(\d+)_")
_ENDINGS = re.compile(r"(\.(zstd|zst|lz4|snappy|lzf|inprogress|compact))+$")
_ATTEMPT = re.compile(r"^(application_\d+_\d+)_\d+$")
_ASIDE = (".", "appstatus_")  # checksums, and the empty file that says that an application runs


@dataclass(frozen=True, slots=True)
class Log:
    """One application's log; ``parts`` are its numbered files in order, one for a log that does not roll."""

    path: Path
    parts: tuple[tuple[int, Path], ...]
    modified: float  # seconds since the epoch

    @property
    def key(self) -> str:
        """The same before and after the application's end, when the file gets another name."""
        return str(self.path).removesuffix(IN_PROGRESS)

    @property
    def application(self) -> str:
        """The application's id, as far as the name tells it."""
        name = _ENDINGS.sub("", self.path.name.removeprefix(ROLLING))
        attempt = _ATTEMPT.match(name)
        return attempt[1] if attempt else name


def logs_at(path: Path) -> list[Log]:
    """Every log there, the one last written to first. Raises OSError."""
    if not path.is_dir():
        return [_file(path)]
    entries = [entry for entry in path.iterdir() if not entry.name.startswith(_ASIDE)]
    if path.name.startswith(ROLLING) or any(_PART.match(entry.name) for entry in entries):
        return [_rolling(path)]
    found = [log for entry in entries if (log := _either(entry))]
    return sorted(found, key=lambda log: (-log.modified, log.key))


def again(log: Log) -> Log:
    """``log`` as it is now: new parts, another name. Raises OSError when it is gone."""
    if log.path.is_dir():
        return _rolling(log.path)
    try:
        return _file(log.path)
    except FileNotFoundError:
        return _file(Path(log.key))


def _either(entry: Path) -> Log | None:
    try:
        if entry.is_dir():
            return _rolling(entry) if entry.name.startswith(ROLLING) else None
        return _file(entry)
    except OSError:
        return None  # gone since it was listed


def _file(path: Path) -> Log:
    return Log(path, ((0, path),), path.stat().st_mtime)


def _rolling(folder: Path) -> Log:
    parts: dict[int, Path] = {}
    compacted = 0
    try:
        entries = list(folder.iterdir())
    except PermissionError:
        return Log(folder, ((0, folder),), folder.stat().st_mtime)  # whoever reads it tells why it cannot
    for entry in entries:
        if (match := _PART.match(entry.name)) is None:
            continue
        number = int(match[1])
        if entry.name.endswith(COMPACT):
            # It stands for all the files up to its number, which Spark is about to remove.
            compacted = max(compacted, number)
            parts[number] = entry
        else:
            parts.setdefault(number, entry)
    kept = tuple(sorted((number, entry) for number, entry in parts.items() if number >= compacted))
    return Log(folder, kept, kept[-1][1].stat().st_mtime if kept else folder.stat().st_mtime)
