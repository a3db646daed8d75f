"""The step that EMR gets, on a real YARN: the very arguments, the package unpacked by YARN, everything on S3."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pyspark
import pytest

from churn.errors import BadSetup
from cloud.aws import Aws
from cloud.building import Architecture, built
from cloud.jobs import Job, Wish
from cloud.package import manifest_of, upload
from cloud.places import place
from cloud.sizing import sized
from cloud.steps import step_of
from producer.simulator import Settings as Population
from producer.simulator import write_log
from tests.conftest import missing
from tests.s3_server import client, variables

ROOT = Path(__file__).parents[2]
SPARK_SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"
BUCKET = "sparkify-yarn"
END_SECONDS = 900  # ends a hang


@pytest.fixture(scope="module")
def s3(server):
    """A bucket on the local S3 server, and its client."""
    made = client("s3", server)
    made.create_bucket(Bucket=BUCKET)
    yield made
    made.close()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The folder of a package as `sparkify emr package` builds it, and its manifest."""
    folder = tmp_path_factory.mktemp("package")
    try:
        built(ROOT, folder, Architecture.X86_64)
    except BadSetup as error:
        missing(str(error))
    return folder, manifest_of(folder, "0.1.0", Architecture.X86_64)


@pytest.fixture
def job(s3, server, package, tmp_path, monkeypatch):
    """A training whose log and package lie on S3."""
    for name, value in variables(server).items():
        monkeypatch.setenv(name, value)
    log = tmp_path / "log.json.gz"
    write_log(Population(150, 61, datetime(2018, 10, 1, tzinfo=UTC), 6), log)
    s3.upload_file(str(log), BUCKET, "logs/log.json.gz")
    folder, manifest = package
    upload(Aws(), folder, manifest, place(f"s3://{BUCKET}/package"))
    places = [place(f"s3://{BUCKET}/{name}") for name in ("logs", "models", "emr")]
    wish = Wish(*places, run="nightly", options=("--learner", "logistic"))
    return Job(wish, place(f"s3://{BUCKET}/package"), manifest, sized(10**9))


def test_the_step_that_emr_gets_trains_on_yarn(yarn, job, s3):
    _, *words = step_of(job, on_failure="CONTINUE")["HadoopJarStep"]["Args"]
    done = subprocess.run(
        [SPARK_SUBMIT, *words], env=yarn.environment, capture_output=True, text=True, check=False, timeout=END_SECONDS
    )
    assert done.returncode == 0, "\n".join([done.stderr[-3000:], *yarn.said("stdout"), *yarn.said("stderr")])
    version = s3.get_object(Bucket=BUCKET, Key="models/current")["Body"].read().decode().strip()
    assert any(f"{version} is now the current model of s3://{BUCKET}/models" in said for said in yarn.said("stdout"))
    containers = yarn.said("directory.info")
    assert len(containers) == 3  # the driver and two executors
    for container in containers:
        assert "./sparkify/batch_training/__main__.py" in container
        assert "./environment/numpy/__init__.py" in container
