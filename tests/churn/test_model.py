"""Scores and reasons against plain numpy, for a linear model and for trees."""

import math
from dataclasses import asdict, replace
from datetime import date

import numpy as np
import pytest
from pyspark.ml.classification import LogisticRegression, RandomForestClassifier
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import DenseVector
from pyspark.sql import functions as F

from churn.classes import UserClasses
from churn.errors import ModelMismatch
from churn.features import COUNTS, NAMES, words
from churn.free_days import EPOCH
from churn.model import Model, ModelCard, card_from, with_inputs
from churn.scoring import HABITS, Scorer
from churn.shadow import Shadow
from churn.state import COUNTED_PAGES, DAY_MS
from tests.builders import START_MS

USERS = 200
SLOPE, INTERCEPT = 0.8, -0.3
rng = np.random.default_rng(3)
VALUES = rng.gamma(1.5, 3.0, (USERS, len(NAMES)))
PAID = rng.poisson(2.0, (USERS, len(COUNTED_PAGES)))
VISITS = PAID + rng.poisson(3.0, (USERS, len(COUNTED_PAGES)))
PAGES_FREE, PAGES_PAID = (rng.dirichlet(np.full(len(COUNTED_PAGES), 2.0), 2) for _ in range(2))
CLASSES = UserClasses(
    pages=list(COUNTED_PAGES),
    log_prior=np.log([0.7, 0.3]).tolist(),
    log_free=np.log(PAGES_FREE).tolist(),
    log_paid=np.log(PAGES_PAID).tolist(),
    cancel_rates=[0.02, 0.12],
    words=["calm", "many adverts"],
)
SWAPPED = replace(
    CLASSES, log_free=CLASSES.log_free[::-1], log_paid=CLASSES.log_paid[::-1], log_prior=CLASSES.log_prior[::-1]
)


def class_shares():
    """Bayes' rule in numpy."""
    likelihood = np.array([0.7, 0.3]) * np.prod(
        PAGES_FREE[None] ** (VISITS - PAID)[:, None] * PAGES_PAID[None] ** PAID[:, None], axis=2
    )
    return likelihood / likelihood.sum(axis=1, keepdims=True)


SHARES = class_shares()
ACTIVITY = np.log1p(VALUES[:, NAMES.index("active_days_per_week")])
SCALED = np.column_stack(
    [
        np.log1p(VALUES),
        SHARES,
        SHARES * VALUES[:, [NAMES.index("is_paid")]],
        SHARES * ACTIVITY[:, None],
    ]
)
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
    classes=CLASSES,
)
INPUTS = (SCALED - SCALED.mean(axis=0)) / SCALED.std(axis=0)
TYPICAL = (np.median(SCALED, axis=0) - SCALED.mean(axis=0)) / SCALED.std(axis=0)


@pytest.fixture(scope="module")
def features(spark):
    """Users u000 to u199 with the values above, and a label."""
    rows = [
        (f"u{number:03}", START_MS, START_MS - DAY_MS, *values)
        for number, values in enumerate(np.column_stack([VALUES, VISITS, PAID, LABEL]).tolist())
    ]
    columns = ", ".join(f"{name} DOUBLE" for name in (*NAMES, *COUNTS, "label"))
    return spark.createDataFrame(rows, f"user_id STRING, as_of_ms LONG, last_ms LONG, {columns}").localCheckpoint()


def reloaded(estimator, features, path):
    """The model after fitting, saving and loading, as every scoring program has it."""
    inputs = with_inputs(features, CARD).select("label", array_to_vector("inputs").alias("vector"))
    classifier = estimator.setFeaturesCol("vector").fit(inputs)
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


REASONS = (*NAMES, HABITS)


IS_LIKELIER = SHARES @ CLASSES.cancel_rates > np.array([0.7, 0.3]) @ CLASSES.cancel_rates


def by_reason(effects):
    """Effects of the inputs -> of the features, and of the classes together where such users cancel more."""
    habits = np.where(IS_LIKELIER, effects[:, len(NAMES) :].sum(axis=1), 0)
    return np.column_stack([effects[:, : len(NAMES)], habits])


