"""A PostgreSQL server for one test run, from Debian's package:  apt-get install postgresql

The server refuses to run as root: then it runs as that package's user postgres. It listens on a socket in a
folder of its own, on no port; both are gone at the end. POSTGRES_BIN may name the folder of another initdb.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def postgres() -> Iterator[str]:
    """The connection string of a new, empty server."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    bin_ = (
        Path(os.environ["POSTGRES_BIN"])
        if "POSTGRES_BIN" in os.environ
        else places[-1].parent
        if places
        else None
    )
    if bin_ is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="dataeng-tui-postgres-"))
    if root:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)

    def run(program: str, *arguments: str) -> None:
        command = [str(bin_ / program), *arguments]
        done = subprocess.run(
            ["runuser", "-u", "postgres", "--", *command] if root else command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=(folder / "out").open("ab"),
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, (folder / "out").read_text()

    data = str(folder / "data")
    try:
        run("initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync")
        run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -h ''", "start")
        try:
            yield f"host={folder} user=tester dbname=postgres"
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
