"""Forty drivers' UIs on forty ports, 300 queries among them, each with a new batch every second.

Prints the URLs, then serves until it is ended. The pages have the form of Spark 4.3's, of a hundred batches.
"""

import json
import selectors
import socket
import time
import uuid
from email.utils import formatdate

CHARTS = ("input-rate", "process-rate", "input-rows", "batch-duration", "watermark-gap",
          "aggregated-num-total-state-rows", "aggregated-state-memory-used-bytes")  # fmt: skip
COLUMNS = [
    "Name",
    "Status",
    "ID",
    "Run ID",
    "Start Time",
    "Duration",
    "Avg Input /sec",
    "Avg Process /sec",
    "Latest Batch",
]
PARTS = ("addBatch", "commitOffsets", "getBatch", "latestOffset", "queryPlanning", "walCommit")
# What Spark's pages have around the tables: menus, scripts, tooltips.
AROUND = '<div class="navbar"><a href="/jobs/" class="nav-link">Jobs</a></div>\n' * 120


def list_page(runs: list[str], second: int) -> str:
    head = "".join(
        f'<th>\n<a href="/StreamingQuery/?active.sort={name}&active.pageSize=1000#active">'
        f'<span data-bs-toggle="tooltip" title="">\n{name}\n</span></a></th>'
        for name in COLUMNS
    )
    lines = "".join(
        f"<tr>\n<td>query {run[:4]}</td><td>RUNNING</td><td>a{run[1:]}</td>"
        f'<td><a href="/StreamingQuery/statistics/?id={run}">{run}</a></td><td>2026/03/03 10:00:00</td>'
        f"<td>{second % 3600} seconds 12 ms</td><td>{second % 97}.25</td><td>91.50</td><td>{second}</td></tr>"
        for run in runs
    )
    return (
        f'<html><script src="/static/spark.js"></script><title>x - Streaming Query</title>{AROUND}'
        f'<table id="active-table"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></html>'
    )


def statistics_page(second: int) -> str:
    at = [1000 * (second - 99 + n) for n in range(100)]
    clock = {moment: time.strftime("%H:%M:%S.000", time.gmtime(moment / 1000)) for moment in at}
    row = '["900.0","60.0","0.0","0.0","40.0","90.0"];\n'
    values = "".join(f'formattedTimeToValues["{text}"] = {row}' for text in clock.values())
    times = "".join(f"timeFormat[{moment}] = '{text}';\n" for moment, text in clock.items())
    tips = "".join(f"timeTipStrings[{at}] = 'batch {at // 1000} ({text})';\n" for at, text in clock.items())
    script = ""
    for number, name in enumerate(CHARTS):
        points = ",".join(f'{{"x": {moment}, "y": {50 + moment % 7}.25}}' for moment in at)
        script += (
            f"var v{number} = [{points}];\ndrawTimeline('#{name}-timeline', v{number}, 0, 1, 0.0, 60.0);\n"
        )
    parts = ",".join(f'"{part}": "90.0"' for part in PARTS)
    stack = ",".join(f'{{x: "{text}", {parts}}}' for text in clock.values())
    script += f"var v90 = [{stack}];\nvar v91 = {json.dumps(PARTS)};\n"
    script += "drawAreaStack('#duration-area-stack', v91, v90)"
    return (
        f"<html>Streaming Query Statistics {AROUND}<script>{values}</script><script>{times}{tips}</script>"
        f"<script>$(document).ready(function() {{\n{script}\n}});</script></html>"
    )


class Driver:
    def __init__(self, number: int, queries: int) -> None:
        self.id = f"app-{number:04}"
        self.runs = [str(uuid.UUID(int=number * 1000 + n)) for n in range(queries)]

    def page(self, path: str, second: int, statistics: str) -> tuple[int, str, str]:
        if path.startswith("/StreamingQuery/statistics/"):
            return 200, "text/html", statistics
        if path.startswith("/StreamingQuery/"):
            return 200, "text/html", list_page(self.runs, second)
        if path.startswith("/api/v1/applications?"):
            return 200, "application/json", json.dumps([{"id": self.id, "name": "x", "attempts": []}])
        if "/jobs" in path:
            return 200, "application/json", json.dumps([{"jobGroup": run} for run in self.runs[:2]])
        return 404, "text/html", ""


def serve() -> None:
    selector = selectors.DefaultSelector()
    for number in range(40):
        listening = socket.create_server(("127.0.0.1", 0))
        selector.register(listening, selectors.EVENT_READ, (Driver(number, 8 if number < 20 else 7), True))
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    print(flush=True)
    made = (0, "")
    while True:
        for key, _ in selector.select():
            driver, listens = key.data
            if listens:
                connection, _ = key.fileobj.accept()
                selector.register(connection, selectors.EVENT_READ, (driver, False))
                continue
            asked = key.fileobj.recv(65536)
            if not asked:
                selector.unregister(key.fileobj)
                key.fileobj.close()
                continue
            second = int(time.time())
            if made[0] != second:
                made = (second, statistics_page(second))
            status, kind, body = driver.page(asked.split(b" ", 2)[1].decode(), second, made[1])
            data = body.encode()
            head = f"HTTP/1.1 {status} OK\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: {kind}\r\n"
            key.fileobj.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)


if __name__ == "__main__":
    serve()
