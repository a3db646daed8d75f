"""Every learner as the stream has it: from the registry, over states, by the JVM alone, with its reasons."""

import re
from dataclasses import replace

import numpy as np
import pytest
import xgboost
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import DenseVector
from pyspark.sql import functions as F

from batch_training.learners import VECTOR, learners
from batch_training.logs import accepted_events
from batch_training.xgboost_trees import XGBoostTrees
from churn.features import NAMES, with_features
from churn.labels import LABEL
from churn.model import INPUTS, with_inputs
from churn.scoring import HABITS, Scorer, typical_inputs
from churn.state import alive, state_at
from churn_io.registry import Registry
from sandbox.study.scoring import costs, multiplied, table
from tests.batch_training.conftest import ALL_LEARNERS, NOW

PYTHON_NODES = re.compile("python|pandas|arrow", re.IGNORECASE)
FREE_DAYS = 3  # of the ten after the test snapshot, 2018-11-20: a weekend and Thanksgiving
MODELS = pytest.mark.parametrize("learner", ALL_LEARNERS)


@pytest.fixture(scope="module")
def states(spark, log, training):
    """The users' states as of the test snapshot."""
    events = accepted_events(spark, log, int(NOW.timestamp() * 1000)).events
    return state_at(events, training.report.split.test_ms).localCheckpoint()


@pytest.fixture(scope="module")
def fitted(training):
    """The trained models by learner, calibrated otherwise: on so small a log some would say the same of all users."""
    return {
        one.model.card.learner: replace(one.model, card=replace(one.model.card, calibration=(0.9, -0.1)))
        for one in training.candidates
    }


@pytest.fixture(scope="module")
def loaded(spark, fitted, tmp_path_factory):
    """The same from a registry."""
    registry = Registry(spark, str(tmp_path_factory.mktemp("models")))
    for learner, model in fitted.items():
        registry.register(replace(model.card, version=learner), model.classifier)
    return {model.card.learner: model for model in map(registry.load, registry.versions())}


@pytest.fixture(scope="module")
def inputs(states, fitted):
    """Each user's standardised inputs; all learners have the same."""
    card = fitted["logistic"].card
    frame = with_inputs(alive(states).transform(with_features), card)
    return {row.user_id: row.inputs for row in frame.select("user_id", INPUTS).collect()}


def calibrated(card, raw):
    """Platt's formula and what the calendar holds in store, in plain Python."""
    slope, intercept = card.calibration
    exposure = 1 - (1 - card.free_day_activity) * FREE_DAYS / card.horizon_days
    return 1 / (1 + np.exp(-(slope * np.log(raw / (1 - raw)) + intercept + np.log(exposure))))


def probability(model, values):
    """What the trained classifier says of one vector by itself, calibrated."""
    return calibrated(model.card, model.classifier.predictProbability(DenseVector(values))[1])


@MODELS
def test_the_streams_score_is_the_trained_models(states, fitted, loaded, inputs, learner):
    rows = Scorer(loaded[learner]).scored(states).collect()
    assert {row.user_id for row in rows} == set(inputs)
    for row in rows:
        assert row.probability == pytest.approx(probability(fitted[learner], inputs[row.user_id]), abs=1e-9)


def test_the_streams_score_by_xgboost_is_the_boosters(states, training, loaded, inputs):
    model = loaded["xgboost"]
    frame = with_inputs(
        training.snapshots.where(F.col("as_of_ms").isin(*training.report.split.training_ms)), model.card
    )
    frame = frame.select(LABEL, array_to_vector(INPUTS).alias(VECTOR)).coalesce(1).localCheckpoint()
    (estimator,) = (each.estimator for each in learners(42) if each.name == "xgboost")
    booster = super(XGBoostTrees, estimator)._fit(frame).get_booster()
    rows = Scorer(loaded["xgboost"]).scored(states).collect()
    raw = booster.predict(xgboost.DMatrix(np.array([inputs[row.user_id] for row in rows])))
    assert [row.probability for row in rows] == pytest.approx(calibrated(model.card, raw.astype(float)), abs=1e-6)


def plan(frame):
    """The plan that runs, as text."""
    return frame._jdf.queryExecution().executedPlan().toString()


@MODELS
def test_no_python_runs_where_the_stream_scores(states, loaded, learner):
    assert not PYTHON_NODES.search(plan(Scorer(loaded[learner]).scored(states)))


def test_xgboosts_own_model_would_need_python_where_it_scores(training):
    (estimator,) = (each.estimator for each in learners(42) if each.name == "xgboost")
    card = training.model.card
    frame = with_inputs(training.test, card).select(LABEL, array_to_vector(INPUTS).alias(VECTOR)).localCheckpoint()
    assert PYTHON_NODES.search(plan(super(XGBoostTrees, estimator)._fit(frame).transform(frame)))


def hidden(feature):
    """The positions of the inputs that a reason is about."""
    return slice(len(NAMES), None) if feature == HABITS else NAMES.index(feature)


def effect(model, values, feature):
    """Of linear models what the feature adds to the logit, of others what the score loses when it becomes typical."""
    typical, position = np.array(typical_inputs(model.card)), hidden(feature)
    if model.card.coefficients:
        added = (values - typical) * np.array(model.card.coefficients) * model.card.calibration[0]
        return float(np.sum(added[position]))
    changed = np.where(np.isin(np.arange(len(values)), np.arange(len(values))[position]), typical, values)
    return probability(model, values) - probability(model, changed)


@MODELS
def test_each_learner_gives_reasons_that_are_its_effects(states, loaded, inputs, learner):
    model = loaded[learner]
    rows = Scorer(model).scored(states).where(F.size("reasons") > 0).limit(25).collect()
    assert rows
    for row in rows:
        values = np.array(inputs[row.user_id])
        for reason in row.reasons:
            assert reason.effect == pytest.approx(effect(model, values, reason.feature), abs=1e-9)


def test_the_costs_are_a_row_a_learner_without_reasons_and_with(states, loaded):
    models = {name: loaded[name] for name in ("logistic", "xgboost")}
    ticks = iter(range(1000))
    many = multiplied(alive(states), 300)
    rows = costs(models, many, clock=lambda: float(next(ticks)))
    assert [(row["learner"], row["reasons"]) for row in rows] == [(n, r) for n in models for r in (False, True)]
    assert all(row["users"] == many.count() >= 300 for row in rows)
    assert {row["ratio"] for row in rows} == {1.0}  # each round took one tick
    assert table(rows).row_count == 4
