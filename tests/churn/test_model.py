"""Scores and reasons against plain numpy, for a linear model and for trees."""

from dataclasses import replace

import numpy as np
import pytest
from pyspark.ml.classification import LogisticRegression, RandomForestClassifier
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import DenseVector
from pyspark.sql import functions as F

from churn.errors import ModelMismatch
from churn.features import NAMES, words
from churn.model import Model, ModelCard, card_from, standardised
from churn.scoring import Scorer
from churn.state import DAY_MS
from tests.builders import START_MS

USERS = 200
SLOPE, INTERCEPT = 0.8, -0.3
rng = np.random.default_rng(3)
VALUES = rng.gamma(1.5, 3.0, (USERS, len(NAMES)))
SCALED = np.log1p(VALUES)
LABEL = (SCALED[:, 0] - SCALED[:, 9] + rng.normal(0, 0.5, USERS) > 0).astype(float)
CARD = ModelCard(
    version="v",
    learner="test",
    features=list(NAMES),
    mean=SCALED.mean(axis=0).tolist(),
    deviation=SCALED.std(axis=0).tolist(),
    typical=np.median(SCALED, axis=0).tolist(),
    calibration=(SLOPE, INTERCEPT),
    threshold=0.5,
    horizon_days=10,
)
INPUTS = (SCALED - SCALED.mean(axis=0)) / SCALED.std(axis=0)
TYPICAL = (np.median(SCALED, axis=0) - SCALED.mean(axis=0)) / SCALED.std(axis=0)


@pytest.fixture(scope="module")
def features(spark):
    """Users u000 to u199 with the values above, and a label."""
    rows = [
        (f"u{number:03}", START_MS, START_MS - DAY_MS, *values, label)
        for number, (*values, label) in enumerate(np.column_stack([VALUES, LABEL]).tolist())
    ]
    columns = ", ".join(f"{name} DOUBLE" for name in (*NAMES, "label"))
    return spark.createDataFrame(rows, f"user_id STRING, as_of_ms LONG, last_ms LONG, {columns}").localCheckpoint()


def reloaded(estimator, features, path):
    """The model after fitting, saving and loading, as every scoring program has it."""
    inputs = array_to_vector(F.array(*standardised(CARD))).alias("inputs")
    classifier = estimator.setFeaturesCol("inputs").fit(features.select("label", inputs))
    classifier.save(path)
    loaded = type(classifier).load(path)
    weights = [float(weight) for weight in loaded.coefficients] if hasattr(loaded, "coefficients") else []
    return Model(replace(CARD, coefficients=weights), loaded)


@pytest.fixture(scope="module")
def linear(features, tmp_path_factory):
    """A logistic regression with its coefficients on the card."""
    path = str(tmp_path_factory.mktemp("linear") / "model")
    return reloaded(LogisticRegression(), features, path)


@pytest.fixture(scope="module")
def forest(features, tmp_path_factory):
    """A small forest, which has no coefficients."""
    path = str(tmp_path_factory.mktemp("forest") / "model")
    return reloaded(RandomForestClassifier(numTrees=5, maxDepth=3, seed=1), features, path)


def sigmoid(logit):
    return 1 / (1 + np.exp(-logit))


def calibrated(raw):
    """Platt's formula in numpy."""
    return sigmoid(SLOPE * np.log(raw / (1 - raw)) + INTERCEPT)


def by_user(features, model):
    """The scored rows in the order of the users."""
    return Scorer(model).explained(features).orderBy("user_id").collect()


def strongest(effects):
    """The names of the three largest positive effects, the largest first."""
    order = np.argsort(-effects)[:3]
    return [NAMES[position] for position in order if effects[position] > 0]


def test_the_probability_is_the_calibrated_one(features, linear):
    expected = calibrated(sigmoid(INPUTS @ linear.classifier.coefficients.toArray() + linear.classifier.intercept))
    assert [row.probability for row in by_user(features, linear)] == pytest.approx(expected.tolist(), rel=1e-6)


def test_linear_reasons_are_what_each_feature_adds_to_the_logit(features, linear):
    expected = (INPUTS - TYPICAL) * linear.classifier.coefficients.toArray() * SLOPE
    for row, effects in zip(by_user(features, linear), expected, strict=True):
        assert [reason.feature for reason in row.reasons] == strongest(effects)
        for reason in row.reasons:
            assert reason.effect == pytest.approx(effects[NAMES.index(reason.feature)], rel=1e-9)


def test_all_linear_effects_together_are_the_distance_from_a_typical_user(linear):
    weights = linear.classifier.coefficients.toArray()
    effects = (INPUTS - TYPICAL) * weights * SLOPE
    logit, typical_logit = (SLOPE * (inputs @ weights + linear.classifier.intercept) for inputs in (INPUTS, TYPICAL))
    assert effects.sum(axis=1).tolist() == pytest.approx((logit - typical_logit).tolist(), abs=1e-9)


def test_a_trees_reason_is_what_the_probability_loses_when_the_feature_becomes_typical(features, forest):
    def probability(inputs):
        return calibrated(np.array(forest.classifier.predictProbability(DenseVector(inputs)))[1])

    for number, row in enumerate(by_user(features, forest)[:20]):
        whole = probability(INPUTS[number])
        assert row.probability == pytest.approx(whole, rel=1e-9)
        effects = np.zeros(len(NAMES))
        for position in range(len(NAMES)):
            occluded = INPUTS[number].copy()
            occluded[position] = TYPICAL[position]
            effects[position] = whole - probability(occluded)
        found = [reason.effect for reason in row.reasons]
        expected = [effect for effect in sorted(effects, reverse=True)[:3] if effect > 1e-12]
        assert [effect for effect in found if effect > 1e-12] == pytest.approx(expected, rel=1e-9)


def test_a_reason_says_the_value_and_the_typical_one_in_words(features, linear):
    reason = by_user(features, linear)[0].reasons[0]
    position = NAMES.index(reason.feature)
    assert reason.value == pytest.approx(VALUES[0, position])
    assert reason.typical == pytest.approx(np.expm1(CARD.typical[position]))
    assert reason.text == f"{words(reason.feature)}: {reason.value:,.2f} (typical {reason.typical:,.2f})"


def test_a_user_who_is_typical_in_all_has_no_reasons(spark, linear):
    values = np.expm1(CARD.typical).tolist()
    schema = "user_id STRING, as_of_ms LONG, last_ms LONG, " + ", ".join(f"{name} DOUBLE" for name in NAMES)
    (row,) = by_user(spark.createDataFrame([("u", START_MS, START_MS, *values)], schema), linear)
    assert all(reason.effect < 1e-9 for reason in row.reasons)


def test_a_card_of_other_features_is_refused_by_name():
    values = {**CARD.as_dict(), "features": [*NAMES[1:], "shoe_size"]}
    with pytest.raises(ModelMismatch, match=r"here\.json: .*days_silent, shoe_size"):
        card_from(values, "here.json")


def test_a_card_with_the_features_in_another_order_is_refused():
    with pytest.raises(ModelMismatch, match="another order"):
        card_from({**CARD.as_dict(), "features": list(reversed(NAMES))}, "here.json")


@pytest.mark.parametrize("broken", [{"version": "v"}, {"calibration": None}, {"strange": 1}])
def test_what_is_no_card_is_refused(broken):
    values = broken if "version" in broken else {**CARD.as_dict(), **broken}
    with pytest.raises(ModelMismatch, match="not a model card"):
        card_from(values, "here.json")
