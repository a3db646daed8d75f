"""Spark's start: what is left to spark-submit, and Ctrl-C, after which no JVM outlives the program."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from churn_io.session import JAVA_OPTIONS_NAME, OWN_SPARK, PATIENCE, SETTINGS, own_spark


def children(pid):
    """The processes that `pid` started."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="tells processes apart by /proc")
@pytest.mark.parametrize("seconds", [0.3, 2])
def test_an_interrupt_while_spark_starts_leaves_no_jvm(spark, tmp_path, seconds):
    """(`spark`: the jars are there.)"""
    (tmp_path / "log.json").write_text("{}")
    command = [sys.executable, "-m", "sandbox", "train", str(tmp_path / "log.json"), "--models", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    while not (jvms := children(process.pid)):
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    said, _ = process.communicate(timeout=180)
    assert process.returncode == 130, said.decode()
    assert "Traceback" not in said.decode()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{jvm}").exists() for jvm in jvms):
        assert time.monotonic() < deadline, f"{jvms} live on"
        time.sleep(0.1)


def test_what_a_cluster_knows_better_is_not_among_the_settings_that_it_is_given(spark):
    """(`spark`: the jars are there.)"""
    ours = {*OWN_SPARK, JAVA_OPTIONS_NAME}
    assert not ours & set(own_spark("spark://127.0.0.1:7077", on_s3=False))
    assert ours <= set(own_spark("local[2]", on_s3=False))
    assert {"spark.driver.host", "spark.driver.bindAddress", "spark.sql.shuffle.partitions"} <= set(OWN_SPARK)
    assert not {"spark.master", "spark.driver.memory", "spark.jars", *OWN_SPARK} & set(SETTINGS)


@pytest.mark.parametrize(
    ("master", "found"),
    [
        ("spark://127.0.0.1:1", "Connection refused"),
        ("spark://127.0.0.1:1,127.0.0.1:2", "; 127.0.0.1:2: "),
        ("spark://127.0.0.1", "127.0.0.1: wanted is HOST:PORT"),
    ],
)
def test_a_cluster_that_does_not_answer_is_one_line_before_spark_starts(complaint, tmp_path, master, found):
    (tmp_path / "log.json").write_text("{}")
    said = complaint("train", tmp_path / "log.json", "--models", tmp_path, "--master", master)
    assert said.startswith(f"error: {master}: no Spark master answers there")
    assert found in said


def test_the_jvm_was_started_with_the_patience_that_it_is_to_have(spark):
    beans = spark._jvm.java.lang.management.ManagementFactory
    given = list(beans.getRuntimeMXBean().getInputArguments())
    assert {f"-XX:{name}={value}" for name, value in PATIENCE.items()} <= set(given)


def test_the_jvms_threads_share_few_arenas_of_memory_here_and_on_executors(spark):
    assert spark.sparkContext.getConf().get("spark.executorEnv.MALLOC_ARENA_MAX") == "2"
    assert spark._jvm.System.getenv("MALLOC_ARENA_MAX") == os.environ["MALLOC_ARENA_MAX"] == "2"
