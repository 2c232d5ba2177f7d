"""A Snowflake to test against: fakesnow, as a real server on a real socket, for the real connector.

fakesnow stands on DuckDB and knows no table functions, no abort and no failures; those this module adds: the
route that logs in (what the connector asks of it is newer than fakesnow), errors by what the SQL contains, a
query that lasts until it is aborted, and QUERY_HISTORY_BY_USER as a view on a table of its own.
"""

import asyncio
import gzip
import json
import re
import socket
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

COLUMNS = {
    "QUERY_ID": "VARCHAR",
    "SESSION_ID": "BIGINT",
    "START_TIME": "TIMESTAMPTZ",
    "END_TIME": "TIMESTAMPTZ",
    "USER_NAME": "VARCHAR",
    "USER_TYPE": "VARCHAR",
    "ROLE_NAME": "VARCHAR",
    "WAREHOUSE_NAME": "VARCHAR",
    "QUERY_TYPE": "VARCHAR",
    "QUERY_TAG": "VARCHAR",
    "EXECUTION_STATUS": "VARCHAR",
    "IS_CLIENT_GENERATED_STATEMENT": "BOOLEAN",
    "QUERY_PARAMETERIZED_HASH": "VARCHAR",
    "AGENT_TYPE": "VARCHAR",
}
SESSION_COLUMNS = {
    "SESSION_ID": "BIGINT",
    "CREATED_ON": "TIMESTAMPTZ",
    "USER_NAME": "VARCHAR",
    "CLIENT_APPLICATION_ID": "VARCHAR",
    "CLIENT_ENVIRONMENT": "VARCHAR",
}
_RECENT = re.compile(r"TABLE\(SNOWFLAKE\.INFORMATION_SCHEMA\.QUERY_HISTORY_BY_USER\(.*?\)\)", re.DOTALL)
_RECENT_VIEW = """(
  SELECT * FROM SNOWFLAKE.ACCOUNT_USAGE.RECENT WHERE '"' || REPLACE(USER_NAME, '"', '""') || '"' = ?
    AND END_TIME >= CAST(? AS TIMESTAMP_TZ) AND END_TIME <= CAST(? AS TIMESTAMP_TZ)
  ORDER BY END_TIME DESC LIMIT 10000)"""


def _stand_ins() -> None:
    """Modules that the connector no longer has and fakesnow still imports."""
    import snowflake.connector

    for name, made in (("converter", "SnowflakeConverter"), ("file_util", "SnowflakeFileUtil")):
        module = types.ModuleType(f"snowflake.connector.{name}")
        setattr(module, made, type(made, (), {}))
        if module.__name__ not in sys.modules:
            sys.modules[module.__name__] = module
            setattr(snowflake.connector, name, module)


@dataclass
class Asked:
    """A statement that the server was sent, with its bindings and its session's parameters."""

    sql: str
    bindings: list[str]
    session: dict[str, Any]


@dataclass
class FakeSnowflake:
    """A running server, with its clock ``ahead``. ``refuse``: part of the SQL to ``(code, state, words)``."""

    port: int = 0
    login_error: tuple[str, str] | None = None
    refuse: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    hang: str | None = None
    hang_login: bool = False
    ahead: timedelta = timedelta()
    asked: list[Asked] = field(default_factory=list)
    logins: list[dict[str, Any]] = field(default_factory=list)
    aborted: list[dict[str, Any]] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run SQL of DuckDB behind the server's back."""
        return self._duck.execute(sql, list(values)).fetchall()

    def load(self, rows: Sequence[dict[str, Any]], table: str = "QUERY_HISTORY") -> None:
        """Add rows to a table of ACCOUNT_USAGE; a column left out is NULL."""
        columns = SESSION_COLUMNS if table == "SESSIONS" else COLUMNS
        held = [
            name[0]
            for name in self.query(f"SELECT column_name FROM duckdb_columns() WHERE table_name = '{table}'")
        ]
        names = [name for name in columns if name in held]
        marks = ", ".join(["?"] * len(names))
        sql = f"INSERT INTO snowflake.account_usage.{table} ({', '.join(names)}) VALUES ({marks})"
        self._duck.executemany(sql, [[row.get(name) for name in names] for row in rows])

    def load_csv(self, file: Path, table: str = "QUERY_HISTORY") -> None:
        """Add the rows of a CSV file, fast."""
        names = file.open().readline().strip()
        self.query(
            f"INSERT INTO snowflake.account_usage.{table} ({names}) "
            f"SELECT {names} FROM read_csv('{file}', header = true, all_varchar = false)"
        )

    def clear(self) -> None:
        """As it was at the start."""
        self.released.set()  # whoever still waits may go
        self.login_error, self.hang, self.hang_login, self.released = None, None, False, asyncio.Event()
        self.ahead = timedelta()
        for held in (self.refuse, self.asked, self.logins, self.aborted):
            held.clear()  # type: ignore[attr-defined]
        self.query("CREATE SCHEMA IF NOT EXISTS snowflake.account_usage")
        for table, columns in (
            ("QUERY_HISTORY", COLUMNS),
            ("RECENT", COLUMNS),
            ("SESSIONS", SESSION_COLUMNS),
        ):
            kinds = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            self.query(f"CREATE OR REPLACE TABLE snowflake.account_usage.{table} ({kinds})")

    @property
    def _duck(self) -> Any:
        from fakesnow.server import shared_fs

        return shared_fs.duck_conn

    def connections_toml(self, folder: Path, **more: str) -> None:
        """Write the connection ``dev`` to this server; ``folder`` is SNOWFLAKE_HOME."""
        values = {
            "account": "acme-data", "user": "ALICE", "password": "secret", "host": "127.0.0.1",
            "protocol": "http", "database": "SNOWFLAKE", **more,
        }  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        file = folder / "connections.toml"
        file.write_text("\n".join(["[dev]", f"port = {self.port}", *lines, ""]))
        file.chmod(0o600)


