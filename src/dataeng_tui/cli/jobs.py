"""``dataeng-tui jobs``: run a file's streaming jobs, or prove their SQL in the replay sandbox."""

import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataeng_tui.errors import UserError, missing
from dataeng_tui.settings import Settings
from dataeng_tui.text import clean

if TYPE_CHECKING:
    from dataeng_tui.jobs import Job, Outcome

_FILE = click.argument("file", metavar="FILE.py", type=click.Path(path_type=Path, dir_okay=False))
_ADVICE = """
  run_jobs writes a redelivered batch once, by its ledger; with another checkpoint, or in a plain
  foreachBatch, only the SQL can: let it set values (n = excluded.n), not add them.
"""
DIALECTS = ("sqlite", "postgres", "duckdb", "snowflake", "databricks")


@dataclass(frozen=True, slots=True)
class JobFile:
    """What a file of jobs defines: ``jobs`` and, to run them, ``database`` and perhaps ``checkpoints``."""

    path: Path
    jobs: "list[Job[Any, Any]]"
    database: Callable[[], Any] | None
    checkpoints: str


@click.group("jobs")
def command() -> None:
    """Run many streaming jobs in one Spark session, or check their SQL.

    FILE.py defines `jobs`, a list of dataeng_tui.jobs.Job, and `database`, which opens a DB-API connection.
    """


@command.command("run")
@_FILE
@click.option("--max-concurrent-jobs", type=click.IntRange(min=1), metavar="N", help="The rest wait; all.")
@click.option("--checkpoints", metavar="FOLDER", help="Instead of the file's own `checkpoints`.")
def run(file: Path, max_concurrent_jobs: int | None, checkpoints: str | None) -> int:
    """Run the jobs here until each has ended; SIGTERM and Ctrl+C stop them when their batches have.

    Exits with 1 when a job was given up.
    """
    from dataeng_tui.demo.java import use_java

    loaded = _load(file)
    if loaded.database is None:
        raise UserError(f"{file} defines no `database`, a function that opens a DB-API connection.")
    use_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    from pyspark.sql import SparkSession

    from dataeng_tui.jobs import JobError, run_jobs

    # Every failure is told below, once.
    for name in ("py4j", "pyspark", "DataFrameQueryContextLogger", "dataeng_tui.jobs"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    theirs = SparkSession.getActiveSession()  # which the file has opened itself
    builder = SparkSession.builder.appName(loaded.path.stem).config("spark.scheduler.mode", "FAIR")
    try:
        session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    except Exception as error:  # its Java says why, above
        raise UserError(f"Spark does not start: {clean(error, 200)}") from None
    session.sparkContext.setLogLevel("OFF")
    if not theirs and "spark.sql.shuffle.partitions" not in dict(session.sparkContext.getConf().getAll()):
        # Spark's own 200 are for a cluster: each is a task, and a folder of state, in every batch.
        session.conf.set("spark.sql.shuffle.partitions", str(session.sparkContext.defaultParallelism))
    click.echo(f"Spark {session.version}, its pages at {session.sparkContext.uiWebUrl}")
    try:
        outcomes = run_jobs(
            session,
            loaded.jobs,
            loaded.database,
            checkpoints=checkpoints or loaded.checkpoints,
            max_concurrent_jobs=max_concurrent_jobs,
            on_change=lambda outcome: click.echo(_line(outcome)),
        )
    except JobError as error:
        raise UserError(clean(error)) from None
    finally:
        with suppress(Exception):  # a signal to the whole process group ends its Java first
            session.stop()
    click.echo("\n".join(_summary(outcomes)))
    return int(any(outcome.state == "failed" for outcome in outcomes))


@command.command("check")
@_FILE
@click.option(
    "--dialect", type=click.Choice(DIALECTS), default="sqlite", show_default=True, help="The SQL's."
)
@click.option("--keep", metavar="FOLDER", type=click.Path(path_type=Path), help="Keep the scenarios there.")
@click.pass_obj
def check(settings: Settings, file: Path, dialect: str, keep: Path | None) -> int:
    """Deliver each job's micro-batches again and from the start: is the table the same?

    Spark hands a batch over again when its driver died before it committed the offsets, and all of them when
    the checkpoint is replaced. Exits with 1 when a table differs, with 3 when that is undecided.
    """
    from dataeng_tui.cli.job_scenarios import write_scenario
    from dataeng_tui.replay import report
    from dataeng_tui.services import Services

    loaded = _load(file)
    codes = {0}
    with tempfile.TemporaryDirectory() as temporary, closing(Services(settings)) as services:
        for job in loaded.jobs:
            name = re.sub(r"[^\w .-]", "-", job.name)
            scenario = services.replay.load(write_scenario(job, (keep or Path(temporary)) / name, dialect))
            verdict = services.replay.check(scenario)
            codes.add(verdict.exit_code)
            click.echo(report.text(verdict, scenario))
            click.echo(_ADVICE if verdict.exit_code == 1 else "")
    return 1 if 1 in codes else max(codes)


def _load(path: Path) -> JobFile:
    try:
        import dataeng_tui.jobs as slice_
    except ImportError:
        raise missing("PySpark", "spark") from None
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    spec = spec_from_file_location(path.stem, path.resolve())
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is no Python file: its name must end in .py.")
    module = module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    sys.modules.setdefault(
        "jobs", slice_
    )  # a file for spark-submit --py-files jobs.py says: from jobs import Job
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(f"{path} cannot be imported: {type(error).__name__}: {clean(error, 200)}.") from None
    jobs = getattr(module, "jobs", None)
    if not isinstance(jobs, list | tuple) or not jobs or not all(isinstance(job, slice_.Job) for job in jobs):
        raise UserError(f"{path} defines no `jobs`, a list of dataeng_tui.jobs.Job.")
    database = getattr(module, "database", None)
    if not callable(database) and database is not None:
        raise UserError(f"{path}: its `database` must be a function that opens a DB-API connection.")
    home = getattr(module, "checkpoints", f"{path.stem}-checkpoints")
    return JobFile(path, list(jobs), database, str(home))


def _line(outcome: "Outcome") -> str:
    told = f"{outcome.job}: {outcome.state}"
    return f"{told}: {clean(outcome.message)}" if outcome.message else told


def _summary(outcomes: "list[Outcome]") -> list[str]:
    heads = ("job", "state", "batches", "rows", "dead letters", "redelivered", "restarts")
    rows = [(o.job, o.state, o.batches, o.rows, o.dead_letters, o.redelivered, o.restarts) for o in outcomes]
    table = [heads, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
    return [
        "  ".join(
            cell.ljust(w) if i < 2 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    ]
