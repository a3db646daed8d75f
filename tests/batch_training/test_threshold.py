import numpy as np
import pytest

from batch_training.threshold import threshold_for

TWENTY = np.arange(1, 21) / 100  # 0.01 to 0.20


@pytest.mark.parametrize(("budget", "alerted"), [(0.05, 1), (0.1, 2), (0.5, 10), (0.12, 2), (0.001, 1)])
def test_the_budget_is_spent_and_not_exceeded(budget, alerted):
    assert (threshold_for(TWENTY, budget) <= TWENTY).sum() == alerted


def test_a_tie_that_would_exceed_the_budget_is_left_out():
    scores = np.array([0.9, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    assert threshold_for(scores, 0.2) == 0.9


def test_nobody_is_alerted_when_all_scores_are_equal():
    scores = np.full(10, 0.3)
    assert not (scores >= threshold_for(scores, 0.2)).any()
