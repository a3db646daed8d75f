"""Where an alert begins: at the score that spends a budget, keeps a precision, or earns most, on later users."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from batch_training.evaluation import Floats, Outcome, budget_users, passed

NEVER = 1.1  # a threshold that no probability reaches
ROUNDING = 1e-9  # users: 7% of 100 are not quite 7 in binary


class Rule(StrEnum):
    """What the threshold in force is chosen for."""

    BUDGET = "budget"
    PRECISION = "precision"
    PROFIT = "profit"


@dataclass(frozen=True)
class Offer:
    """What an alert leads to: an offer to stay. Value and cost are in the same unit of money.

    value: what a customer who stays is worth. cost: of the offer; all who would have stayed anyway take it.
    success: the chance that one who would have left takes it and stays. The defaults are those of Verbraken et al.
    """

    value: float = 200.0
    cost: float = 10.0
    success: float = 0.3

    def profit(self, hits: npt.ArrayLike, alerted: npt.ArrayLike) -> Floats:
        """Of alerting so many, of whom `hits` would have left: Verbraken, Verbeke and Baesens, A Novel Profit
        Maximizing Metric for Measuring Classification Performance of Customer Churn Prediction Models, IEEE
        Transactions on Knowledge and Data Engineering 25 (2013), with contacts that cost nothing.
        """
        hits, alerted = np.asarray(hits, np.float64), np.asarray(alerted, np.float64)
        return np.asarray(hits * self.success * (self.value - self.cost) - (alerted - hits) * self.cost)


@dataclass(frozen=True)
class Goals:
    """What each rule aims at, and which of them is in force.

    budget: the share of the live users that may be alerted in a week. precision: the share of the alerted who cancel
    within the horizon.
    """

    budget: float = 0.05
    precision: float = 0.15
    offer: Offer = field(default_factory=Offer)
    rule: Rule = Rule.BUDGET

    def aim(self, rule: Rule) -> str:
        """What a rule aims at, in words."""
        offer = self.offer
        return {
            Rule.BUDGET: f"at most {self.budget:.1%} of the live users a week",
            Rule.PRECISION: f"{self.precision:.0%} of the alerted cancel",
            Rule.PROFIT: f"most profit: value {offer.value:g}, cost {offer.cost:g}, success {offer.success:.0%}",
        }[rule]


@dataclass(frozen=True)
class Scored:
    """What a calibrated model says: of the calibration snapshot; and each user's highest score of the week up to it."""

    calibration: Outcome
    week: Floats


def thresholds(scored: Scored, goals: Goals) -> dict[Rule, float]:
    """The threshold of each rule; where a rule cannot be met, nobody is alerted."""
    return {
        Rule.BUDGET: for_budget(scored.week, goals.budget),
        Rule.PRECISION: for_precision(scored.calibration, goals.precision),
        Rule.PROFIT: for_profit(scored.calibration, goals.offer),
    }


def for_budget(probability: Floats, budget: float) -> float:
    """The lowest score at which at most the budget (share of the users) is at or over it.

    Just over the highest score when even its ties exceed the budget.
    """
    descending = np.sort(probability)[::-1]
    k = budget_users(len(probability), budget)
    edge = descending[k - 1]
    if k < len(descending) and descending[k] == edge:  # the tie goes on beyond the budget
        higher = descending[descending > edge]
        edge = higher[-1] if len(higher) else np.nextafter(edge, np.inf)
    return float(edge)


def for_precision(outcome: Outcome, precision: float) -> float:
    """The lowest score at which the share who cancel, of those at or over it, is the precision wanted or more.

    NEVER when there is none.
    """
    score, hits, alerted = passed(outcome)
    good_enough = np.flatnonzero(hits >= precision * alerted - ROUNDING)
    return float(score[good_enough[-1]]) if len(good_enough) else NEVER


def for_profit(outcome: Outcome, offer: Offer) -> float:
    """The score that earns most (the maximum profit criterion); NEVER when every alert would lose."""
    score, hits, alerted = passed(outcome)
    profit = offer.profit(hits, alerted)
    best = int(np.argmax(profit))
    return float(score[best]) if profit[best] > 0 else NEVER


def can_alert(threshold: float) -> bool:
    """Whether there is a probability that reaches it."""
    return threshold <= 1


def alerts_from(threshold: float, form: str) -> str:
    """The threshold as text: a number of that format, or "never" when it cannot alert."""
    return format(threshold, form) if can_alert(threshold) else "never"


def consequences(outcome: Outcome, threshold: float, offer: Offer) -> dict[str, Any]:
    """What a threshold does to a snapshot: users alerted and their share, precision, recall, profit per live user.

    The precision is None where nobody is alerted.
    """
    is_alerted = outcome.probability >= threshold
    alerted, hits = float(is_alerted.sum()), float(outcome.label[is_alerted].sum())
    return {
        "alerted": int(alerted),
        "alerted_share": alerted / len(outcome.label),
        "precision": hits / alerted if alerted else None,
        "recall": hits / float(outcome.label.sum()),
        "profit_per_user": float(offer.profit(hits, alerted)) / len(outcome.label),
    }
