"""Intervals: a resample's weights give what its rows would give, and the intervals cover what they should."""

import math

import numpy as np
import pytest

from batch_training.bootstrap import INTERVALS, intervals, ranked, weighted_metrics
from batch_training.evaluation import Outcome, metrics

BUDGET = 0.1
THRESHOLD = 0.5


def population(rng, users, decimals=2):
    """Users whose scores say the truth but for their rounding, which ties some of them."""
    chance = rng.beta(1, 2, users)
    label = rng.binomial(1, chance) * 1.0
    days = np.where(label == 1, rng.uniform(0, 10, users), np.nan)
    return Outcome(np.round(chance, decimals), label, days)


def resampled(outcome, drawn):
    """The drawn users' rows, as often as they were drawn."""
    return Outcome(outcome.probability[drawn], outcome.label[drawn], outcome.cancel_days[drawn])


@pytest.mark.parametrize("decimals", [1, 2, 12])
@pytest.mark.parametrize("users", [7, 30, 203])
def test_weighted_metrics_are_the_plain_metrics_of_the_resampled_rows(users, decimals):
    rng = np.random.default_rng(users)
    outcome = population(rng, users, decimals)
    drawn = rng.integers(0, users, (20, users))
    weights = np.array([np.bincount(row, minlength=users) for row in drawn], dtype=float)
    in_order = ranked(outcome)
    found = weighted_metrics(in_order, weights[:, in_order.order], THRESHOLD, BUDGET)
    assert set(found) == set(INTERVALS)
    for number, row in enumerate(drawn):
        rows = resampled(outcome, row)
        if not 0 < rows.label.sum() < users:
            continue
        plain = metrics(rows, THRESHOLD, BUDGET)
        for name in INTERVALS:
            expected = math.nan if plain[name] is None else plain[name]
            assert found[name][number] == pytest.approx(expected, nan_ok=True), name


def test_a_resample_of_one_class_has_no_ranking():
    outcome = Outcome(np.array([0.6, 0.4]), np.array([1.0, 0.0]))
    found = weighted_metrics(ranked(outcome), np.array([[2.0, 0.0], [0.0, 2.0]]), THRESHOLD, BUDGET)
    assert np.isnan(found["roc_auc"]).all()
    assert np.isnan(found["average_precision"]).tolist() == [False, True]
    assert np.isnan(found["recall_at_budget"]).tolist() == [False, True]
    assert found["f1"].tolist() == [1.0, 0.0]


def test_an_interval_is_that_of_its_seed_whatever_the_order_of_the_users():
    outcome = population(np.random.default_rng(3), 300)
    found = intervals(outcome, THRESHOLD, BUDGET, seed=1)
    shuffled = resampled(outcome, np.random.default_rng(0).permutation(300))
    assert found == intervals(shuffled, THRESHOLD, BUDGET, seed=1)
    assert found != intervals(outcome, THRESHOLD, BUDGET, seed=2)
    assert all(low <= high for low, high in found.values())


def test_an_interval_does_not_depend_on_how_many_resamples_fit_into_memory(monkeypatch):
    outcome = population(np.random.default_rng(3), 300)
    at_once = intervals(outcome, THRESHOLD, BUDGET, seed=1)
    monkeypatch.setattr("batch_training.bootstrap.CELLS", 2000)
    in_parts = intervals(outcome, THRESHOLD, BUDGET, seed=1)
    # sums of parts may differ in the last bit, by how many numbers the processor adds at a time
    assert in_parts == {name: pytest.approx(ends, rel=1e-12) for name, ends in at_once.items()}


def test_a_mean_has_the_interval_that_its_standard_error_gives():
    label = np.repeat([1.0, 0.0], [200, 800])
    low, high = intervals(Outcome(np.full(1000, 0.3), label), THRESHOLD, BUDGET, seed=4)["base_rate"]
    assert (low, high) == pytest.approx((0.2 - 1.96 * 0.01265, 0.2 + 1.96 * 0.01265), abs=0.003)


def test_what_no_resample_has_gets_no_interval():
    nobody = Outcome(np.array([0.2, 0.3]), np.array([0.0, 0.0]))
    found = intervals(nobody, THRESHOLD, BUDGET, seed=1)
    assert "brier" in found
    assert not {"average_precision", "roc_auc", "lead_days"} & set(found)


def test_about_ninety_five_in_a_hundred_intervals_cover_the_truth():
    rng = np.random.default_rng(11)
    truth = metrics(population(rng, 400_000), THRESHOLD, BUDGET)
    names = ("average_precision", "roc_auc", "brier", "f1", "weighted_f1", "recall_at_budget", "lift_at_budget")
    cases = [intervals(population(rng, 400), THRESHOLD, BUDGET, seed) for seed in range(150)]
    for name in names:
        covered = np.mean([case[name][0] <= truth[name] <= case[name][1] for case in cases])
        assert 0.90 <= covered <= 0.99, name
