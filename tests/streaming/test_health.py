"""A heartbeat beats with a query's batches, and what the stream's health check says of its age."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streaming.health import HEARTBEAT, STALE, complaint
from streaming.heartbeat import Heartbeat

NOW_S = 1_800_000_000.0


@pytest.fixture
def heartbeat(tmp_path):
    """A heartbeat's file, touched 100 seconds ago."""
    file = tmp_path / "heartbeat"
    file.touch()
    os.utime(file, (NOW_S - 100, NOW_S - 100))
    return file


def drained(spark, folder):
    """A query over the folder's files has ended, and whoever listens has heard so."""
    rows = spark.readStream.schema("n long").parquet(str(folder / "in"))
    query = rows.writeStream.format("noop").option("checkpointLocation", str(folder / "checkpoint"))
    query.trigger(availableNow=True).start().awaitTermination()
    spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()


def test_a_batch_is_a_beat_and_a_mere_start_is_none(spark, tmp_path):
    own, file = spark.newSession(), tmp_path / "new" / "heartbeat"
    Heartbeat(file).listen(own)
    (tmp_path / "in").mkdir()
    drained(own, tmp_path)
    assert not file.exists()
    own.range(1).withColumnRenamed("id", "n").write.mode("append").parquet(str(tmp_path / "in"))
    drained(own, tmp_path)
    assert file.exists()


def test_a_stream_that_turned_over_within_its_time_is_well(heartbeat):
    assert complaint(heartbeat, 100, NOW_S) is None


def test_a_stream_that_is_silent_for_longer_is_not(heartbeat):
    assert complaint(heartbeat, 99, NOW_S) == (
        "the stream turned over 100 s ago, SPARKIFY_STALE_SECONDS allows 99; see its log"
    )


def test_a_stream_that_never_turned_over_is_not(tmp_path):
    assert complaint(tmp_path / "none", 100, NOW_S).startswith("no batch is done yet")


@pytest.mark.parametrize(
    ("set_up", "code", "said"),
    [
        ({HEARTBEAT: __file__, STALE: "99999999999"}, 0, ""),
        ({HEARTBEAT: __file__, STALE: "0"}, 1, "SPARKIFY_STALE_SECONDS allows 0"),
        ({HEARTBEAT: __file__, STALE: "soon"}, 1, "SPARKIFY_STALE_SECONDS is 'soon'; set it to whole seconds"),
        ({}, 1, "SPARKIFY_HEARTBEAT names no file"),
    ],
)
def test_the_check_is_an_exit_code_and_a_line(set_up, code, said):
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), **set_up}
    command = [sys.executable, "-m", "streaming.health"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 1
