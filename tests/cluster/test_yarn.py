"""The step that EMR gets, on a real YARN: the very arguments, the package unpacked by YARN, everything on S3."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from batch_training.logs import accepted_events
from batch_training.prediction import predict
from churn.errors import BadSetup
from churn_io.registry import model_at
from cloud.aws import Aws
from cloud.building import Architecture, built
from cloud.jobs import Job, Wish
from cloud.model_fetching import fetched
from cloud.package import manifest_of, upload
from cloud.places import place
from cloud.releases import RELEASES
from cloud.sizing import sized
from cloud.steps import step_of
from producer.simulator import Settings as Population
from producer.simulator import write_log
from tests.cluster.releases import spark_home
from tests.conftest import missing
from tests.s3_server import s3_with, variables

ROOT = Path(__file__).parents[2]
BUCKET = "sparkify-yarn"
AS_OF_MS = 1_542_672_000_000  # 2018-11-20, in the log's last third


@pytest.fixture(scope="module")
def s3(server):
    """A bucket on the local S3 server, and its client."""
    with s3_with(BUCKET, server) as made:
        yield made


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The folder of a package as `sparkify emr package` builds it, and its manifest."""
    folder = tmp_path_factory.mktemp("package")
    try:
        built(ROOT, folder, Architecture.X86_64)
    except BadSetup as error:
        missing(str(error))
    return folder, manifest_of(folder, "0.1.0", Architecture.X86_64)


@pytest.fixture(scope="module")
def log(s3, tmp_path_factory):
    """A small log, which lies on S3 too."""
    path = tmp_path_factory.mktemp("log") / "log.json.gz"
    write_log(Population(150, 61, datetime(2018, 10, 1, tzinfo=UTC), 6), path)
    s3.upload_file(str(path), BUCKET, "logs/log.json.gz")
    return path


@pytest.fixture
def job(s3, server, package, log, release, monkeypatch):
    """A training whose log and package lie on S3, as `sparkify emr submit` makes it."""
    for name, value in variables(server).items():
        monkeypatch.setenv(name, value)
    folder, manifest = package
    upload(Aws(), folder, manifest, place(f"s3://{BUCKET}/package"))
    places = [place(f"s3://{BUCKET}/{name}") for name in ("logs", f"models-{release.spark}", "emr")]
    wish = Wish(*places, run="nightly", options=("--learner", "logistic"))
    return Job(wish, place(f"s3://{BUCKET}/package"), manifest, sized(log.stat().st_size))


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.label)
def test_the_step_that_emr_gets_trains_on_yarn_a_model_that_scores_here(yarn, job, spark, release, log, tmp_path):
    try:
        home = spark_home(release.spark)
    except BadSetup as error:
        missing(str(error))
    _, *words = step_of(job, on_failure="CONTINUE")["HadoopJarStep"]["Args"]
    done = yarn.submit(home, words)
    outputs, complaints = done.containers("stdout"), done.containers("stderr")
    assert done.code == 0, "\n".join([done.said[-3000:], *outputs, *(text[-3000:] for text in complaints)])
    said = outputs[0]
    folders = done.containers("directory.info")
    assert len(folders) == 3  # the driver and two executors
    for folder in folders:
        assert "./sparkify/batch_training/__main__.py" in folder
        assert "./environment/numpy/__init__.py" in folder
    (tmp_path / "models").mkdir()
    model = fetched(Aws(), job.wish.models, None, tmp_path / "models")
    assert f"{model.name} is now the current model of {job.wish.models}" in said
    events = accepted_events(spark, str(log), present_ms=AS_OF_MS)
    out = tmp_path / "scores.parquet"
    assert predict(events, AS_OF_MS, model_at(spark, str(model)), str(out)).users > 100
