"""Over a real Spark Connect server run_jobs refuses; needs Connect's own packages, such as grpcio."""

import os
import subprocess
import sys

import pytest

from dataeng_tui.demo.java import find_java

pytestmark = pytest.mark.spark

PROGRAM = """
import dataeng_tui.jobs as jobs
from pyspark.sql import SparkSession
spark = SparkSession.builder.remote("local[1]").config("spark.ui.enabled", "false").getOrCreate()
assert spark.range(3).count() == 3
try:
    jobs.run_jobs(spark, [], None, checkpoints="nowhere")
except jobs.JobError as error:
    print("refused:", error)
spark.stop()
"""


def test_a_session_over_spark_connect_is_refused() -> None:
    for name in ("grpc", "grpc_status", "pandas", "pyarrow", "google.protobuf"):
        pytest.importorskip(name)
    environment = {**os.environ, "JAVA_HOME": str(find_java().home), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, check=False, cwd="/"
    )
    assert "refused: Over Spark Connect" in done.stdout, done.stderr[-3000:]
