"""The programs on Spark's own cluster: two workers that share nothing with the driver but Kafka and a path."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.request import urlopen

import pyspark
import pytest

from churn.state import state_columns
from churn_io.coordinates import CONNECTOR
from churn_io.storage import Storage
from sandbox.broker import HOST, free_ports
from streaming.checkpoint import Checkpoint
from streaming.job import run
from streaming.sweep import stored_states
from tests.builders import by_time, grumbler, listener
from tests.churn.test_state import assert_same
from tests.cluster.standalone import kill
from tests.conftest import new_topics
from tests.streaming.conftest import CARD, draining, publish_model, sending, values
from tests.streaming.programs import START_SECONDS, score_words, scoring_processes
from tests.topic_reading import all_records

ROOT = Path(__file__).parents[2]
SPARK_SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"
NO_PYTHON = "/nowhere/python"  # what the executors are told to start should they need one
UI_SECONDS = 5  # for an answer of the UI


@dataclass(frozen=True)
class Expected:
    """A job whose topic is filled, and what it comes to in one process, local[2]."""

    job: object
    total: str
    scores: dict
    states: dict


@pytest.fixture(scope="module")
def expected(spark, broker, classifier, tmp_path_factory):
    """Three users for 30 days, one of whom falls silent, and two records that are none."""
    folder = tmp_path_factory.mktemp("local")
    publish_model(spark, str(folder / "models"), classifier, CARD)
    topics = new_topics(broker)
    job = draining(broker, topics, str(folder / "models"), folder)
    with sending(broker, topics[0]) as send:
        events = by_time(grumbler("angry", range(30)), listener("calm", range(12)), grumbler("cross", range(30)))
        for number in range(2):  # each of the topic's partitions has something to lose
            send([*events[number::2], b"garbage"], partition=number)
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
    return {(row.user_id, row.window_start_ms): dict(zip(state_columns(), row[2:], strict=True)) for row in rows}


def assert_as_expected(spark, job, said, expected):
    """The books, scores and states are those of one process."""
    assert f"total {expected.total}" in said
    assert scores_of(job) == pytest.approx(expected.scores, abs=1e-9)
    states = states_of(spark, job)
    assert states.keys() == expected.states.keys()
    for key, state in states.items():
        assert_same(state, expected.states[key])


@pytest.fixture
def ui(monkeypatch, tmp_path):
    """An environment without a Python for executors, with a small cluster's settings; and the address of Spark's UI."""
    (port,) = free_ports(0)
    (tmp_path / "spark-defaults.conf").write_text(
        f"spark.sql.shuffle.partitions 2\nspark.ui.port {port}\nspark.shuffle.io.maxRetries 1\n"
    )
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    monkeypatch.setenv("SPARK_LOCAL_IP", HOST)
    monkeypatch.setenv("PYSPARK_PYTHON", NO_PYTHON)
    monkeypatch.setenv("PYSPARK_DRIVER_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return f"http://{HOST}:{port}/api/v1/applications"


def test_spark_submit_scores_on_a_cluster_what_one_process_scores(standalone, spark, expected, ui, tmp_path):
    job = elsewhere(expected.job, tmp_path)
    connector = ":".join(CONNECTOR.whole[0])
    options = ["--master", standalone.address, "--packages", connector, "--total-executor-cores", "2"]
    words = [SPARK_SUBMIT, *options, ROOT / "streaming" / "__main__.py", *score_words(job, "--available-now")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=START_SECONDS)
    assert done.returncode == 0, done.stderr[-3000:]
    assert_as_expected(spark, job, done.stdout, expected)


def test_a_worker_that_dies_in_mid_batch_changes_no_score_and_no_count(standalone, spark, expected, ui, tmp_path):
    job = elsewhere(expected.job, tmp_path)
    with scoring_processes(tmp_path) as begin:
        stream = begin([*score_words(job, "--available-now"), "--master", standalone.address])
        await_second_stage(ui, 1, stream)
        kill(standalone.workers[-1])
        standalone.add_worker()
        assert stream.process.wait(START_SECONDS) == 0, stream.said[-3000:]
    assert_as_expected(spark, job, stream.said, expected)


def await_second_stage(ui, batch, stream):
    """Wait until the batch has shuffled its records: what a worker that dies now has written of them is missed."""
    deadline = time.monotonic() + START_SECONDS
    while not any(has_shuffled(job, batch) for job in running_jobs(ui)):
        assert time.monotonic() < deadline, stream.said[-2000:]
        assert stream.process.poll() is None, stream.said[-2000:]
        time.sleep(0.02)


def has_shuffled(job, batch):
    """Whether it is of that batch, and beyond its first stage."""
    return job.get("description", "").endswith(f"batch = {batch}") and job["numCompletedStages"] > 0


def running_jobs(ui):
    """What Spark's UI says of the jobs that run now; none while there is no UI."""
    try:
        with urlopen(ui, timeout=UI_SECONDS) as answer:
            (application,) = json.load(answer)
        with urlopen(f"{ui}/{application['id']}/jobs?status=running", timeout=UI_SECONDS) as answer:
            return json.load(answer)
    except (OSError, ValueError):  # a page while Spark starts
        return []


def test_training_on_a_cluster_puts_a_model_in_force(standalone, ui, log, tmp_path):
    words = ["train", log, "--models", str(tmp_path / "models"), "--learner", "logistic"]
    command = [sys.executable, "-m", "batch_training", *words, "--master", standalone.address]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=START_SECONDS)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "is now the current model of" in done.stdout
