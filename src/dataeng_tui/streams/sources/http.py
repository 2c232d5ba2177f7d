"""One way to ask over HTTP, that a test, a recording or a replay can stand in for."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: ``status`` 0 and an ``error`` when nothing did; ``date`` is the server's clock."""

    status: int
    body: bytes = b""
    content_type: str = ""
    date: str = ""
    error: str = ""

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 becomes a replacement character."""
        return self.body.decode("utf-8", "replace")


class Http(Protocol):
    """Asks for one URL at a time; never raises for what the other side does."""

    def get(self, url: str) -> Answer:
        """Follow redirects on the same host, give up after the timeout, read at most the limit."""

    def close(self) -> None:
        """Let go of the connections."""