def _application(server: FakeSnowflake) -> Callable[..., Any]:
    _stand_ins()
    import fakesnow.server as fake
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    users: dict[str, dict[str, Any]] = {}

    async def login(request: Request) -> JSONResponse:
        data = (await _json(request))["data"]
        server.logins.append(data)
        if server.hang_login:
            await asyncio.wait_for(server.released.wait(), 180)
        if server.login_error is not None:
            code, message = server.login_error
            return JSONResponse({"success": False, "code": code, "message": message, "data": None})
        answer = json.loads((await fake.login_request(request)).body)
        answer["data"] |= {"masterToken": "master", "sessionId": 1234, "validityInSeconds": 3600}
        users[answer["data"]["token"]] = data
        return JSONResponse(answer)

    async def query(request: Request) -> JSONResponse:
        body = await _json(request)
        data = users.get(fake.to_token(request), {})
        sql = body["sqlText"]
        values = [one.get("value") for _, one in sorted((body.get("bindings") or {}).items())]
        server.asked.append(Asked(sql, values, data.get("SESSION_PARAMETERS", {})))
        for part, (code, state, message) in server.refuse.items():
            if part in sql:
                refusal = {"errorCode": code, "sqlState": state, "queryId": "01b0"}
                return JSONResponse({"success": False, "code": code, "message": message, "data": refusal})
        if server.hang and server.hang in sql:
            await asyncio.wait_for(server.released.wait(), 180)
            gone = {"errorCode": "000604", "sqlState": "57014", "queryId": "01b0"}
            return JSONResponse(
                {"success": False, "code": "000604", "message": "SQL execution canceled", "data": gone}
            )
        user = str(data.get("LOGIN_NAME", "")).replace("'", "''")
        body["sqlText"] = (
            _RECENT.sub(_RECENT_VIEW, sql)
            .replace("CURRENT_USER()", f"'{user}'")
            .replace(
                "CURRENT_TIMESTAMP()",
                f"CAST('{datetime.now(UTC) + server.ahead:%FT%T+00:00}' AS TIMESTAMP_TZ)",
            )
            .replace("CURRENT_ORGANIZATION_NAME() || '-' || CURRENT_ACCOUNT_NAME()", "'ACME-DATA'")
        )
        request._body = json.dumps(body).encode()
        request.scope["headers"] = [h for h in request.scope["headers"] if h[0] != b"content-encoding"]
        return await fake.query_request(Request(request.scope, _replay(request._body)))

    async def abort(request: Request) -> JSONResponse:
        server.aborted.append(await _json(request))
        server.released.set()
        return JSONResponse({"success": True})

    own = [
        Route("/session/v1/login-request", login, methods=["POST"]),
        Route("/queries/v1/query-request", query, methods=["POST"]),
        Route("/queries/v1/abort-request", abort, methods=["POST"]),
        Route("/telemetry/send", lambda _: JSONResponse({"success": True}), methods=["POST"]),
    ]
    return Starlette(routes=[*own, *fake.routes])


async def _json(request: Any) -> dict[str, Any]:
    body = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    found: dict[str, Any] = json.loads(body)
    return found


def _replay(body: bytes) -> Callable[[], Any]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


@contextmanager
def snowflake_server() -> Iterator[FakeSnowflake]:
    """A server on a free port of this machine, with empty tables."""
    import uvicorn

    server = FakeSnowflake()
    application = _application(server)
    server.query("ATTACH IF NOT EXISTS ':memory:' AS snowflake")
    server.clear()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server.port = listening.getsockname()[1]
        running = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not running.started:
            time.sleep(0.01)
        try:
            yield server
        finally:
            running.should_exit = True
            running.force_exit = True
            thread.join(10)
