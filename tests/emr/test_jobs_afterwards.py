"""What comes after a submission: the logs, the model, or the end."""

import gzip
import json

import pytest

from tests.emr.conftest import ROLE


@pytest.fixture
def run(sparkify, submission, application):
    """A run on Serverless that was started."""
    return sparkify(*submission, "--application", application, "--role", ROLE).splitlines()[0]


def test_the_drivers_logs_are_fetched_and_unpacked(sparkify, run, s3, bucket, tmp_path):
    application, job = run.split("/")
    folder = f"emr/applications/{application}/jobs/{job}"
    for name, text in (("SPARK_DRIVER/stdout.gz", "published\n"), ("SPARK_DRIVER/stderr.gz", "WARN something\n")):
        s3.put_object(Bucket=bucket, Key=f"{folder}/{name}", Body=gzip.compress(text.encode()))
    s3.put_object(Bucket=bucket, Key=f"{folder}/SPARK_EXECUTOR/1/stderr.gz", Body=gzip.compress(b"much"))
    said = sparkify("emr", "logs", run)
    assert "published\n" in said
    assert "WARN something\n" in said
    assert "much" not in said
    sparkify("emr", "logs", run, "--out", tmp_path)
    assert (tmp_path / "SPARK_DRIVER" / "stdout").read_text() == "published\n"


def test_a_steps_logs_are_its_own_and_those_of_the_driver_that_it_names(sparkify, cluster, s3, bucket, front):
    front.says("DescribeStep", {"Step": {"Status": {"State": "COMPLETED"}}})
    status = {"State": "WAITING"}
    front.says("DescribeCluster", {"Cluster": {"LogUri": f"s3n://{bucket}/emr/", "Status": status}})
    ours, other = "application_1_0001", "application_1_0002"
    files = {
        "steps/s-1/stderr.gz": f"Submitted application {ours}\n",
        f"containers/{ours}/container_1_0001_01_000001/stdout.gz": "published\n",
        f"containers/{ours}/container_1_0001_01_000002/stderr.gz": "an executor's\n",
        f"containers/{other}/container_1_0002_01_000001/stdout.gz": "somebody else's\n",
    }  # fmt: skip
    for name, text in files.items():
        s3.put_object(Bucket=bucket, Key=f"emr/{cluster}/{name}", Body=gzip.compress(text.encode()))
    said = sparkify("emr", "logs", f"{cluster}/s-1")
    assert f"Submitted application {ours}" in said
    assert "published\n" in said
    assert "executor's" not in said
    assert "somebody" not in said


def test_logs_that_have_not_come_and_one_that_is_half_written_are_said(complaint, run, s3, bucket):
    assert "holds no log of it yet" in complaint("emr", "logs", run)
    application, job = run.split("/")
    key = f"emr/applications/{application}/jobs/{job}/SPARK_DRIVER/stdout.gz"
    s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress(b"published")[:12])
    assert "not a whole .gz file" in complaint("emr", "logs", run)
    damaged = bytearray(gzip.compress(b"published"))
    damaged[10] = 0xFF  # no kind of block that deflate has
    s3.put_object(Bucket=bucket, Key=key, Body=bytes(damaged))
    assert "not a whole .gz file" in complaint("emr", "logs", run)


def test_a_run_is_cancelled(sparkify, complaint, run):
    assert sparkify("emr", "cancel", run) == f"{run} is being cancelled\n"
    assert "CANCELLED" in complaint("emr", "status", run)


def test_a_step_is_cancelled_with_its_process(sparkify, front):
    front.says("CancelSteps", {"CancelStepsInfoList": []})
    (planned,) = json.loads(sparkify("emr", "cancel", "j-1/s-1", "--dry-run"))
    assert not front.requests
    sparkify("emr", "cancel", "j-1/s-1")
    assert json.loads(front.asked("CancelSteps")[0].body) == planned["parameters"]
    assert planned["parameters"]["StepCancellationOption"] == "TERMINATE_PROCESS"


def test_a_step_that_aws_does_not_cancel_is_said(complaint, front):
    told = {"StepId": "s-1", "Status": "FAILED", "Reason": "Step is already in a final state"}
    front.says("CancelSteps", {"CancelStepsInfoList": [told]})
    assert "j-1/s-1: not cancelled: Step is already in a final state" in complaint("emr", "cancel", "j-1/s-1")


@pytest.fixture
def registry(s3, bucket):
    """A registry on S3 with a version in force; what its files hold is nobody's matter here."""
    for name, text in (("v1/model.json", "{}"), ("v1/pipeline/part-0", "trees"), ("v10/model.json", "{}")):
        s3.put_object(Bucket=bucket, Key=f"models/{name}", Body=text.encode())
    s3.put_object(Bucket=bucket, Key="models/current", Body=b"v1\n")
    return f"s3://{bucket}/models"


def test_the_model_in_force_is_copied_and_the_local_pointer_stays(sparkify, registry, tmp_path):
    said = sparkify("emr", "fetch", registry, "--models", tmp_path)
    assert f"`sparkify models promote v1 --models {tmp_path}` puts it in force" in said
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        "v1/model.json", "v1/pipeline/part-0"]  # fmt: skip
    assert (tmp_path / "v1" / "pipeline" / "part-0").read_text() == "trees"


def test_what_is_here_already_or_not_whole_there_is_refused_and_leaves_nothing(
    complaint, registry, s3, bucket, tmp_path
):
    models = ["--models", tmp_path]
    s3.put_object(Bucket=bucket, Key="models/v2/pipeline/part-0", Body=b"trees")
    assert "no model, model.json is missing" in complaint("emr", "fetch", registry, *models, "--version", "v2")
    (tmp_path / "v1").mkdir()
    assert "is here already" in complaint("emr", "fetch", registry, *models)
    assert "'../v1' is no version" in complaint("emr", "fetch", registry, *models, "--version", "../v1")
    assert "current is missing" in complaint("emr", "fetch", f"s3://{bucket}/nowhere", *models)
    assert [path.name for path in tmp_path.iterdir()] == ["v1"]


def test_a_model_is_not_fetched_into_a_folder_that_is_called_like_a_place_on_s3(
    complaint, registry, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPARKIFY_MODELS", registry)  # as `submit` wants it
    assert f"--models {registry}: wanted is a local folder" in complaint("emr", "fetch", registry)
    assert not list(tmp_path.iterdir())


def test_a_copy_that_is_not_what_lies_there_is_refused(complaint, registry, front, tmp_path):
    front.says("/models/v1/pipeline/part-0", {})
    assert "what came is not what lies there" in complaint("emr", "fetch", registry, "--models", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["../../out", "/etc/out"])
def test_a_name_that_leads_out_of_the_models_folder_is_refused(complaint, registry, s3, bucket, tmp_path, name):
    s3.put_object(Bucket=bucket, Key=f"models/v1/{name}", Body=b"elsewhere")
    assert "leads out of the model's folder" in complaint("emr", "fetch", registry, "--models", tmp_path / "models")
    assert not list(tmp_path.rglob("*out*"))
