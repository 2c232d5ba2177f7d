"""Recorded answers of several Sparks, and a driver that serves them over a real socket."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LIST = "/StreamingQuery/?active.pageSize=1000&completed.pageSize=1000"
SHORT_LIST = "/StreamingQuery/?active.pageSize=1000&completed.pageSize=1"
RECORDINGS = sorted(Path(__file__).with_name("recordings").glob("*.json.gz"))


def recording(file: Path) -> dict[str, Any]:
    return json.loads(gzip.decompress(file.read_bytes()))


class FakeDriver:
    """Serves ``pages`` (path with query -> status, content type, body); counts what was asked.

    ``hold`` makes every answer wait until it is set; ``headers`` go with every answer, ``date`` as its Date.
    """

    def __init__(self, pages: dict[str, tuple[int, str, str]], port: int = 0) -> None:
        self.pages = pages
        self.asked: list[str] = []
        self.busy = 0
        self.most_at_once = 0
        self.hold = threading.Event()
        self.hold.set()
        self.date = ""
        self.headers: dict[str, str] = {}
        driver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                driver.asked.append(self.path)
                driver.busy += 1
                driver.most_at_once = max(driver.most_at_once, driver.busy)
                driver.hold.wait()
                driver.busy -= 1
                page = driver.pages.get(self.path) or driver.pages.get(self.path.partition("?limit=")[0])
                status, kind, body = page or (404, "text/html", "<h1>404</h1>")
                data = body.encode("utf-8")
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                for name, value in driver.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return driver.date or super().date_time_string(timestamp)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self) -> Any:
                request, address = super().get_request()
                driver.connections.append(request)
                return request, address

            def handle_error(self, *_: object) -> None:
                pass

        self.connections: list[Any] = []  # a driver that dies takes them with it
        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(2)
            except OSError:
                continue


def pages_of(recorded: dict[str, Any]) -> dict[str, tuple[int, str, str]]:
    pages = {
        path: (page["status"], page["content_type"], page["body"])
        for path, page in recorded["answers"].items()
    }
    # Spark's own answer to this has one row of the ended queries; all of them do no harm.
    return pages | {SHORT_LIST: pages[LIST]}


def as_another_application(
    recorded: dict[str, Any], id_: str, run: str, *, same_queries: bool = True
) -> dict[str, Any]:
    """The same driver, restarted: another application, other runs; or a driver of other queries."""
    text = json.dumps(recorded["answers"]).replace(recorded["application"], id_)
    for number, (old, said) in enumerate(recorded["progress"].items()):
        text = text.replace(old, f"{run}{number:04}-0000-4000-8000-000000000000")
        if not same_queries:
            text = text.replace(said["id"], f"{run}{number:04}-0000-4000-9000-000000000000")
    return {"answers": json.loads(text)}
