"""The program on a real pseudo-terminal: what it writes there, and that it leaves when the terminal goes."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataeng_tui.streams.recording import Recorder
from dataeng_tui.streams.snapshot import Observation, StreamingQuery
from tests.terminal import ESCAPES, Terminal

GIVEN_BACK = b"\x1b[?1049l"  # the screen that was there before
PROGRAM = [sys.executable, "-m", "dataeng_tui"]


@contextlib.contextmanager
def opened(*command: str, columns: int = 120, rows: int = 40, **env: str) -> Iterator[Terminal]:
    terminal = Terminal(command or PROGRAM, columns, rows, env)
    try:
        terminal.until(lambda: b"Replay" in ESCAPES.sub(b"", bytes(terminal.output)))
        terminal.quiet()
        yield terminal
    finally:
        terminal.close()


def gone(pid: int, within: float = 60.0) -> bool:
    """The process has ended; it is reaped here."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG)[0]:
                return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40), (40, 10)])
def test_it_opens_and_quits_at_any_size(columns: int, rows: int) -> None:
    with opened(columns=columns, rows=rows) as terminal:
        os.write(terminal.fd, b"q")
        terminal.until(lambda: GIVEN_BACK in terminal.output)
        terminal.until(lambda: not terminal.alive)
        assert b"Traceback" not in terminal.output


def test_nothing_is_written_when_nothing_changes() -> None:
    with opened() as terminal:
        terminal.quiet(5.0, 60.0)
        assert terminal.read_for(0.1) == 0
        assert time.perf_counter() - terminal.last_byte >= 5.0


def test_no_color_writes_no_colour() -> None:
    with opened(NO_COLOR="1") as terminal:
        sent = [part.split(b"m")[0] for part in bytes(terminal.output).split(b"\x1b[") if b"m" in part[:24]]
        colours = [code for code in sent if code.startswith((b"38;2", b"48;2"))]
        levels = {code for code in colours if len(set(code.split(b";")[2:5])) > 1}
        assert not levels, "a colour that is no grey"


def test_a_closed_terminal_ends_the_program() -> None:
    with opened() as terminal:
        os.close(terminal.fd)
        terminal.fd = os.open(os.devnull, os.O_RDWR)
        assert gone(terminal.pid)
        terminal.pid = 0


def test_a_closed_terminal_ends_the_program_even_where_sighup_is_ignored() -> None:
    # Like nohup, but leaving the terminal alone, which nohup would replace.
    ignoring = (
        "import signal, runpy, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "sys.argv = ['dataeng-tui']\n"
        "import dataeng_tui.tui.hangup as h\n"
        "h.SIGNALS = (signal.SIGTERM,)\n"
        "runpy.run_module('dataeng_tui', run_name='__main__')"
    )
    with opened(sys.executable, "-c", ignoring) as terminal:
        os.write(terminal.fd, b"231" * 30)  # it is in the middle of drawing
        os.close(terminal.fd)
        terminal.fd = os.open(os.devnull, os.O_RDWR)
        assert gone(terminal.pid)
        terminal.pid = 0


def test_sigterm_gives_the_terminal_back() -> None:
    with opened() as terminal:
        os.kill(terminal.pid, signal.SIGTERM)
        terminal.until(lambda: GIVEN_BACK in terminal.output)


def test_the_streams_command_plays_a_recording_on_the_screen(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "incident")
    query = StreamingQuery("app-1", "run-1", name="email opened", state="waiting", batch_id=7)
    recorder.take(Observation("driver-ui", "d", 1_800_000_000.0, queries=(query,)))
    recorder.close()
    with opened(*PROGRAM, "streams", "--replay", str(tmp_path / "incident")) as terminal:
        terminal.until(lambda: b"emailopened" in terminal.text())
        assert b"recording" in terminal.text()
        os.write(terminal.fd, b"q")
        terminal.until(lambda: not terminal.alive)
