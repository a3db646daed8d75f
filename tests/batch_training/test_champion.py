"""Champion and challenger: the rule on outcomes made by hand, and what becomes of models that win, lose or differ."""

import re
from dataclasses import replace

import numpy as np
import pytest
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as F

from batch_training.bootstrap import ranked
from batch_training.champion import Paired, compared, drawn_precisions, hindsight, is_refused, verdict
from batch_training.evaluation import Outcome, average_precision
from batch_training.fitting import without_summary
from batch_training.publishing import Published, Wish, fate, registered
from batch_training.train_command import train as train_command
from churn.features import NAMES
from churn.labels import LABEL
from churn.model import INPUTS, Model, with_inputs
from churn_io.registry import Registry
from tests.batch_training.conftest import NOW
from tests.builders import card

USERS, CANCELS = 400, 40
LABELS = np.repeat([1.0, 0.0], [CANCELS, USERS - CANCELS])
CHANCE = np.random.default_rng(8).random(USERS)
GOOD = 0.5 * LABELS + CHANCE  # scores that know something


@pytest.mark.parametrize(
    ("challenger", "champion", "refused"),
    [
        (GOOD, CHANCE, False),
        (CHANCE, GOOD, True),
        (GOOD, GOOD, False),
        (GOOD, GOOD + np.random.default_rng(9).normal(0, 1e-3, USERS), False),
    ],
    ids=["clearly better", "clearly worse", "equal", "hardly different"],
)
def test_a_challenger_is_refused_only_when_the_champion_is_surely_better(challenger, champion, refused):
    assert is_refused(compared(Paired(challenger, champion, LABELS), seed=1)) is refused


def test_the_comparison_says_by_how_much_and_how_surely():
    found = compared(Paired(CHANCE, GOOD, LABELS), seed=1)
    assert found.challenger_average_precision == average_precision(Outcome(CHANCE, LABELS))
    assert found.champion_average_precision == average_precision(Outcome(GOOD, LABELS))
    assert found.difference == found.challenger_average_precision - found.champion_average_precision < 0
    low, high = found.difference_95
    assert low < found.difference < high < 0
    assert (found.champion_better_share, found.resamples) == (1.0, 500)
    assert compared(Paired(CHANCE, GOOD, LABELS), seed=1) == found


def test_equal_models_are_better_in_no_resample():
    found = compared(Paired(GOOD, GOOD, LABELS), seed=1)
    assert (found.difference, found.difference_95, found.champion_better_share) == (0.0, (0.0, 0.0), 0.0)


def test_a_user_with_two_rows_is_as_uncertain_as_with_one():
    once = compared(Paired(CHANCE, GOOD, LABELS), seed=1)
    owner = np.repeat(np.arange(USERS), 2)
    twice = compared(Paired(*(np.repeat(each, 2) for each in (CHANCE, GOOD, LABELS)), owner), seed=1)
    assert twice.difference_95 == pytest.approx(once.difference_95)


def test_draws_without_a_cancel_are_left_out():
    one_cancel = np.array([1.0, 0.0, 0.0])
    found = compared(Paired(one_cancel, 1 - one_cancel, one_cancel), seed=1)
    assert 300 < found.resamples < 400  # of 500 draws of three users (2/3) ** 3 lack the one who cancels
    assert not is_refused(found)


def test_a_draw_is_measured_like_users_who_are_there_several_times():
    rng = np.random.default_rng(5)
    score, label = rng.integers(0, 6, 50) / 10, (rng.random(50) < 0.3).astype(float)
    drawn = rng.integers(0, 50, (3, 50))
    expected = [average_precision(Outcome(score[users], label[users])) for users in drawn]
    weights = np.array([np.bincount(users, minlength=50) for users in drawn], dtype=float)
    assert drawn_precisions(ranked(Outcome(score, label)), weights) == pytest.approx(expected)


@pytest.fixture(scope="module")
def oracle(training):
    """A champion that nothing can beat on this log: it has learnt the test snapshot by heart."""
    card = replace(training.model.card, version="20250101T000000Z-oracle", coefficients=[])
    rows = with_inputs(training.test, card).select(LABEL, array_to_vector(F.col(INPUTS)).alias("features"))
    tree = RandomForestClassifier(
        labelCol=LABEL, numTrees=1, bootstrap=False, featureSubsetStrategy="all", maxDepth=20, seed=1
    )
    return Model(replace(card, calibration=(1.0, 0.0)), without_summary(tree.fit(rows)))


@pytest.fixture
def registry(spark, tmp_path):
    return Registry(spark, str(tmp_path / "models"))


