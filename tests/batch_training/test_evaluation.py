"""The metrics against values that were worked out by hand."""

import math

import numpy as np
import pytest

from batch_training.evaluation import (
    Outcome,
    average_precision,
    brier,
    expected_calibration_error,
    f1_of_churn,
    hits_within_budget,
    lead_days,
    metrics,
    roc_auc,
    weighted_f1,
    weighted_f1_of_majority,
)


def outcome(*users):
    """Users as (probability, label), or as (probability, label, days to the cancel)."""
    return Outcome(*(np.array(column, dtype=float) for column in zip(*users, strict=True)))


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


def test_the_calibration_error_is_the_mean_distance_of_ten_bins_of_equal_count():
    # bins of two: .3 is said of nobody who churns, .1 on average of two of whom one does, about 0 of the rest who stay
    exact = [(n / 1e9, 0) for n in range(16)]
    error = (2 / 20) * abs((0.05 + 0.15) / 2 - 1 / 2) + (2 / 20) * 0.3
    assert expected_calibration_error(outcome((0.05, 1), (0.15, 0), (0.3, 0), (0.3, 0), *exact)) == pytest.approx(error)


def test_a_tie_across_bins_is_divided_by_its_mean_label_whatever_the_order_of_its_users():
    # all at .25, of whom half churn: each of the ten bins is .25 off
    tied = [(0.25, 1)] * 10 + [(0.25, 0)] * 10
    assert expected_calibration_error(outcome(*tied)) == pytest.approx(0.25)
    assert expected_calibration_error(outcome(*tied[::-1])) == pytest.approx(0.25)


def test_a_user_on_the_edge_of_two_bins_is_divided_between_them():
    # bins of one user and a half; probability less label is +.5 and -.5 in turn, so each bin is .5 - .25 off
    fifteen = [(0.5 + n / 1e9, n % 2) for n in range(15)]
    assert expected_calibration_error(outcome(*fifteen)) == pytest.approx(10 * 0.25 / 15, abs=1e-6)


def test_with_few_users_the_calibration_error_is_about_the_distance_of_each():
    assert expected_calibration_error(outcome((0.9, 1), (0.2, 0))) == pytest.approx((0.1 + 0.2) / 2)
    # four users in ten bins of .4: the third bin shares -.2 and .4, the eighth -.65 and .1
    distances = 0.8 * 0.2 + 0.2 * (0.4 - 0.2) + 0.8 * 0.4 + 0.8 * 0.65 + 0.2 * (0.65 - 0.1) + 0.8 * 0.1
    assert expected_calibration_error(MANUAL) == pytest.approx(distances / 4)


def test_a_true_forecast_has_a_calibration_error_too_because_bins_are_finite():
    # the mean distance of a bin's share from its probability: .8 of its standard error
    rng = np.random.default_rng(7)
    said = np.full(2000, 0.04)
    distinct = said + np.arange(2000) / 1e9
    errors = [expected_calibration_error(Outcome(distinct, rng.binomial(1, said) * 1.0)) for _ in range(50)]
    assert np.mean(errors) == pytest.approx(0.8 * math.sqrt(0.04 * 0.96 / 200), rel=0.1)


def test_the_weighted_f1_weighs_each_class_by_its_users():
    # alerted: .8 (churns), .4 (stays); churn F1 1/2 for two of five, stay F1 2*2/(3+3) for three of five
    five = outcome((0.8, 1), (0.4, 0), (0.35, 1), (0.1, 0), (0.2, 0))
    assert weighted_f1(five, 0.4) == pytest.approx(2 / 5 * 1 / 2 + 3 / 5 * 2 / 3)


def test_to_guess_the_majority_gives_a_weighted_f1_that_flatters():
    # 52 of the 225 users of the small public log cancel at some time; 4 % of the live do within ten days
    assert weighted_f1_of_majority(52 / 225) == pytest.approx(0.668, abs=0.001)
    assert weighted_f1_of_majority(0.04) == pytest.approx(0.940, abs=0.001)
    nobody_alerted = outcome(*[(0.1, 1)] * 52, *[(0.1, 0)] * 173)
    assert weighted_f1(nobody_alerted, 1.1) == pytest.approx(weighted_f1_of_majority(52 / 225))


def test_the_lead_is_the_median_days_to_the_cancel_of_those_alerted():
    nan = math.nan
    five = outcome((0.9, 1, 2.0), (0.8, 1, 9.0), (0.7, 1, 3.5), (0.6, 0, nan), (0.1, 1, 0.5))
    assert lead_days(five, 0.5) == 3.5
    assert lead_days(five, 0.75) == 5.5
    assert metrics(five, 0.5, 0.2)["lead_days"] == 3.5


def test_without_an_alerted_user_who_cancels_there_is_no_lead():
    assert metrics(outcome((0.9, 0, math.nan), (0.1, 1, 4.0)), 0.5, 0.5)["lead_days"] is None
    assert metrics(MANUAL, 0.4, 0.5)["lead_days"] is None


def test_every_learner_has_its_weighted_f1_beside_that_of_the_majority():
    found = metrics(MANUAL, 0.4, 0.5)
    assert found["weighted_f1"] == pytest.approx(1 / 2)
    assert found["weighted_f1_of_majority"] == pytest.approx(1 / 3)
    assert found["ece"] == expected_calibration_error(MANUAL)
