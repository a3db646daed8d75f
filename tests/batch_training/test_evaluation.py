"""The metrics against values that were worked out by hand."""

import math

import numpy as np
import pytest

from batch_training.evaluation import (
    Outcome,
    average_precision,
    brier,
    f1_of_churn,
    hits_within_budget,
    metrics,
    roc_auc,
)


def outcome(*pairs):
    """Pairs of probability and label."""
    probability, label = zip(*pairs, strict=True)
    return Outcome(np.array(probability, dtype=float), np.array(label, dtype=float))


# from scikit-learn's manual: average_precision_score 0.83, roc_auc_score 0.75
MANUAL = outcome((0.1, 0), (0.4, 0), (0.35, 1), (0.8, 1))


def test_average_precision_is_that_of_the_manual():
    assert average_precision(MANUAL) == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)


def test_a_tie_counts_as_one_threshold_whatever_the_order_of_its_users():
    # at 0.9: one pick, one hit; at 0.5: four picks, two hits
    expected = 1 / 2 * 1 / 1 + 1 / 2 * 2 / 4
    assert average_precision(outcome((0.9, 1), (0.5, 1), (0.5, 0), (0.5, 0))) == pytest.approx(expected)
    assert average_precision(outcome((0.5, 0), (0.5, 0), (0.9, 1), (0.5, 1))) == pytest.approx(expected)


def test_equal_scores_for_all_have_the_base_rate_as_average_precision():
    assert average_precision(outcome((0.2, 1), (0.2, 0), (0.2, 0), (0.2, 0))) == pytest.approx(0.25)


def test_without_a_positive_there_is_no_average_precision_and_no_area():
    nobody = outcome((0.2, 0), (0.3, 0))
    assert math.isnan(average_precision(nobody))
    assert math.isnan(roc_auc(nobody))


def test_the_area_is_the_share_of_pairs_in_order_with_ties_as_half():
    assert roc_auc(MANUAL) == pytest.approx(0.75)
    assert roc_auc(outcome((0.5, 1), (0.5, 0))) == pytest.approx(0.5)
    # pairs: .9 beats both; .4 ties one and loses to none -> 1 + 1 + 1 + .5 of 4
    assert roc_auc(outcome((0.9, 1), (0.4, 1), (0.4, 0), (0.1, 0))) == pytest.approx(3.5 / 4)


def test_brier_is_the_mean_squared_distance():
    assert brier(outcome((0.8, 1), (0.4, 0))) == pytest.approx((0.04 + 0.16) / 2)


def test_f1_is_that_of_the_churn_class_at_or_over_the_threshold():
    # alerted: .8 (churns) and .4 (stays); missed: .35 -> precision 1/2, recall 1/2
    assert f1_of_churn(MANUAL, 0.4) == pytest.approx(0.5)
    assert f1_of_churn(MANUAL, 0.9) == 0.0


def test_a_tie_at_the_edge_of_the_budget_counts_with_its_expected_share():
    # three of six may be alerted: .9 surely, and two of the four at .5, of whom one in four churns
    picked = outcome((0.9, 1), (0.5, 1), (0.5, 0), (0.5, 0), (0.5, 0), (0.1, 0))
    assert hits_within_budget(picked, 0.5) == pytest.approx(1 + 2 * 1 / 4)


def test_the_majority_guess_has_no_lift():
    guess = metrics(outcome(*[(0.1, 1)], *[(0.1, 0)] * 9), threshold=1.1, budget=0.2)
    assert guess["lift_at_budget"] == pytest.approx(1.0)
    assert guess["recall_at_budget"] == pytest.approx(0.2)
    assert guess["f1"] == 0.0
    assert guess["base_rate"] == pytest.approx(0.1)
