"""The demo's Spark, from the program's side: started in the background, watched, and ended for sure."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dataeng_tui.errors import UserError, missing


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the demo's Spark is. ``step`` is short text for a line on the screen.

    ``ui`` is the driver's UI and ``event_log`` the folder of its event log, once there is one; ``others`` are
    the jobs that do not run, each with its state; ``problem`` is a sentence when it cannot go on.
    """

    step: str
    ui: str | None = None
    event_log: str | None = None
    others: tuple[str, ...] = ()
    problem: str | None = None


class DemoSpark:
    """A real local Spark with a few streaming jobs, in a process group of its own.

    The group ends with this program, even with kill -9: its first process reads a pipe that the kernel
    closes, and asks the kernel for a signal besides.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._folder: Path | None = None

    def start(self, progress: Callable[[Progress], None]) -> None:
        """Start it and return at once; ``progress`` is called from another thread at every step."""
        # The kernel's signal comes when the *thread* that started the child ends: the same one watches it.
        self._thread = threading.Thread(target=self._run, args=(progress,), name="demo-spark", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it, and wait until it is gone; safe to call twice, or when it never started."""
        with self._lock:
            self._closed = True
            process = self._process
        if process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if self._thread:
            self._thread.join(10)
        if self._folder:
            remove(self._folder)

    def _run(self, progress: Callable[[Progress], None]) -> None:
        progress(Progress("looking for Java"))
        try:
            process = self._spawn()
            for line in process.stdout if process and process.stdout else ():
                fields = json.loads(line)
                progress(Progress(**{**fields, "others": tuple(fields.get("others", ()))}))
            if process and process.wait() and not self._closed:
                progress(Progress("stopped", problem=f"The demo's Spark has ended: {self._last_words()}"))
        except UserError as error:
            progress(Progress("not started", problem=str(error)))
        except OSError as error:
            progress(Progress("not started", problem=f"The demo's Spark cannot start: {error}."))

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        from dataeng_tui.demo.java import find_java

        if not find_spec("pyspark"):
            raise missing("PySpark, for the demo's streams,", "spark")
        java = find_java()
        with self._lock:
            if self._closed:
                return None
            self._folder = Path(tempfile.mkdtemp(prefix="dataeng-tui-demo-"))
            with (self._folder / "log").open("wb") as log:
                self._process = subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "dataeng_tui.demo.streaming_jobs",
                        str(self._folder),
                        str(os.getpid()),
                    ],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=_environment(java.home),
                    start_new_session=True,
                )
            return self._process

    def _last_words(self) -> str:
        try:
            lines = (self._folder / "log").read_text(errors="replace").split("\n") if self._folder else []
        except OSError:
            lines = []
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def remove(folder: Path) -> None:
    """Remove a folder in which processes that were killed this instant may still be writing."""
    deadline = time.monotonic() + 10
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.02)


def _environment(java_home: Path) -> dict[str, str]:
    """Ours, with that Java, and without what would turn the demo's Spark into somebody's real one."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("SPARK_", "PYSPARK_", "EMAIL_"))
    }
    # What PySpark starts must be this very program's: its python, and its package when it is not installed.
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
    return {**kept, "JAVA_HOME": str(java_home), "PYTHONPATH": path, "PYSPARK_PYTHON": sys.executable}
