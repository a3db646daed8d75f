"""A local AWS behind a door, a bucket, a package that was uploaded, and `sparkify` in this process."""

import sys
import uuid

import pytest

from cloud.aws import Aws
from cloud.building import Architecture
from cloud.package import NAMES, manifest_of, upload
from cloud.places import place
from sandbox.cli import main
from tests.emr.front import running_front
from tests.s3_server import client, variables

ROLE = "arn:aws:iam::123456789012:role/sparkify-training"


@pytest.fixture
def front(server, monkeypatch, tmp_path):
    """The door through which this test's calls go; no configuration of this machine's user plays in."""
    with running_front(server) as door:
        for name, value in variables(door.address).items():
            monkeypatch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "SPARKIFY_MODELS"):
            monkeypatch.delenv(name, raising=False)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.setenv(name, str(tmp_path / "none"))
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
        yield door


@pytest.fixture
def s3(server):
    """S3 behind the door, for what a test prepares."""
    made = client("s3", server)
    yield made
    made.close()


@pytest.fixture
def bucket(s3, front):
    """A bucket of this test's own, with a log of 1,000 bytes in it."""
    name = f"sparkify-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="logs/2018/log.json", Body=b"x" * 1000)
    return name


@pytest.fixture
def built(tmp_path):
    """A package's files as they lie after a build, and its manifest."""
    folder = tmp_path / "built"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_text(f"content of {name}")
    manifest_of(folder, "0.1.0", Architecture.X86_64)
    return folder


@pytest.fixture
def package(built, bucket):
    """A package that was uploaded."""
    target = f"s3://{bucket}/package"
    upload(Aws(), built, manifest_of(built, "0.1.0", Architecture.X86_64), place(target))
    return target


@pytest.fixture
def application(server, front):
    """A Serverless application; the local server takes no label like emr-spark-…."""
    return new_application(server, "emr-7.13.0")


def new_application(server, release, **settings):
    """An application of this release."""
    made = client("emr-serverless", server)
    made_up = made.create_application(name="sparkify", releaseLabel=release, type="SPARK", **settings)
    made.close()
    return made_up["applicationId"]


@pytest.fixture
def cluster(server, front):
    """A cluster on EC2 that runs."""
    return new_cluster(server, "emr-7.13.0")


def new_cluster(server, release):
    """A running cluster of this release."""
    made = client("emr", server)
    node = {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}
    instances = {"InstanceGroups": [node], "KeepJobFlowAliveWhenNoSteps": True}
    settings = {"Name": "ours", "ReleaseLabel": release, "LogUri": "s3n://logs/emr/", "Instances": instances}
    made_up = made.run_job_flow(**settings, JobFlowRole="nodes", ServiceRole="service")
    made.close()
    return made_up["JobFlowId"]


@pytest.fixture
def sparkify(front, monkeypatch, capsys):
    """A function that runs `sparkify ARGUMENTS`, expects exit code 0, and gives what was printed."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["sparkify", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        assert left.value.code == 0, printed.err
        return printed.out

    return run


@pytest.fixture
def submission(bucket, package):
    """The words of a submission but for where it runs."""
    return ["emr", "submit", f"s3://{bucket}/logs", "--models", f"s3://{bucket}/models", "--package", package,
            "--logs", f"s3://{bucket}/emr", "--run", "nightly"]  # fmt: skip
