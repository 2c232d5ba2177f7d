"""Where a report's statements come from: the person's own history, files, or the demo's year.

Files named on the command line are reported on alone. They are not mixed into the person's own history: two
people's exports, or the same person's from two accounts, must not add up by accident. What was read of them
is kept in the cache, so that a large file is read once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dataeng_tui.after_hours.activity import Activity
from dataeng_tui.after_hours.history import History
from dataeng_tui.after_hours.machines import Machines
from dataeng_tui.after_hours.statement import Statement
from dataeng_tui.errors import UserError
from dataeng_tui.locations import cache_folder, data_folder

if TYPE_CHECKING:
    from dataeng_tui.after_hours.sources.demo import DemoHistory

NOTHING = Activity()
TELL_EVERY = 10_000
KEPT = 8  # sets of files of which the cache keeps what was read
_READ = "read"

Progress = Callable[[str, int], None]
"""Called with what is being read and how many statements have come so far."""


def own_file() -> Path:
    """The person's own history."""
    return data_folder() / "history.sqlite"


def own_history(machines: Machines) -> History:
    """The person's own history, judged by these rules."""
    history = History(own_file(), machines)
    history.judge()
    return history


def files_history(files: Sequence[Path], machines: Machines, tell: Progress) -> History:
    """The statements of these files alone. Raises UserError for one that is wrong, or if there are none."""
    from dataeng_tui.after_hours.sources.files import read_file

    names = [str(file.absolute()) for file in files]
    history = _cached("files", names, [_state(file) for file in files], machines)
    try:
        if history.value(_READ) is None:
            with history.writing() as writer:
                read = sum(
                    writer.add("", _told(read_file(file), f"Reading {file.name}", tell)) for file in files
                )
                if not read:
                    raise UserError(f"There is not one statement in {', '.join(map(str, files))}.")
                history.keep(_READ, "whole")
        history.judge()
    except BaseException:
        history.close()
        raise
    _let_go_of_old(history.path)
    return history


def demo_history_file(demo: "DemoHistory", machines: Machines) -> History:
    """The demo's year, never mixed with anybody's own."""
    last = demo.statements[-1]
    history = _cached("demo", ["demo"], [f"{last.query_id} {last.start} {len(demo.statements)}"], machines)
    if history.value(_READ) is None:
        with history.writing() as writer:
            writer.add("DEMO", demo.statements)
            history.keep(_READ, "whole")
    history.judge()
    return history


def forget() -> list[Path]:
    """Remove the person's own history and all that was kept of files; returns the files. Raises UserError."""
    found = [*data_folder().glob("history.sqlite*"), *cache_folder().glob("after-hours-*.sqlite*")]
    for file in found:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"{file} cannot be removed: {error.strerror}.") from None
    return found


def _cached(kind: str, names: Sequence[str], states: Sequence[str], machines: Machines) -> History:
    """A history in the cache under a name that says what is in it; older states of the same go."""
    folder = cache_folder()
    prefix = f"after-hours-{kind}-{_digest(names)}-"
    current = f"{prefix}{_digest(states)}.sqlite"
    for file in folder.glob(f"{prefix}*"):
        if not file.name.startswith(current):
            file.unlink(missing_ok=True)
    return History(folder / current, machines)


def _let_go_of_old(current: Path) -> None:
    """Keep what was read of the files that were asked for last: a new export every day is not to pile up."""
    with suppress(OSError):  # another dataeng-tui may be at it, too
        current.touch()
        found = current.parent.glob("after-hours-files-*.sqlite")
        for old in sorted(found, key=lambda file: file.stat().st_mtime)[:-KEPT]:
            for file in old.parent.glob(f"{old.name}*"):
                file.unlink()


def _told(statements: Iterable[Statement], stage: str, tell: Progress) -> Iterator[Statement]:
    for number, statement in enumerate(statements):
        if number % TELL_EVERY == 0:
            tell(stage, number)
        yield statement


def _state(file: Path) -> str:
    try:
        found = file.stat()
    except FileNotFoundError:
        raise UserError(f"There is no file {file}.") from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from None
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"


def _digest(words: Sequence[str]) -> str:
    """A short name for words: FNV-1a, 64 bits. Importing hashlib would cost almost a MiB."""
    value = 0xCBF29CE484222325
    for byte in "\0".join(words).encode("utf-8", "surrogateescape"):
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"