def test_a_refused_challenger_is_registered_and_the_pointer_stays(registry, training, oracle):
    registry.publish(oracle.card, oracle.classifier)
    found = verdict(registry, training, seed=42)
    card = registered(registry, training, found)
    assert registry.current_version() == oracle.card.version
    kept = registry.load(training.model.card.version).card.metrics["comparison"]
    assert (kept["champion"], kept["decision"]) == (oracle.card.version, "refused")
    assert kept["champion_average_precision"] > kept["challenger_average_precision"]
    assert kept["challenger_average_precision"] == pytest.approx(card.metrics["test"]["average_precision"])
    assert kept["difference_95"][1] < 0
    assert kept["champion_better_share"] >= 0.95
    said = fate(Published(card, found, ""), registry.root)
    assert "not fair" not in said
    assert said.startswith("is registered but not made current: on the same users 20250101T000000Z-oracle is better in")


@pytest.mark.parametrize(
    ("champion", "challenger", "is_fair"),
    [
        ({"test_snapshot": "2018-11-21T00:00:00Z"}, "2018-11-20T00:00:00Z", False),
        ({"test_snapshot": "2018-11-20T00:00:00Z"}, "2018-11-20T00:00:00Z", True),
        ({"test_snapshot": "2018-10-30T00:00:00Z"}, "2018-11-20T00:00:00Z", True),
        ({}, "2018-11-20T00:00:00Z", True),
    ],
    ids=["a later log", "the same log", "an earlier log", "not known"],
)
def test_only_a_champion_of_a_later_log_has_seen_the_test(champion, challenger, is_fair):
    found = hindsight(card("champion", data=champion), card("challenger", data={"test_snapshot": challenger}))
    assert (found == "") is is_fair


def test_a_champion_that_has_seen_the_test_is_still_compared_and_the_reason_says_that_it_has(
    registry, training, oracle
):
    later = oracle.card.data | {"test_snapshot": "2018-12-20T00:00:00Z"}
    registry.publish(replace(oracle.card, data=later), oracle.classifier)
    found = verdict(registry, training, seed=42)
    assert not found.is_promoted
    assert found.reason.endswith(
        "; this is not fair to the challenger: 20250101T000000Z-oracle comes from a later log and has learnt "
        f"who cancels until 2018-12-20, though the test begins on {training.model.card.data['test_snapshot'][:10]}"
    )
    assert registered(registry, training, found).metrics["comparison"]["reason"] == found.reason


def test_a_challenger_wished_into_the_shadow_scores_there_even_if_it_is_better(registry, training):
    upside_down = replace(training.model.card, version="20250101T000000Z-down", calibration=(-1.0, 0.0))
    registry.publish(upside_down, training.model.classifier)
    found = Wish(shadow=True).over(verdict(registry, training, seed=42))
    card = registered(registry, training, found)
    assert (registry.current_version(), registry.shadow_version()) == (upside_down.version, card.version)
    assert card.metrics["comparison"]["decision"] == "shadow"
    assert fate(Published(card, found, ""), registry.root).startswith("scores in the shadow: --shadow wants it")


def test_without_a_current_model_there_is_nothing_to_shadow(registry, training):
    card = registered(registry, training, Wish(shadow=True).over(verdict(registry, training, seed=42)))
    assert (registry.current_version(), registry.shadow_version()) == (card.version, "")


def test_a_better_challenger_becomes_current(registry, training):
    # a champion that ranks the other way round
    upside_down = replace(training.model.card, version="20250101T000000Z-down", calibration=(-1.0, 0.0))
    registry.publish(upside_down, training.model.classifier)
    found = verdict(registry, training, seed=42)
    registered(registry, training, found)
    assert registry.current_version() == training.model.card.version
    assert found.comparison.difference > 0
    assert registry.roll_back(NOW) == upside_down.version


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"features": ["shoe_size", *NAMES[1:]]}, "cannot be used: .* they differ in .*shoe_size"),
        ({"horizon_days": 20}, "forecasts another horizon: 20 days, not 10"),
    ],
    ids=["features", "horizon"],
)
def test_a_champion_of_another_kind_loses_and_the_reason_is_said(registry, training, oracle, fields, said):
    registry.publish(replace(oracle.card, **fields), oracle.classifier)
    found = verdict(registry, training, seed=42)
    card = registered(registry, training, found)
    assert registry.current_version() == card.version
    assert card.metrics["comparison"]["champion"] == oracle.card.version
    assert re.search(said, fate(Published(card, found, ""), registry.root))


def test_the_flag_moves_the_pointer_whatever_the_comparison_says(registry, oracle, log, capsys):
    registry.publish(oracle.card, oracle.classifier)
    train_command(log, models=registry.root, promote=True)
    said = capsys.readouterr().out
    current = registry.current_version()
    assert current != oracle.card.version
    assert "--promote wants it so, though on the same users 20250101T000000Z-oracle is better in" in said
    assert registry.card(current).metrics["comparison"]["decision"] == "promoted"