def strongest(effects):
    """The names of the three largest positive effects, the largest first."""
    order = np.argsort(-effects)[:3]
    return [REASONS[position] for position in order if effects[position] > 0]


def test_the_shares_of_the_classes_are_bayes_rule(features):
    rows = with_inputs(features, CARD).orderBy("user_id").collect()
    assert np.allclose([row.classes for row in rows], SHARES, rtol=1e-9)
    assert np.allclose([row.inputs for row in rows], INPUTS, rtol=1e-9, atol=1e-9)


def test_the_probability_is_the_calibrated_one(features, linear):
    expected = calibrated(sigmoid(INPUTS @ linear.classifier.coefficients.toArray() + linear.classifier.intercept))
    assert [row.probability for row in by_user(features, linear)] == pytest.approx(expected.tolist(), rel=1e-6)


@pytest.mark.parametrize(
    ("day", "free_days"),
    [(date(2018, 11, 10), 5), (date(2018, 11, 20), 3)],  # 4 weekend days and Veterans Day; 2 and Thanksgiving
)
def test_a_horizon_of_quiet_days_makes_a_cancel_as_much_rarer(features, linear, day, free_days):
    later = features.withColumn("as_of_ms", F.lit((day - EPOCH).days * DAY_MS))
    plain = np.array([row.probability for row in by_user(later, linear)])
    quiet = replace(linear, card=replace(linear.card, free_day_activity=0.4))
    found = np.array([row.probability for row in by_user(later, quiet)])
    odds = (found / (1 - found)) / (plain / (1 - plain))
    assert odds == pytest.approx(1 - 0.6 * free_days / 10)


def test_a_card_of_before_free_days_counted_takes_all_days_alike():
    values = {name: value for name, value in CARD.as_dict().items() if name != "free_day_activity"}
    assert card_from(values, "here.json").free_day_activity == 1.0


def test_linear_reasons_are_what_each_feature_adds_to_the_logit(features, linear):
    expected = by_reason((INPUTS - TYPICAL) * linear.classifier.coefficients.toArray() * SLOPE)
    for row, effects in zip(by_user(features, linear), expected, strict=True):
        assert [reason.feature for reason in row.reasons] == strongest(effects)
        for reason in row.reasons:
            assert reason.effect == pytest.approx(effects[REASONS.index(reason.feature)], rel=1e-9)


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
        effects = np.zeros(len(REASONS))
        for position in range(len(REASONS)):
            hidden = slice(position, position + 1) if position < len(NAMES) else slice(position, None)
            occluded = INPUTS[number].copy()
            occluded[hidden] = TYPICAL[hidden]
            effects[position] = whole - probability(occluded)
        effects[-1] *= IS_LIKELIER[number]
        found = [reason.effect for reason in row.reasons]
        expected = [effect for effect in sorted(effects, reverse=True)[:3] if effect > 1e-12]
        assert [effect for effect in found if effect > 1e-12] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("champion", "challenger"), [("linear", "forest"), ("forest", "linear")])
def test_a_shadow_says_its_own_probability_and_changes_nothing_of_the_champions(
    features, champion, challenger, request
):
    model, other = (request.getfixturevalue(name) for name in (champion, challenger))
    other = replace(other, card=replace(other.card, version="w", calibration=(0.5, 0.1), classes=SWAPPED))
    beside = Scorer(model).explained(features, Shadow(other)).orderBy("user_id").collect()
    alone = by_user(features, model)
    assert [row[:-1] for row in beside] == [tuple(row) for row in alone]
    expected = [row.probability for row in by_user(features, other)]
    assert [row.shadow.probability for row in beside] == expected
    assert {row.shadow.model_version for row in beside} == {"w"}
    assert expected != [row.probability for row in alone]


def test_a_reason_says_the_value_and_the_typical_one_in_words(features, linear):
    reason = next(reason for row in by_user(features, linear) for reason in row.reasons if reason.feature != HABITS)
    number = next(n for n, row in enumerate(by_user(features, linear)) if reason in row.reasons)
    position = NAMES.index(reason.feature)
    assert reason.value == pytest.approx(VALUES[number, position])
    assert reason.typical == pytest.approx(np.expm1(CARD.typical[position]))
    assert reason.text == f"{words(reason.feature)}: {reason.value:,.2f} (typical {reason.typical:,.2f})"


