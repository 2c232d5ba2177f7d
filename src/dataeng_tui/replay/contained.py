"""Strangers' SQL in a process of its own: bounded in memory, writing no file, killed when its time is up.

The guard inside stops almost everything by itself; one long call of a C function it cannot, and this can.
"""

import os
import pickle
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any, TypeVar

from dataeng_tui.errors import UserError

MEMORY = 1 << 30  # bytes of address space
GRACE = 6.0  # seconds past its budget until it is killed: a statement has 5 of its own
_HEAD = 8  # bytes that say how long a message is

Report = Callable[..., None]
T = TypeVar("T")


class Contained:
    """Keeps processes at hand for calls; each serves one call at a time. Safe to use from several threads."""

    def __init__(self) -> None:
        self._idle: list[_Process] = []
        self._busy: set[_Process] = set()
        self._lock = threading.Lock()

    def call(
        self,
        function: Callable[..., T],
        arguments: tuple[Any, ...],
        seconds: float,
        progress: Report | None = None,
    ) -> T:
        """A module's function called with the arguments and, where there is one, ``progress=`` a callback.

        Raises UserError as the function does, or when the process had to be killed; and what ``progress``
        raises, which kills the process as well.
        """
        with self._lock:
            process = self._idle.pop() if self._idle else _Process()
            self._busy.add(process)
        healthy = False
        try:
            result: T = process.call(_name(function), arguments, time.monotonic() + seconds + GRACE, progress)
            healthy = True
            return result
        except UserError:
            healthy = process.alive
            raise
        finally:
            with self._lock:
                self._busy.discard(process)
                if healthy:
                    self._idle.append(process)
            if not healthy:
                process.kill()

    def close(self) -> None:
        """End every process."""
        with self._lock:
            processes = [*self._idle, *self._busy]
            self._idle.clear()
        for process in processes:
            process.kill()


class _Process:
    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path("/") if os.name == "posix" else None,
            env=environment,
            start_new_session=True,  # Ctrl+C in the terminal is for us; we pass it on by killing
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to = self._process.stdin
        # Without a buffer: what the selector does not see must not wait in one.
        self._from = self._process.stdout.detach()  # type: ignore[attr-defined]

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def call(self, target: str, arguments: tuple[Any, ...], until: float, progress: Report | None) -> Any:
        try:
            _send(self._to, (target, arguments, progress is not None))
            while True:
                kind, content = self._receive(until)
                if kind == "progress" and progress is not None:
                    progress(*content)
                elif kind == "result":
                    return content
                elif kind == "error":
                    raise UserError(content)
        except (BrokenPipeError, EOFError):
            raise UserError("The SQL was stopped: it took more memory than a scenario may have.") from None

    def _receive(self, until: float) -> tuple[str, Any]:
        with selectors.DefaultSelector() as selector:
            selector.register(self._from, selectors.EVENT_READ)
            if not selector.select(max(until - time.monotonic(), 0)):
                self.kill()
                raise UserError(
                    "The SQL was stopped: one statement ran past every limit and had to be killed."
                )
        message: tuple[str, Any] = _receive(self._from)
        return message

    def kill(self) -> None:
        self._process.kill()
        for stream in (self._to, self._from):
            with suppress(OSError):
                stream.close()
        self._process.wait()


def _name(function: Callable[..., object]) -> str:
    return f"{function.__module__}:{function.__qualname__}"


def _send(stream: IO[bytes], message: Any) -> None:
    data = pickle.dumps(message)
    stream.write(len(data).to_bytes(_HEAD, "big") + data)
    stream.flush()


def _receive(stream: Any) -> Any:
    size = int.from_bytes(_exactly(stream, _HEAD), "big")
    return pickle.loads(_exactly(stream, size))


def _exactly(stream: Any, size: int) -> bytes:
    parts = []
    while size:
        part = stream.read(size)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _serve() -> None:
    """Answer calls from standard input until it ends."""
    _bound()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            target, arguments, wants_progress = _receive(source)
        except EOFError:
            return
        module, name = target.split(":")
        extra = {"progress": _Heartbeat(sink)} if wants_progress else {}
        try:
            answer = ("result", getattr(import_module(module), name)(*arguments, **extra))
        except UserError as error:
            answer = ("error", str(error))
        except MemoryError:
            answer = ("error", "The SQL was stopped: it took more memory than a scenario may have.")
        _send(sink, answer)


class _Heartbeat:
    """Tells how far it is a few times a second; where nobody listens any more, the process ends with that."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink, self._next = sink, 0.0

    def __call__(self, *news: Any) -> None:
        if time.monotonic() > self._next:
            self._next = time.monotonic() + 0.1
            _send(self._sink, ("progress", news))


def _bound() -> None:
    try:
        import resource
    except ImportError:  # not a POSIX system; the guard inside has to do
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    memory = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _serve()
