"""A scenario's files while one works on them: changed on disk, opened in an editor, copied to be changed."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from dataeng_tui.errors import UserError
from dataeng_tui.locations import data_folder
from dataeng_tui.replay.scenario import Scenario

Stamp = tuple[tuple[str, int, int], ...]


def stamp(scenario: Scenario) -> Stamp:
    """Something that is another when a file of the scenario's folder is: names, times of change, sizes."""
    if scenario.folder is None:
        return ()
    found = []
    try:
        for entry in os.scandir(scenario.folder):
            if entry.is_file():
                status = entry.stat()
                found.append((entry.name, status.st_mtime_ns, status.st_size))
    except OSError:
        return ()
    return tuple(sorted(found))


def to_edit(scenario: Scenario) -> Path:
    """The folder whose files may be edited: the scenario's own, or a private copy of a built-in's."""
    assert scenario.folder is not None
    if not scenario.builtin:
        return scenario.folder
    copy = data_folder() / "replay" / scenario.name
    if not copy.exists():
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copytree(scenario.folder, copy)
    return copy


def edit(scenario: Scenario, folder: Path) -> None:
    """Open the write's files in ``$VISUAL``, ``$EDITOR`` or vi, and wait; the terminal has to be free for it.

    Raises UserError where there is no such program.
    """
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    try:
        subprocess.run([*editor, *(str(folder / name) for name in scenario.sources)], check=False)
    except OSError as error:
        raise UserError(
            f"The editor {editor[0]} cannot be started ({error.strerror}): set $EDITOR."
        ) from None
