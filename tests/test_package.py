"""The wheel: what people get from ``pip install dataeng-tui``."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


def test_the_wheel_has_every_sql_file(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for file in (ROOT / "sql").rglob("*"):
        if file.is_file():
            assert f"dataeng_tui/_sql/{file.relative_to(ROOT / 'sql')}" in names


def test_the_main_commands_run_from_the_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    """An environment that has this one's libraries but nothing of the checkout."""
    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    site = next((home / "lib").glob("python3*")) / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # The libraries come from here, last on the path and without the .pth file that points at the checkout.
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *libraries])}
    csv = tmp_path / "history.csv"
    csv.write_text(
        "QUERY_ID,START_TIME,END_TIME,USER_NAME\n"
        "q1,2026-03-12 19:04:55.583 -0400,2026-03-12 19:04:56.583 -0400,ANNA\n",
        encoding="utf-8",
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        python = [str(home / "bin" / "python"), "-m", "dataeng_tui", *arguments]
        return subprocess.run(
            python, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )

    where = subprocess.run(
        [str(home / "bin" / "python"), "-c", "import dataeng_tui; print(dataeng_tui.__file__)"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(site) in where.stdout
    assert "additive" in run("replay", "list").stdout
    assert run("replay", "check", "additive").returncode == 1
    assert run("replay", "check", "one-to-many").returncode == 0
    told = run("after-hours", "--history", str(csv), "--timezone", "America/New_York", "--format", "json")
    assert told.returncode == 0, told.stderr
    assert '"after_hours_minutes": 15' in told.stdout
    assert run("doctor").returncode == 0
