"""Outcomes -> the points of curves and the counts of bins: pure functions of arrays."""

from dataclasses import dataclass

import numpy as np

from batch_training.evaluation import BINS, Bools, Floats, Outcome, passed, summed_by_bin
from batch_training.explore.users import wilson

SCORE_BINS = 40


@dataclass(frozen=True)
class Line:
    """Points from left to right."""

    x: Floats
    y: Floats


@dataclass(frozen=True)
class Bin:
    """Users of like probability: what was said of them, the share who cancel, and its 95% interval.

    A tie across an edge is divided pro rata, so users and cancels need not be whole.
    """

    users: float
    mean_probability: float
    share: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Spread:
    """How many of those who stay and of those who cancel lie between each two edges."""

    edges: Floats
    stay: Floats
    cancel: Floats


@dataclass(frozen=True)
class _Descent:
    """Down the ranking, at the end of each tie: users and cancels passed so far; zeros before any."""

    users: Floats
    hits: Floats


def roc(outcome: Outcome) -> Line:
    """Share of those who stay that is alerted (x), and share of those who cancel (y), at every threshold."""
    down = _descent(outcome)
    misses = down.users - down.hits
    return Line(misses / misses[-1], down.hits / down.hits[-1])


def precision_recall(outcome: Outcome) -> Line:
    """Recall (x) and precision (y) at every threshold; the area of its steps is the average precision.

    y holds from the x before it up to its own; the first point repeats the first precision at recall 0.
    """
    down = _descent(outcome)
    precision = down.hits[1:] / down.users[1:]
    return Line(down.hits / down.hits[-1], np.append(precision[0], precision))


def gain(outcome: Outcome) -> Line:
    """Share of the users that is alerted, the highest scores first (x), and share of the cancels among them (y)."""
    down = _descent(outcome)
    return Line(down.users / down.users[-1], down.hits / down.hits[-1])


def reliability(outcome: Outcome) -> list[Bin]:
    """The bins of evaluation.expected_calibration_error, the lowest probabilities first: of equal count."""
    said, cancels = (summed_by_bin(outcome, each)[::-1] for each in (outcome.probability, outcome.label))
    size = len(outcome.label) / BINS
    return [
        Bin(size, float(sum_ / size), float(hits / size), wilson(float(hits), size))
        for sum_, hits in zip(said, cancels, strict=True)
    ]


def lead_times(outcome: Outcome, threshold: float, horizon_days: int) -> tuple[Floats, Floats]:
    """Cancels by full days after the snapshot: of those alerted, and of everybody."""
    edges = np.arange(horizon_days + 1)
    days = np.full_like(outcome.label, np.nan) if outcome.cancel_days is None else outcome.cancel_days
    cancels: Bools = outcome.label == 1
    alerted = cancels & (outcome.probability >= threshold)
    found, everybody = (np.histogram(days[who], edges)[0].astype(np.float64) for who in (alerted, cancels))
    return found, everybody


def scores(outcome: Outcome) -> Spread:
    """Users by label and probability; the bins are equally wide in its logarithm."""
    lowest, highest = (
        np.log10(max(float(end), 1e-9)) for end in (outcome.probability.min(), outcome.probability.max())
    )
    edges = np.logspace(lowest - 1e-6, max(highest, lowest + 0.01) + 1e-6, SCORE_BINS + 1)
    stay, cancel = (
        np.histogram(outcome.probability[outcome.label == label], edges)[0].astype(np.float64) for label in (0, 1)
    )
    return Spread(edges, stay, cancel)


def _descent(outcome: Outcome) -> _Descent:
    _, hits, users = passed(outcome)
    return _Descent(np.append(0.0, users), np.append(0.0, hits))
