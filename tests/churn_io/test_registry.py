"""What is published is what is loaded; a reader never sees half of a model."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from pyspark.ml.classification import GBTClassifier, LogisticRegression
from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as F

from churn.errors import BadSetup, ModelMismatch, NoModel
from churn.features import COUNTS, NAMES
from churn.model import PER_CLASS, ModelCard, with_inputs, with_probability
from churn_io.registry import Registry, model_at
from churn_io.storage import Storage
from tests.builders import ONE_CLASS

N_INPUTS = len(NAMES) + PER_CLASS
CARD = ModelCard(
    version="20260101T000000Z-logistic",
    learner="logistic",
    features=list(NAMES),
    mean=[1.0] * N_INPUTS,
    deviation=[0.5] * N_INPUTS,
    typical=[1.0] * N_INPUTS,
    calibration=(1.2, -0.1),
    threshold=0.2,
    horizon_days=10,
    classes=ONE_CLASS,
)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NEWER = replace(CARD, version="20260102T000000Z-gbt", learner="gbt")


@pytest.fixture(scope="module")
def users(spark):
    """Features and labels of a hundred users."""
    rng = np.random.default_rng(1)
    columns = (*NAMES, *COUNTS)
    values = rng.gamma(1.0, 2.0, (100, len(columns)))
    rows = [(*row, float(row[0] > 1.5)) for row in values.tolist()]
    frame = spark.createDataFrame(rows, ", ".join(f"{name} DOUBLE" for name in (*columns, "label")))
    inputs = frame.transform(lambda rows: with_inputs(rows, CARD))
    return inputs.withColumn("vector", array_to_vector("inputs")).localCheckpoint()


@pytest.fixture(scope="module")
def classifiers(users):
    """One fitted model a kind."""
    columns = {"featuresCol": "vector", "labelCol": "label"}
    return {
        "logistic": LogisticRegression(**columns, regParam=0.1).fit(users),
        "gbt": GBTClassifier(**columns, maxIter=3, maxDepth=2, seed=1).fit(users),
    }


@pytest.fixture
def registry(spark, tmp_path):
    return Registry(spark, str(tmp_path / "models"))


@pytest.mark.parametrize("card", [CARD, NEWER], ids=lambda card: card.learner)
def test_a_published_model_scores_the_same_after_loading(registry, classifiers, users, card):
    classifier = classifiers[card.learner]
    registry.publish(card, classifier)
    model = registry.load(registry.current_version())
    assert model.card == card
    scores = with_probability(users, model, F.col("inputs"), "probability").select("probability").collect()
    raw = np.array([classifier.predictProbability(row.vector)[1] for row in users.collect()])
    expected = 1 / (1 + np.exp(-(1.2 * np.log(raw / (1 - raw)) - 0.1)))
    assert [row.probability for row in scores] == pytest.approx(expected.tolist(), rel=1e-9)


@pytest.mark.parametrize("intercept", [None, -0.75, 2], ids=["not on the card", "on it", "a whole number"])
def test_a_linear_model_is_read_from_its_card_alone_if_that_has_the_intercept(
    registry, classifiers, users, tmp_path, intercept
):
    weights = [number / N_INPUTS for number in range(N_INPUTS)]
    registry.publish(replace(CARD, coefficients=weights, intercept=intercept), classifiers["logistic"])
    shutil.rmtree(tmp_path / "models" / CARD.version / "pipeline")
    if intercept is None:
        with pytest.raises(ModelMismatch, match="not a complete Spark pipeline"):
            registry.load(CARD.version)
        return
    model = registry.load(CARD.version)
    scores = with_probability(users, model, F.col("inputs"), "probability").select("probability", "inputs").collect()
    margins = np.array([row.inputs for row in scores]) @ weights + intercept
    expected = 1 / (1 + np.exp(-(1.2 * margins - 0.1)))
    assert [row.probability for row in scores] == pytest.approx(expected.tolist(), rel=1e-9)


def test_the_pointer_moves_to_the_newer_model_and_the_older_one_stays(registry, classifiers):
    registry.publish(CARD, classifiers["logistic"])
    assert registry.current_version() == CARD.version
    registry.publish(NEWER, classifiers["gbt"])
    assert registry.current_version() == NEWER.version
    assert registry.card(CARD.version) == CARD


def test_publishing_leaves_nothing_but_versions_the_pointer_and_its_history(registry, classifiers, tmp_path):
    registry.publish(CARD, classifiers["logistic"], lambda: NOW)
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [CARD.version, "current", "history"]
    assert (tmp_path / "models" / "current").read_text() == f"{CARD.version}\n"
    assert (tmp_path / "models" / "history").read_text() == f"{CARD.version} 2026-01-02T03:04:05Z\n"


def test_a_registered_model_is_there_but_not_in_force(registry, classifiers):
    registry.publish(CARD, classifiers["logistic"])
    registry.register(NEWER, classifiers["gbt"])
    assert registry.current_version() == CARD.version
    assert registry.load(NEWER.version).card == NEWER
    registry.point_to(NEWER.version, NOW)
    assert registry.current_version() == NEWER.version


def test_a_shadow_is_there_until_it_is_off_or_in_force(registry, classifiers):
    registry.publish(CARD, classifiers["logistic"])
    registry.register(NEWER, classifiers["gbt"])
    assert registry.shadow_version() == ""
    for leave in (registry.clear_shadow, lambda: registry.point_to(NEWER.version, NOW)):
        registry.point_shadow_to(NEWER.version)
        assert (registry.current_version(), registry.shadow_version()) == (CARD.version, NEWER.version)
        assert registry.versions() == [CARD.version, NEWER.version]
        leave()
        assert registry.shadow_version() == ""


def test_a_taken_version_gets_a_number(registry, classifiers):
    assert registry.free_version(CARD.version) == CARD.version
    registry.publish(CARD, classifiers["logistic"])
    assert registry.free_version(CARD.version) == f"{CARD.version}-2"


def test_a_file_url_is_a_registry_too(spark, tmp_path, classifiers):
    registry = Registry(spark, f"file://{tmp_path}/models/")
    registry.publish(CARD, classifiers["logistic"])
    assert Registry(spark, str(tmp_path / "models")).current_version() == CARD.version


def test_a_model_is_found_by_its_registry_or_by_its_own_folder(spark, registry, classifiers):
    registry.publish(CARD, classifiers["logistic"])
    registry.publish(NEWER, classifiers["gbt"])
    assert model_at(spark, registry.root).card.version == NEWER.version
    assert model_at(spark, f"{registry.root}/{CARD.version}/").card.version == CARD.version


def test_an_empty_registry_says_how_to_get_a_model(registry):
    with pytest.raises(NoModel, match=r"no model at .*models/current is missing; run `sparkify train LOGS --models"):
        registry.current_version()


GARBAGE = [b"", b"20200101T000000Z-gone\n", b"\xff\xfe\x00\x01", b"\0" * 40, b"x" * 5000, b"../models", b"a\nb\n", b"."]


@pytest.mark.parametrize("content", GARBAGE, ids=lambda content: repr(content[:12]))
def test_a_pointer_to_nothing_is_no_model(registry, classifiers, tmp_path, content):
    registry.register(CARD, classifiers["logistic"])
    (tmp_path / "models" / "current").write_bytes(content)
    with pytest.raises(NoModel, match="holds no such model") as refusal:
        registry.current_version()
    assert len(str(refusal.value)) < 1000


@pytest.mark.parametrize("content", GARBAGE, ids=lambda content: repr(content[:12]))
def test_a_damaged_pointer_is_mended_by_the_next_swap(registry, classifiers, tmp_path, content):
    registry.register(CARD, classifiers["logistic"])
    (tmp_path / "models" / "current").write_bytes(content)
    registry.point_to(CARD.version, NOW)
    assert registry.current_version() == CARD.version
    assert (tmp_path / "models" / "history").read_text().splitlines()[-1] == f"{CARD.version} 2026-01-02T03:04:05Z"


def test_a_registry_that_is_a_file_is_no_model(spark, tmp_path):
    (tmp_path / "models").write_text("not a folder")
    with pytest.raises(NoModel, match="no model at"):
        model_at(spark, str(tmp_path / "models"))


def test_an_unknown_version_is_no_model(registry):
    with pytest.raises(NoModel, match=r"model\.json is missing"):
        registry.load("20200101T000000Z-gone")


def test_a_model_of_other_features_is_refused(registry, classifiers):
    registry.publish(replace(CARD, features=["shoe_size", *NAMES[1:]]), classifiers["logistic"])
    with pytest.raises(ModelMismatch, match="shoe_size"):
        registry.load(CARD.version)


@pytest.mark.parametrize("cut", ["pipeline", "pipeline/metadata", "pipeline/stages", "pipeline/stages/*/data"])
def test_a_cut_folder_is_refused_in_one_line(registry, classifiers, tmp_path, cut):
    registry.publish(CARD, classifiers["logistic"])
    for folder in (tmp_path / "models" / CARD.version).glob(cut):
        shutil.rmtree(folder)
    with pytest.raises(ModelMismatch, match="not a complete Spark pipeline") as refusal:
        registry.load(CARD.version)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("learner", ["logistic", "gbt"])
@pytest.mark.parametrize("kept", [0, 0.5])
def test_a_classifier_whose_data_were_cut_short_is_refused_in_one_line(registry, classifiers, tmp_path, learner, kept):
    registry.publish(CARD, classifiers[learner])
    (path, *_) = (tmp_path / "models" / CARD.version).glob("pipeline/stages/*/data/part-*.parquet")
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    path.with_name(f".{path.name}.crc").unlink(missing_ok=True)
    with pytest.raises(ModelMismatch, match="not a complete Spark pipeline") as refusal:
        registry.load(CARD.version)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("learner", ["logistic", "gbt"])
def test_a_classifier_that_lacks_a_file_of_its_data_is_refused_in_one_line(registry, classifiers, tmp_path, learner):
    registry.publish(CARD, classifiers[learner])
    (path, *_) = (tmp_path / "models" / CARD.version).glob("pipeline/stages/*/data/part-*.parquet")
    path.unlink()
    with pytest.raises(ModelMismatch, match="not a complete Spark pipeline") as refusal:
        registry.load(CARD.version)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_a_card_cut_short_is_refused(registry, classifiers, tmp_path, share):
    registry.publish(CARD, classifiers["logistic"])
    path = tmp_path / "models" / CARD.version / "model.json"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ModelMismatch, match=r"model\.json: not JSON .*; run `sparkify train`"):
        registry.load(CARD.version)


def test_a_pipeline_that_reads_other_inputs_than_its_card_has_is_refused(registry, classifiers):
    one_more = replace(CARD, classes=replace(ONE_CLASS, **twice(ONE_CLASS)), **scale(N_INPUTS + PER_CLASS))
    registry.publish(one_more, classifiers["logistic"])
    with pytest.raises(ModelMismatch, match=f"reads {N_INPUTS} inputs, its card has {N_INPUTS + PER_CLASS}"):
        registry.load(CARD.version)


def twice(classes):
    """The lists that have an entry a class, with two of each."""
    return {name: 2 * getattr(classes, name) for name in ("log_prior", "log_free", "log_paid", "cancel_rates", "words")}


def scale(inputs):
    """The card's lists with an entry an input."""
    return {name: [1.0] * inputs for name in ("mean", "deviation", "typical")}


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"version": "v"})])
def test_a_cut_card_is_refused(registry, classifiers, tmp_path, text):
    registry.publish(CARD, classifiers["logistic"])
    (tmp_path / "models" / CARD.version / "model.json").write_text(text)
    with pytest.raises(ModelMismatch, match=r"model\.json: "):
        registry.load(CARD.version)


@pytest.mark.parametrize("path", ["s3://bucket/models", "s3a://bucket/models"])
def test_an_s3_path_without_the_connector_says_what_to_add(spark, path):
    with pytest.raises(BadSetup, match=r"s3a://bucket/models: .*org\.apache\.hadoop:hadoop-aws:"):
        Storage(spark).spark_path(path)
