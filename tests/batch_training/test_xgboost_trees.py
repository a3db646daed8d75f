"""XGBoost's trees in Spark's form: the same probability, also for values at a split."""

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import DenseVector
from xgboost.spark import SparkXGBClassifier

from batch_training import learners as module
from batch_training.learners import learners
from batch_training.xgboost_trees import XGBoostTrees, as_spark_trees, spark_threshold

ROWS, N_INPUTS = 1200, 4
rng = np.random.default_rng(8)
VALUES = rng.normal(size=(ROWS, N_INPUTS)).round(2)
LABEL = (VALUES[:, 0] + VALUES[:, 1] * VALUES[:, 2] + rng.normal(0, 0.5, ROWS) > 1).astype(float)
BOOSTER = xgboost.train(
    {"objective": "binary:logistic", "max_depth": 4, "eta": 0.3}, xgboost.DMatrix(VALUES, LABEL), num_boost_round=20
)
SPLITS = [
    sorted({np.float32(row.Split) for row in BOOSTER.trees_to_dataframe().itertuples() if row.Feature == f"f{number}"})
    for number in range(N_INPUTS)
]


def at(split):
    """The values that a comparison in float32 and one in double could tell apart differently."""
    before, after = (np.nextafter(split, np.float32(end)) for end in (-np.inf, np.inf))
    edges = [float(before), float(split), float(after)]
    edges += [(edges[0] + edges[1]) / 2, (edges[1] + edges[2]) / 2]
    return [near for edge in edges for near in (np.nextafter(edge, -np.inf), edge, np.nextafter(edge, np.inf))]


def is_left(value, split):
    """XGBoost's rule."""
    return np.float32(value) < np.float32(split)


@given(st.floats(width=32, min_value=-(2.0**100), max_value=2.0**100))
def test_the_threshold_sends_each_double_where_xgboost_sends_its_float32(split):
    threshold = spark_threshold(split)
    for value in at(np.float32(split)):
        assert (value <= threshold) == is_left(value, split)


@given(st.floats(width=32, min_value=-100, max_value=100), st.floats(min_value=-100, max_value=100))
def test_the_threshold_holds_far_from_the_split_too(split, value):
    assert (value <= spark_threshold(split)) == is_left(value, split)


@pytest.fixture(scope="module")
def converted(spark):
    """The booster as Spark's model."""
    return as_spark_trees(BOOSTER, spark)


def probabilities(model, rows):
    """What Spark's model says of each row."""
    return [model.predictProbability(DenseVector(row))[1] for row in rows]


def test_the_probability_is_xgboosts_own(converted):
    expected = BOOSTER.predict(xgboost.DMatrix(VALUES[:300]))
    assert expected.std() > 0.1
    assert probabilities(converted, VALUES[:300]) == pytest.approx(expected, abs=1e-6)


values_at_splits = st.tuples(*(st.sampled_from(splits).flatmap(lambda s: st.sampled_from(at(s))) for splits in SPLITS))


@settings(deadline=None, max_examples=50)
@given(rows=st.lists(values_at_splits, min_size=1, max_size=10))
def test_the_probability_is_xgboosts_own_for_values_at_its_splits(converted, rows):
    expected = BOOSTER.predict(xgboost.DMatrix(np.array(rows)))
    assert probabilities(converted, rows) == pytest.approx(expected, abs=1e-6)


def test_importances_go_by_the_gains_of_the_splits(converted):
    gains = BOOSTER.get_score(importance_type="total_gain")
    assert int(np.argmax(converted.featureImportances.toArray())) == max(range(4), key=lambda n: gains[f"f{n}"])


def test_the_estimator_fits_the_booster_of_xgboosts_own_estimator_and_takes_its_parameters(spark):
    rows = zip(VALUES.tolist(), LABEL.tolist(), strict=True)
    arrays = spark.createDataFrame(rows, "inputs ARRAY<DOUBLE>, label DOUBLE").coalesce(1)
    frame = arrays.select(array_to_vector("inputs").alias("vector"), "label").localCheckpoint()
    said = {"features_col": "vector", "label_col": "label", "n_estimators": 8, "random_state": 1}
    ours, theirs = XGBoostTrees(**said), SparkXGBClassifier(**said, max_depth=2)
    model = ours.fit(frame, {ours.getParam("max_depth"): 2})
    expected = theirs.fit(frame).get_booster().predict(xgboost.DMatrix(VALUES[:100]))
    assert probabilities(model, VALUES[:100]) == pytest.approx(expected, abs=1e-6)


def test_without_the_package_all_others_learn(spark, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    assert [learner.name for learner in learners(1)] == ["logistic", "forest", "gbt", "perceptron"]
