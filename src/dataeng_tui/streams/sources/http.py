"""One way to ask over HTTP, that a test, a recording or a replay can stand in for.

The standard library's client: for a poll a second from many drivers it takes 0.16 ms a request and 7 MB where
httpx2 takes 0.41 ms and 18 MB, and it lets us bound the whole answer in bytes and in time.
"""

import base64
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from dataeng_tui.errors import UserError

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: ``status`` 0 and an ``error`` when nothing did; ``date`` is the server's clock.

    ``elsewhere`` is the URL on another host that it sends on to, and that was not asked.
    """

    status: int
    body: bytes = b""
    content_type: str = ""
    date: str = ""
    error: str = ""
    elsewhere: str = ""

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


class KeepAlive:
    """A connection that stays open between polls. For one thread; one host at a time.

    ``timeout``: seconds for the whole answer, so that a server that drips cannot hold a poll. A busy
    machine's driver takes ten for its first one.
    ``limit``: bytes of an answer.
    """

    def __init__(self, timeout: float = 20.0, limit: int = 32 << 20) -> None:
        self._timeout = timeout
        self._limit = limit
        self._connection: HTTPConnection | None = None
        self._host = ("", "")

    def get(self, url: str) -> Answer:
        for _ in range(4):
            parts = urlsplit(url)
            answer, location = self._ask(parts)
            if answer.status not in _REDIRECTS or not location:
                return answer
            try:
                target = urlsplit(urljoin(url, location))
                same = (target.scheme, target.hostname, target.port)
            except ValueError:
                return Answer(0, error="it sends on to what is no URL")
            if same != (parts.scheme, parts.hostname, parts.port):
                there = urlunsplit(target)
                shown = without_secrets(urlunsplit(target._replace(query="", fragment="")))
                why = f"it sends on to {shown}: name that, if it is what you mean"
                return Answer(0, answer.body, error=why, elsewhere=there)
            url = urlunsplit(target._replace(netloc=parts.netloc))
        return Answer(0, error="it redirects without end")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _ask(self, url: SplitResult) -> tuple[Answer, str]:
        from http.client import HTTPException

        deadline = time.monotonic() + self._timeout
        kept = self._connection is not None and self._host == (url.scheme, url.netloc)
        for attempt in (kept, False):
            try:
                response = self._send(url, deadline)
                return self._read(response, deadline), response.headers.get("Location", "")
            except (OSError, HTTPException, ValueError) as error:
                self.close()
                # A connection kept open may have been closed by the other side meanwhile: once more, anew.
                if not attempt or isinstance(error, TimeoutError):
                    return Answer(0, error=_why(error, self._timeout)), ""
        raise AssertionError("the second attempt returns")

    def _send(self, url: SplitResult, deadline: float) -> "HTTPResponse":
        connection = self._connect(url, deadline)
        path = quote(urlunsplit(("", "", url.path or "/", url.query, "")), safe="/?&=%:;,+@!$'()*~")
        # Unpacked: a page is read once, and packing it would cost the driver more than the wire does.
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "keep-alive"}
        if url.username is not None:
            login = f"{unquote(url.username)}:{unquote(url.password or '')}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(login).decode("ascii")
        connection.request("GET", path, headers=headers)
        return connection.getresponse()

    def _connect(self, url: SplitResult, deadline: float) -> "HTTPConnection":
        from http.client import HTTPConnection, HTTPSConnection

        if self._connection is None or self._host != (url.scheme, url.netloc):
            self.close()
            kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
            self._connection = kind(
                url.hostname or "", url.port, timeout=max(0.1, deadline - time.monotonic())
            )
            self._host = (url.scheme, url.netloc)
        elif self._connection.sock is not None:
            self._connection.sock.settimeout(max(0.1, deadline - time.monotonic()))
        return self._connection

    def _read(self, response: "HTTPResponse", deadline: float) -> Answer:
        pieces, size = [], 0
        while piece := response.read1(1 << 18):
            size += len(piece)
            pieces.append(piece)
            if size > self._limit:
                self.close()
                return Answer(0, error=f"the answer is longer than {self._limit >> 20} MiB")
            if time.monotonic() > deadline:
                raise TimeoutError
        if response.length:
            raise ConnectionError("the answer broke off")
        # Read to its end it is still open to http.client, which would refuse the next request.
        response.close()
        if response.will_close:
            self.close()
        return Answer(
            response.status,
            self._unpacked(b"".join(pieces), response.headers.get("Content-Encoding", "")),
            response.headers.get("Content-Type", ""),
            response.headers.get("Date", ""),
        )

    def _unpacked(self, body: bytes, packing: str) -> bytes:
        """A proxy may pack what nobody asked it to."""
        if packing.strip().lower() not in ("gzip", "x-gzip", "deflate"):
            return body
        import zlib

        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
        with suppress(zlib.error):
            text = unpacker.decompress(body, self._limit)
            if unpacker.eof and not unpacker.unconsumed_tail:
                return text
        raise ConnectionError("what it packed cannot be unpacked")


def normal_url(url: str, of: str = "driver's UI", example: str = "http://localhost:4040") -> str:
    """A URL as sources keep it: with a scheme, no slash at the end, no query. Raises UserError."""
    text = url.strip()
    with suppress(ValueError):
        parts = urlsplit(text if "://" in text else f"http://{text}")
        if parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0):
            return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    raise UserError(f"{url!r} is no URL of a {of}: give one such as {example}")


def without_secrets(url: str) -> str:
    """``url`` without its password, to be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return urlunsplit(parts._replace(netloc=f"{parts.username}@{parts.netloc.rpartition('@')[2]}"))


def refused(answer: Answer) -> str | None:
    """What to do where ``answer`` is the error itself, or wants a login; None for any other."""
    if answer.status == 401:
        return "it wants a login (401): give http://user:password@…, as Kerberos is not spoken here"
    if answer.status == 403:
        return "it does not let this user in (403)"
    return answer.error or None


def _why(error: Exception, timeout: float) -> str:
    from http.client import HTTPException, IncompleteRead, RemoteDisconnected
    from socket import gaierror
    from ssl import SSLCertVerificationError, SSLError

    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, gaierror):
        return "there is no such host"
    if isinstance(error, SSLCertVerificationError):
        why = f"its certificate is not trusted ({error.verify_message})"
        return f"{why}: name a file with its authority's in SSL_CERT_FILE"
    if isinstance(error, SSLError):
        return "it does not speak HTTPS: try http://"
    if isinstance(error, RemoteDisconnected | ConnectionError | IncompleteRead):
        return "the connection broke off"
    if isinstance(error, HTTPException):
        return "it does not speak HTTP"
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
