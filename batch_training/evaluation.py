"""How good a forecast is: probabilities against labels, as arrays on the driver."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BINS = 10  # of the calibration error, as in its source


@dataclass(frozen=True)
class Outcome:
    """A snapshot's calibrated probabilities and labels (1.0: cancelled within the horizon), user by user.

    `cancel_days`: days from the snapshot to the cancel, not a number where none falls within the horizon.
    """

    probability: Floats
    label: Floats
    cancel_days: Floats | None = None


def last_of_ties(score: Floats) -> Bools:
    """Whether a place in sorted scores is the last of its value."""
    return np.append(np.diff(score) != 0, True)


def passed(outcome: Outcome) -> tuple[Floats, Floats, Floats]:
    """The distinct scores in falling order; the cancels, and the users, at or over each."""
    order = np.argsort(-outcome.probability, kind="stable")
    score = outcome.probability[order]
    ends_tie = last_of_ties(score)
    hits, alerted = np.cumsum(outcome.label[order]), np.arange(1.0, len(score) + 1)
    return score[ends_tie], hits[ends_tie], alerted[ends_tie]


def average_precision(outcome: Outcome) -> float:
    """The sum of (R_n - R_n-1) * P_n over the distinct scores in falling order: no interpolation, ties count as one.

    As in scikit-learn's average_precision_score; see Manning et al., Introduction to Information Retrieval, 8.4.
    Not a number when there is no positive.
    """
    _, hits, picked = passed(outcome)
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


def expected_calibration_error(outcome: Outcome) -> float:
    """How far the mean probability is from the share who cancel, on average over BINS bins of equal count.

    Naeini, Cooper and Hauskrecht (2015); equal counts as in Nixon et al. (2019), since most probabilities are small.
    A bin holds users / BINS of the sorted users: a tie across its edge is divided pro rata, with its mean label, and
    so is a single user. Few users make it large: even a true forecast is off by about .8 of a bin's standard error.
    """
    excess = summed_by_bin(outcome, outcome.probability - outcome.label)
    return float(np.abs(excess).sum() / len(outcome.label))


def summed_by_bin(outcome: Outcome, values: Floats) -> Floats:
    """The users' values, summed in BINS bins of equal count, the highest probabilities first."""
    order = np.argsort(-outcome.probability, kind="stable")
    ends_tie = last_of_ties(outcome.probability[order])
    sums = np.append(0.0, np.cumsum(values[order])[ends_tie])
    users = np.append(0, (np.arange(len(order)) + 1)[ends_tie])
    return np.diff(np.interp(np.linspace(0, len(order), BINS + 1), users, sums))


def f1_of_churn(outcome: Outcome, threshold: float) -> float:
    """The harmonic mean of precision and recall of the churn class, when at or over the threshold means churn."""
    return _f1(outcome.probability >= threshold, outcome.label == 1)


def weighted_f1(outcome: Outcome, threshold: float) -> float:
    """The mean of both classes' F1, each weighted by its users; as scikit-learn's f1_score(average="weighted")."""
    alerted, churns = outcome.probability >= threshold, outcome.label == 1
    base_rate = float(churns.mean())
    return base_rate * _f1(alerted, churns) + (1 - base_rate) * _f1(~alerted, ~churns)


def weighted_f1_of_majority(base_rate: float) -> float:
    """The weighted F1 of putting everybody into the larger class: what a weighted F1 must beat."""
    larger = max(base_rate, 1 - base_rate)
    return larger * 2 * larger / (1 + larger)


def _f1(said: Bools, true: Bools) -> float:
    wanted = float(said.sum() + true.sum())
    return 2 * float((said & true).sum()) / wanted if wanted else 0.0


def lead_days(outcome: Outcome, threshold: float) -> float:
    """The median days to the cancel of those alerted who cancel within the horizon; not a number without any."""
    found = (outcome.probability >= threshold) & (outcome.label == 1)
    if outcome.cancel_days is None or not found.any():
        return float("nan")
    return float(np.median(outcome.cancel_days[found]))


def budget_users(users: int, budget: float) -> int:
    """How many of the live users a budget (their share) alerts: at least one."""
    return max(1, int(users * budget + 1e-9))  # 29% of 100 are not quite 29 in binary


def hits_within_budget(outcome: Outcome, budget: float) -> float:
    """Cancels among the highest scores that the budget allows; a tie at its edge counts with its expected share."""
    k = budget_users(len(outcome.label), budget)
    edge = np.sort(outcome.probability)[-k]
    above, tied = outcome.probability > edge, outcome.probability == edge
    return float(outcome.label[above].sum() + (k - above.sum()) * outcome.label[tied].mean())


def metrics(outcome: Outcome, threshold: float, budget: float) -> dict[str, Any]:
    """All figures of one forecast, by name; `lead_days` is None when no alerted user cancels."""
    users, positives = len(outcome.label), float(outcome.label.sum())
    hits = hits_within_budget(outcome, budget)
    alerted = budget_users(users, budget)
    lead = lead_days(outcome, threshold)
    return {
        "users": users,
        "positives": int(positives),
        "base_rate": positives / users,
        "average_precision": average_precision(outcome),
        "roc_auc": roc_auc(outcome),
        "brier": brier(outcome),
        "ece": expected_calibration_error(outcome),
        "mean_probability": float(outcome.probability.mean()),
        "f1": f1_of_churn(outcome, threshold),
        "weighted_f1": weighted_f1(outcome, threshold),
        "weighted_f1_of_majority": weighted_f1_of_majority(positives / users),
        "alerted_share": float(np.mean(outcome.probability >= threshold)),
        "recall_at_budget": hits / positives,
        "lift_at_budget": (hits / alerted) / (positives / users),
        "lead_days": None if np.isnan(lead) else lead,
    }
