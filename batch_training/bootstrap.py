"""How sure a figure is: percentile intervals over resampled users (Efron and Tibshirani, 1993), all resamples at once.

To draw users with replacement is to weigh them: the users are sorted once, and a resample is a row of whole weights.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from batch_training.evaluation import BINS, Bools, Floats, Outcome, budget_users, last_of_ties

RESAMPLES = 500
PERCENTILES = (2.5, 97.5)  # 95 % lie between
CELLS = 250_000  # weights in memory at a time, 2 MB: more do not fit into the cache, and take twice as long
INTERVALS = (
    "base_rate", "average_precision", "roc_auc", "brier", "ece", "mean_probability", "f1", "weighted_f1",
    "weighted_f1_of_majority", "alerted_share", "recall_at_budget", "lift_at_budget", "lead_days",
)  # fmt: skip


@dataclass(frozen=True)
class Ranked:
    """An outcome sorted by falling probability; `order` sorts what belongs to it, `first` begins each tie."""

    outcome: Outcome
    order: npt.NDArray[np.intp]
    first: npt.NDArray[np.intp]


@dataclass(frozen=True)
class Curve:
    """Sums over the users down to each distinct score, a row a resample; the first column is 0, before any user."""

    users: Floats
    hits: Floats
    excess: Floats  # probability less label


def intervals(outcome: Outcome, threshold: float, budget: float, seed: int) -> dict[str, list[float]]:
    """The lower and upper end of each figure in INTERVALS, at 95 %.

    A resample in which a figure does not exist (no one cancels, say) is left out of that figure's interval; a figure
    that exists in none has no interval.
    """
    in_order = ranked(outcome)
    rng = np.random.default_rng(seed)
    drawn = resamples(len(outcome.label), rng)
    found = [weighted_metrics(in_order, weights, threshold, budget) for weights in drawn]
    values = {name: np.concatenate([part[name] for part in found]) for name in INTERVALS}
    return {
        name: [float(end) for end in np.nanpercentile(each, PERCENTILES)]
        for name, each in values.items()
        if not np.isnan(each).all()
    }


def ranked(outcome: Outcome) -> Ranked:
    """The outcome in falling order of probability.

    Label and days order a tie, so that a seed gives the same intervals however the users came.
    """
    days = np.full_like(outcome.label, np.nan) if outcome.cancel_days is None else outcome.cancel_days
    order = np.lexsort((days, outcome.label, -outcome.probability))
    probability = outcome.probability[order]
    first = np.flatnonzero(np.append(True, last_of_ties(probability)[:-1]))
    return Ranked(Outcome(probability, outcome.label[order], days[order]), order, first)


def resamples(users: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each user is drawn, a row a resample, in parts that fit into memory: RESAMPLES rows in all."""
    rows = max(1, CELLS // users)
    for start in range(0, RESAMPLES, rows):
        part = min(rows, RESAMPLES - start)
        drawn = rng.integers(0, users, (part, users)) + np.arange(part)[:, np.newaxis] * users
        yield np.bincount(drawn.ravel(), minlength=part * users).reshape(part, users).astype(np.float64)


def weighted_metrics(in_order: Ranked, weights: Floats, threshold: float, budget: float) -> dict[str, Floats]:
    """The figures of evaluation.metrics, a value a row of weights (resamples x users in the order of `in_order`).

    Not a number where a row has no one of a class that a figure needs.
    """
    curve = curve_of(in_order, weights)
    alerted = in_order.outcome.probability >= threshold
    k = budget_users(len(in_order.outcome.label), budget)
    users, positives = curve.users[:, -1], curve.hits[:, -1]
    hits = _at(curve.users, curve.hits, np.array([k]))[:, 0]
    base_rate, larger = positives / users, np.maximum(positives, users - positives) / users
    return {
        "base_rate": base_rate,
        "average_precision": average_precision(curve),
        "roc_auc": roc_auc(curve),
        "ece": calibration_error(curve),
        "weighted_f1_of_majority": 2 * larger**2 / (1 + larger),
        "recall_at_budget": _ratio(hits, positives),
        "lift_at_budget": _ratio(hits / k, base_rate),
        "lead_days": lead_days(in_order, alerted, weights),
        **_means(in_order, alerted, weights),
    }


def curve_of(in_order: Ranked, weights: Floats) -> Curve:
    """The sums, a row a row of weights (resamples x users in the order of `in_order`)."""
    return Curve(*(_down_to(in_order, weights, each) for each in _summed(in_order.outcome)))


def average_precision(curve: Curve) -> Floats:
    """As evaluation.average_precision, a value a resample."""
    precision = np.divide(curve.hits, curve.users, out=np.zeros_like(curve.hits), where=curve.users > 0)
    return _ratio(np.einsum("ij,ij->i", np.diff(curve.hits), precision[:, 1:]), curve.hits[:, -1])


def roc_auc(curve: Curve) -> Floats:
    """As evaluation.roc_auc, a value a resample: a hit is above the negatives after it, and half its tie's."""
    misses = curve.users - curve.hits
    below = misses[:, -1:] - (misses[:, :-1] + misses[:, 1:]) / 2
    return _ratio(np.einsum("ij,ij->i", np.diff(curve.hits), below), curve.hits[:, -1] * misses[:, -1])


def calibration_error(curve: Curve) -> Floats:
    """As evaluation.expected_calibration_error, a value a resample."""
    users = curve.users[0, -1]
    at_edges = _at(curve.users, curve.excess, np.linspace(0, users, BINS + 1))
    return np.asarray(np.abs(np.diff(at_edges)).sum(axis=1) / users)


def lead_days(in_order: Ranked, alerted: Bools, weights: Floats) -> Floats:
    """As evaluation.lead_days, a value a resample: the mean of the two middle ones of the days."""
    found = np.flatnonzero(alerted & (in_order.outcome.label == 1))
    if in_order.outcome.cancel_days is None or not len(found):
        return np.full(len(weights), np.nan)
    found = found[np.argsort(in_order.outcome.cancel_days[found])]
    drawn = np.cumsum(weights[:, found], axis=1)
    total = drawn[:, -1:]
    middle = [np.argmax(drawn > place, axis=1) for place in ((total - 1) // 2, total // 2)]
    days = in_order.outcome.cancel_days[found]
    return np.where(total[:, 0] > 0, (days[middle[0]] + days[middle[1]]) / 2, np.nan)


def _means(in_order: Ranked, alerted: Bools, weights: Floats) -> dict[str, Floats]:
    """The figures that need no order."""
    said, label = in_order.outcome.probability, in_order.outcome.label
    sums = weights @ np.column_stack([np.ones_like(said), (said - label) ** 2, said, label, alerted, alerted * label])
    users, distances, probability, positives, alerts, hits = sums.T
    f1 = _ratio(2 * hits, alerts + positives, without=0.0)
    stays = users - positives
    f1_of_stay = _ratio(2 * (stays - alerts + hits), users - alerts + stays, without=0.0)
    return {
        "brier": distances / users,
        "mean_probability": probability / users,
        "f1": f1,
        "weighted_f1": (positives * f1 + stays * f1_of_stay) / users,
        "alerted_share": alerts / users,
    }


def _summed(outcome: Outcome) -> tuple[Floats, ...]:
    """What a Curve sums, user by user."""
    return np.ones_like(outcome.label), outcome.label, outcome.probability - outcome.label


def _down_to(in_order: Ranked, weights: Floats, values: Floats) -> Floats:
    """Weighted sums of the values down to the end of each tie, after a column of zeros."""
    sums = np.zeros((len(weights), len(in_order.first) + 1))
    np.cumsum(np.add.reduceat(weights * values, in_order.first, axis=1), axis=1, out=sums[:, 1:])
    return sums


def _at(users: Floats, sums: Floats, places: Floats) -> Floats:
    """The sums down to that many users, row by row; inside a tie by its mean."""
    return np.array([np.interp(places, *row) for row in zip(users, sums, strict=True)])


def _ratio(part: Floats, whole: Floats, without: float = np.nan) -> Floats:
    return np.divide(part, whole, out=np.full_like(whole, without), where=whole > 0)
