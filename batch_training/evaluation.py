"""How good a forecast is: probabilities against labels, as arrays on the driver."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """A snapshot's calibrated probabilities and labels (1.0: cancelled within the horizon), user by user."""

    probability: Floats
    label: Floats


def average_precision(outcome: Outcome) -> float:
    """The sum of (R_n - R_n-1) * P_n over the distinct scores in falling order: no interpolation, ties count as one.

    As in scikit-learn's average_precision_score; see Manning et al., Introduction to Information Retrieval, 8.4.
    Not a number when there is no positive.
    """
    order = np.argsort(-outcome.probability, kind="stable")
    score, label = outcome.probability[order], outcome.label[order]
    ends_tie = np.append(np.diff(score) != 0, True)
    hits = np.cumsum(label)[ends_tie]
    picked = (np.arange(len(label)) + 1)[ends_tie]
    if not len(hits) or not hits[-1]:
        return float("nan")
    return float(np.sum(np.diff(hits, prepend=0.0) / hits[-1] * hits / picked))


def roc_auc(outcome: Outcome) -> float:
    """The chance that a random positive scores above a random negative, ties half (Mann and Whitney, 1947)."""
    _, tie, sizes = np.unique(outcome.probability, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[tie]
    positives = float(outcome.label.sum())
    negatives = len(outcome.label) - positives
    if not positives or not negatives:
        return float("nan")
    above = float(ranks[outcome.label == 1].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def brier(outcome: Outcome) -> float:
    """The mean squared distance between probability and label (Brier, 1950): less is better."""
    return float(np.mean((outcome.probability - outcome.label) ** 2))


def f1_of_churn(outcome: Outcome, threshold: float) -> float:
    """The harmonic mean of precision and recall of the churn class, when at or over the threshold means churn."""
    alerted = outcome.probability >= threshold
    hits = float(outcome.label[alerted].sum())
    wanted = float(alerted.sum()) + float(outcome.label.sum())
    return 2 * hits / wanted if wanted else 0.0


def budget_users(users: int, budget: float) -> int:
    """How many of the live users a budget (their share) alerts: at least one."""
    return max(1, int(users * budget))


def hits_within_budget(outcome: Outcome, budget: float) -> float:
    """Cancels among the highest scores that the budget allows; a tie at its edge counts with its expected share."""
    k = budget_users(len(outcome.label), budget)
    edge = np.sort(outcome.probability)[-k]
    above, tied = outcome.probability > edge, outcome.probability == edge
    return float(outcome.label[above].sum() + (k - above.sum()) * outcome.label[tied].mean())


def metrics(outcome: Outcome, threshold: float, budget: float) -> dict[str, Any]:
    """All figures of one forecast, by name."""
    users, positives = len(outcome.label), float(outcome.label.sum())
    hits = hits_within_budget(outcome, budget)
    alerted = budget_users(users, budget)
    return {
        "users": users,
        "positives": int(positives),
        "base_rate": positives / users,
        "average_precision": average_precision(outcome),
        "roc_auc": roc_auc(outcome),
        "brier": brier(outcome),
        "mean_probability": float(outcome.probability.mean()),
        "f1": f1_of_churn(outcome, threshold),
        "alerted_share": float(np.mean(outcome.probability >= threshold)),
        "recall_at_budget": hits / positives,
        "lift_at_budget": (hits / alerted) / (positives / users),
    }
