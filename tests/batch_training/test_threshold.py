import numpy as np
import pytest

from batch_training.champion import Verdict
from batch_training.evaluation import Outcome
from batch_training.model_report.model_sections import an_alert
from batch_training.publishing import Published, fate
from batch_training.threshold import NEVER, Offer, alerts_from, consequences, for_budget, for_precision, for_profit
from tests.builders import card

TWENTY = np.arange(1, 21) / 100  # 0.01 to 0.20


@pytest.mark.parametrize(("budget", "alerted"), [(0.05, 1), (0.1, 2), (0.5, 10), (0.12, 2), (0.001, 1), (0.15, 3)])
def test_the_budget_is_spent_and_not_exceeded(budget, alerted):
    assert (for_budget(TWENTY, budget) <= TWENTY).sum() == alerted


def test_a_tie_that_would_exceed_the_budget_is_left_out():
    scores = np.array([0.9, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    assert for_budget(scores, 0.2) == 0.9


def test_nobody_is_alerted_when_all_scores_are_equal():
    scores = np.full(10, 0.3)
    assert not (scores >= for_budget(scores, 0.2)).any()


def scored(*pairs):
    """An outcome of (probability, label) pairs."""
    return Outcome(*np.array(pairs, dtype=np.float64).T)


RANKED = scored((0.9, 0), (0.8, 1), (0.7, 1), (0.6, 0), (0.5, 1), (0.4, 0), (0.3, 0), (0.2, 0))


def test_the_lowest_score_that_keeps_the_precision_is_chosen():
    assert for_precision(RANKED, 0.6) == 0.5  # 3 of 5; at 0.7 it is 2 of 3, at 0.6 2 of 4
    assert for_precision(RANKED, 0.65) == 0.7


def test_nobody_is_alerted_when_no_score_has_the_precision():
    assert for_precision(RANKED, 0.7) == NEVER


def test_the_score_that_earns_most_is_chosen():
    # a hit brings 0.5 * (100 - 20) = 40, any other alert costs 20: -20, 20, 60, 40, 80, 60, ...
    assert for_profit(RANKED, Offer(value=100, cost=20, success=0.5)) == 0.5
    # 0.5 * (60 - 20) = 20 against 20: -20, 0, 20, 0, 20: of two that earn the same, the one that alerts fewer
    assert for_profit(RANKED, Offer(value=60, cost=20, success=0.5)) == 0.7


def test_nobody_is_alerted_when_every_alert_loses():
    assert for_profit(RANKED, Offer(value=30, cost=20, success=0.5)) == NEVER  # later users may score higher


def test_a_threshold_that_nobody_reaches_is_said_in_words():
    assert alerts_from(for_precision(RANKED, 0.7), ".3f") == "never"
    assert alerts_from(for_precision(RANKED, 0.6), ".3f") == "0.500"
    assert alerts_from(for_budget(np.ones(10), 0.2), ".3f") == "never"  # all are certain to cancel: one tie


def test_a_model_that_alerts_nobody_is_published_and_shown_so():
    found = Verdict(champion=None, is_promoted=True, reason="there was none")
    assert fate(Published(card("v1", threshold=NEVER), found, ""), "models") == (
        "is now the current model of models; alerts nobody; there was none"
    )
    assert an_alert(NEVER) == "Nobody is alerted, since no probability reached what is aimed at"
    assert an_alert(0.125) == "An alert is a probability of 0.1250 or over"


def test_what_a_threshold_does_is_counted():
    assert consequences(RANKED, 0.6, Offer(value=100, cost=20, success=0.5)) == {
        "alerted": 4, "alerted_share": 0.5, "precision": 0.5, "recall": 2 / 3, "profit_per_user": 5.0,
    }  # fmt: skip


def test_without_alerts_there_is_no_precision():
    assert consequences(RANKED, 1.0, Offer())["precision"] is None
