"""Logs, models and results on S3: the programs as their users run them, against a real S3 API."""

import csv
import io
import os
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime

import pytest

from producer.pacing import Pace
from producer.replay import Selection, publisher, replay, selected
from producer.simulator import Settings as Population
from producer.simulator import write_log
from tests.s3_server import running_server, s3_with, variables

BUCKET = "sparkify-test"


@pytest.fixture(scope="module")
def bucket(server):
    """An empty bucket."""
    with s3_with(BUCKET, server) as s3:
        yield s3


@pytest.fixture(scope="module")
def sparkify(server, bucket):
    """A function that runs `sparkify ARGUMENTS` with the local S3 server as its S3, unless the environment changes."""

    def run(*arguments, **changes):
        environment = {**os.environ, **variables(server), **changes}
        return subprocess.run(
            [sys.executable, "-m", "sandbox", *arguments],
            capture_output=True, text=True, check=False, timeout=1200,
            env={name: value for name, value in environment.items() if value is not None},
        )  # fmt: skip

    return run


def keys(bucket, prefix):
    """The names of the objects below the prefix."""
    return [entry["Key"] for entry in bucket.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A simulated log."""
    path = tmp_path_factory.mktemp("log") / "log.json.gz"
    write_log(Population(150, 61, datetime(2018, 10, 1, tzinfo=UTC), 5), path)
    return path


@pytest.fixture(scope="module")
def models(sparkify, bucket, log):
    """A registry on S3 with a model of the log, which lies there too."""
    bucket.upload_file(str(log), BUCKET, "logs/2018/log.json.gz")
    trained = sparkify("train", f"s3://{BUCKET}/logs", "--models", f"s3://{BUCKET}/models")
    assert trained.returncode == 0, trained.stderr[-2000:]
    return f"s3://{BUCKET}/models"


def test_a_log_on_s3_becomes_a_model_on_s3_that_predicts_to_s3(sparkify, bucket, models):
    version = bucket.get_object(Bucket=BUCKET, Key="models/current")["Body"].read().decode().strip()
    assert {f"models/{version}/{name}" for name in ("model.json", "report.html")} <= set(keys(bucket, "models/"))
    out = f"s3://{BUCKET}/scores/today.csv"
    predicted = sparkify("predict", f"s3://{BUCKET}/logs", "--as-of", "2018-11-20", "--model", models, "--out", out)
    assert predicted.returncode == 0, predicted.stderr[-2000:]
    assert keys(bucket, "scores/") == ["scores/today.csv"]
    text = bucket.get_object(Bucket=BUCKET, Key="scores/today.csv")["Body"].read().decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) > 100
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)


def test_a_registry_on_s3_is_listed_and_its_pointer_moved(sparkify, bucket, models):
    version = bucket.get_object(Bucket=BUCKET, Key="models/current")["Body"].read().decode().strip()
    listed = sparkify("models", "list", "--models", models)
    assert listed.returncode == 0, listed.stderr[-2000:]
    assert version in listed.stdout
    refused = sparkify("models", "rollback", "--models", models)
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False), refused.stderr[-2000:]
    assert f"no version was in force before {version}" in refused.stderr
    history = bucket.get_object(Bucket=BUCKET, Key="models/history")["Body"].read().decode()
    assert history.startswith(f"{version} 20")


def test_a_stream_takes_its_model_from_s3(sparkify, models, log, broker, topic_names, tmp_path):
    topic, results = topic_names
    names = {"topic": topic, "scores-topic": results.scores, "alerts-topic": results.alerts}
    names |= {"rejected-topic": results.rejected, "bootstrap": broker, "models": models}
    words = [word for name, value in names.items() for word in (f"--{name}", value)]
    with publisher(broker, topic, dry_run=False) as sink:
        replay(selected(Selection(log, limit=1000)), sink, Pace())
    scored = sparkify("score", *words, "--checkpoint", str(tmp_path / "checkpoint"), "--available-now")
    assert scored.returncode == 0, scored.stderr[-2000:]
    assert "total read 1000 = state " in scored.stdout


@pytest.mark.parametrize("log", [f"s3://{BUCKET}/nowhere", "s3://no-such-bucket-here/logs"])
def test_a_log_that_is_not_on_s3_is_one_line_and_exit_code_1(sparkify, log):
    done = sparkify("train", log, "--models", f"s3://{BUCKET}/other")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"error: {log}: " in done.stderr


@pytest.fixture
def refusing():
    """The address of an S3 that knows nobody."""
    with running_server() as address:
        plain = {"Content-Type": "text/plain"}
        told = urllib.request.Request(f"{address}/moto-api/reset-auth", b"0", plain)
        with urllib.request.urlopen(told) as answer:
            assert answer.status == 200
        yield address


def models_refused(sparkify, place, **changes):
    """What `models list` says, in its one line, of a registry that it cannot look at."""
    done = sparkify("models", "list", "--models", place, **changes)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr[-2000:]
    (line,) = (row for row in done.stderr.splitlines() if row.startswith("error: "))
    assert line.startswith(f"error: {place}: ")
    return line


def test_without_credentials_it_is_said_which_are_wanted(sparkify):
    nobody = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    said = models_refused(sparkify, f"s3://{BUCKET}/models", **nobody)
    assert "no AWS credentials; set AWS_ACCESS_KEY_ID and" in said


def test_refused_credentials_are_one_line(sparkify, refusing):
    said = models_refused(sparkify, f"s3://{BUCKET}/models", AWS_ENDPOINT_URL_S3=refusing)
    assert "S3 refuses it to these credentials" in said


def test_a_bucket_that_is_not_there_is_one_line(sparkify):
    assert "there is no such bucket" in models_refused(sparkify, "s3://no-such-bucket-here/models")
