"""The programs on Spark's own cluster: two workers that share nothing with the driver but Kafka and a path."""

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pyspark
import pytest

from churn_io.coordinates import CONNECTOR
from churn_io.storage import Storage
from streaming.checkpoint import Checkpoint
from streaming.job import run
from streaming.sweep import stored_states
from tests.builders import by_time, grumbler, listener
from tests.cluster.standalone import kill
from tests.conftest import new_topics
from tests.streaming.conftest import CARD, draining, publish_model, sending, values
from tests.streaming.programs import START_SECONDS, score_words, scoring_processes
from tests.topic_reading import all_records

ROOT = Path(__file__).parents[2]
SPARK_SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"
NO_PYTHON = "/nowhere/python"  # what the executors are told to start should they need one


@dataclass(frozen=True)
class Expected:
    """A job whose topic is filled, and what it comes to in one process, local[2]."""

    job: object
    total: str
    scores: dict
    states: dict


@pytest.fixture(scope="module")
def expected(spark, broker, classifier, tmp_path_factory):
    """Three users for 30 days, one of whom falls silent, and a record that is none."""
    folder = tmp_path_factory.mktemp("local")
    publish_model(spark, str(folder / "models"), classifier, CARD)
    topics = new_topics(broker)
    job = draining(broker, topics, str(folder / "models"), folder)
    with sending(broker, topics[0]) as send:
        events = by_time(grumbler("angry", range(30)), listener("calm", range(12)), grumbler("cross", range(30)))
        send([*events[:100], b"garbage", *events[100:]])
    total = run(spark, job).in_words()
    return Expected(job, total, scores_of(job), states_of(spark, job))


def elsewhere(job, folder):
    """The same job with a checkpoint and result topics of its own."""
    _, results = new_topics(job.source.bootstrap)
    return replace(job, topics=results, checkpoint=str(folder / "checkpoint"))


def scores_of(job):
    """Each score by user and moment; what a repeated batch says twice, once."""
    records = values(all_records(job.topics.scores, bootstrap_servers=job.source.bootstrap))
    return {(score["user_id"], score["as_of"]): score["probability"] for score in records}


def states_of(spark, job):
    """Each stored state, by user and window."""
    checkpoint = Checkpoint(Storage(spark), job.checkpoint)
    rows = stored_states(spark, checkpoint.spark_folder, checkpoint.last_committed()).collect()
    return {(row.user_id, row.window_start_ms): row.asDict() for row in rows}


def assert_same(spark, job, said, expected):
    """The books, scores and states are those of local[2]."""
    assert f"total {expected.total}" in said
    assert scores_of(job) == pytest.approx(expected.scores, abs=1e-9)
    states = states_of(spark, job)
    assert states.keys() == expected.states.keys()
    for key, state in states.items():
        assert state == pytest.approx(expected.states[key], rel=1e-9), key


@pytest.fixture
def on_cluster(monkeypatch, tmp_path):
    """An environment in which executors have no Python, and Spark's defaults are a small cluster's."""
    (tmp_path / "spark-defaults.conf").write_text("spark.sql.shuffle.partitions 2\nspark.ui.enabled false\n")
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    monkeypatch.setenv("PYSPARK_PYTHON", NO_PYTHON)
    monkeypatch.setenv("PYSPARK_DRIVER_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def test_spark_submit_scores_on_a_cluster_what_one_process_scores(standalone, spark, expected, on_cluster, tmp_path):
    job = elsewhere(expected.job, tmp_path)
    connector = ":".join(CONNECTOR.whole[0])
    options = ["--master", standalone.address, "--packages", connector, "--total-executor-cores", "2"]
    words = [SPARK_SUBMIT, *options, ROOT / "streaming" / "__main__.py", *score_words(job, "--available-now")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=START_SECONDS)
    assert done.returncode == 0, done.stderr[-3000:]
    assert_same(spark, job, done.stdout, expected)


def test_a_worker_that_dies_in_mid_stream_changes_no_score(standalone, spark, expected, on_cluster, tmp_path):
    job = elsewhere(expected.job, tmp_path)
    extra = standalone.add_worker()
    with scoring_processes(tmp_path) as begin:
        stream = begin([*score_words(job, "--available-now"), "--master", standalone.address])
        stream.await_text(" batch 1 ")
        kill(extra)
        assert stream.process.wait(START_SECONDS) == 0, stream.said[-3000:]
    assert_same(spark, job, stream.said, expected)


def test_training_on_a_cluster_puts_a_model_in_force(standalone, on_cluster, log, tmp_path):
    words = ["train", log, "--models", str(tmp_path / "models"), "--learner", "logistic"]
    command = [sys.executable, "-m", "batch_training", *words, "--master", standalone.address]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=START_SECONDS)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "is now the current model of" in done.stdout