def test_habits_say_how_many_of_such_users_cancel_and_what_sets_them_apart(features, linear):
    found = [(number, reason) for number, row in enumerate(by_user(features, linear)) for reason in row.reasons]
    number, habits = next((number, reason) for number, reason in found if reason.feature == HABITS)
    rate = float(SHARES[number] @ [2.0, 12.0])
    assert (habits.value, habits.typical) == (pytest.approx(rate), pytest.approx(0.7 * 2 + 0.3 * 12))
    told = CLASSES.words[int(SHARES[number].argmax())]
    assert habits.text == f"habits of users of whom {rate:.1f}% cancel within 10 days (all: 5.0%): {told}"


def test_a_card_of_other_features_is_refused_by_name():
    values = {**CARD.as_dict(), "features": [*NAMES[1:], "shoe_size"]}
    with pytest.raises(ModelMismatch, match=r"here\.json: .*days_silent, shoe_size"):
        card_from(values, "here.json")


def test_a_card_whose_scale_is_cut_short_is_refused():
    with pytest.raises(ModelMismatch, match=f"wanted are {len(TYPICAL)} means"):
        card_from({**CARD.as_dict(), "mean": CARD.mean[:-1]}, "here.json")


@pytest.mark.parametrize(
    "broken",
    [
        {"mean": [math.nan, *CARD.mean[1:]]},
        {"typical": [math.inf, *CARD.typical[1:]]},
        {"deviation": [0.0, *CARD.deviation[1:]]},
        {"deviation": ["wide", *CARD.deviation[1:]]},
        {"calibration": [1.0, math.nan]},
        {"calibration": [1.0]},
        {"threshold": math.nan},
        {"threshold": None},
        {"free_day_activity": 0.0},
        {"free_day_activity": 1e-17},
        {"horizon_days": 0},
        {"horizon_days": 2.5},
        {"free_day_activity": math.nan},
        {"coefficients": [1.0]},
        {"coefficients": CARD.mean, "intercept": math.nan},
        {"intercept": 0.5},
    ],
    ids=str,
)
def test_a_card_whose_numbers_give_no_score_is_refused(broken):
    with pytest.raises(ModelMismatch, match=r"here\.json: wanted are finite numbers, deviations over 0"):
        card_from({**CARD.as_dict(), **broken}, "here.json")


@pytest.mark.parametrize(
    "broken",
    [
        {"log_free": []},
        {"log_paid": [[0.0], [0.0]]},
        {"words": []},
        {"cancel_rates": [0.1, 0.2, 0.3]},
        {"log_prior": [math.nan]},
        {"cancel_rates": [10**400]},
    ],
    ids=str,
)
def test_classes_that_cannot_be_computed_are_refused(broken):
    classes = {**asdict(CARD.classes), **broken}
    with pytest.raises(ModelMismatch, match=r"here\.json: not a model card of this version"):
        card_from({**CARD.as_dict(), "classes": classes}, "here.json")


@pytest.mark.parametrize("broken", [{"mean": None}, {"features": None}, {"coefficients": 3}], ids=str)
def test_a_card_of_other_types_is_refused(broken):
    with pytest.raises(ModelMismatch, match=r"here\.json: not a model card of this version"):
        card_from({**CARD.as_dict(), **broken}, "here.json")


def test_a_card_with_the_features_in_another_order_is_refused():
    with pytest.raises(ModelMismatch, match="another order"):
        card_from({**CARD.as_dict(), "features": list(reversed(NAMES))}, "here.json")


@pytest.mark.parametrize(
    "broken",
    [{"version": "v"}, {"calibration": None}, {"strange": 1}, {"classes": {**asdict(CLASSES), "pages": ["Home"]}}],
)
def test_what_is_no_card_is_refused(broken):
    values = broken if "version" in broken else {**CARD.as_dict(), **broken}
    with pytest.raises(ModelMismatch, match="not a model card"):
        card_from(values, "here.json")
