"""A topic's groups checked over all cores, or over Spark: the same pure function, mapped."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory

from dataeng_tui.errors import UserError, missing
from dataeng_tui.replay.contained import Contained
from dataeng_tui.replay.topic import NOTHING, Group, Part, Topic, check_groups

Told = Callable[[Part, int], object]  # what is known so far, of how many groups
PORTIONS = 16  # for each core: so many signs of life, and an even load


def portions(groups: Sequence[Group], workers: int) -> list[tuple[Group, ...]]:
    """The groups in portions of about as many events each, the longest groups first."""
    count = max(min(workers * PORTIONS, len(groups)), 1)
    ordered = sorted(groups, key=lambda group: -len(group.events))
    return [tuple(ordered[at::count]) for at in range(count)]


def on_cores(
    topic: Topic, faults: Sequence[str], seconds: float, workers: int | None = None, told: Told | None = None
) -> Part:
    """Check the groups in as many processes as there are cores, or ``workers``; each can be killed.

    ``seconds`` bounds each group. Raises UserError for SQL that does not hold.
    """
    workers = workers or os.cpu_count() or 1
    contained, total = Contained(), NOTHING
    try:
        with ThreadPoolExecutor(workers) as pool:
            waiting = [
                pool.submit(
                    contained.call,
                    check_groups,
                    (topic.scenario, part, faults, seconds),
                    2 * len(part) * seconds,  # one that is not proved at once is searched anew
                )
                for part in portions(topic.groups, workers)
            ]
            try:
                for done in as_completed(waiting):
                    total += done.result()
                    if told is not None:
                        told(total, len(topic.groups))
            except BaseException:
                for other in waiting:
                    other.cancel()
                contained.close()
                raise
    finally:
        contained.close()
    return total


def on_spark(topic: Topic, faults: Sequence[str], seconds: float, master: str) -> Part:
    """The same on Spark, whose executors need a Python like ours and nothing else: the package is sent along.

    ``master`` is Spark's own word for where: ``local[2]``, ``yarn``, ``spark://host:7077``. Raises UserError
    without pyspark and for what Spark cannot do.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise missing("pyspark", "spark") from None
    stub, given = topic.scenario, tuple(faults)

    def checked(parts: Iterable[tuple[Group, ...]]) -> Iterable[Part]:
        for part in parts:
            yield check_groups(stub, part, given, seconds)

    if master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with TemporaryDirectory() as folder:
        try:
            builder = SparkSession.builder.master(master).appName("dataeng-tui replay check")
            session = builder.config("spark.log.level", "ERROR").getOrCreate()
            try:
                context = session.sparkContext
                context.addPyFile(_package(folder))
                cut = portions(topic.groups, context.defaultParallelism)
                spread = context.parallelize(cut, len(cut)).mapPartitions(checked)
                total = sum(spread.collect(), NOTHING)
            finally:
                session.stop()
        except (Py4JError, PySparkException) as error:
            first = str(error).strip().splitlines()[0]
            raise UserError(f"Spark at {master} cannot check the dump: {first}") from None
    return total


def _package(folder: str) -> str:
    """This package in a zip, for the executors."""
    root = Path(__file__).resolve().parents[1]
    return shutil.make_archive(str(Path(folder) / root.name), "zip", root.parent, root.name)
