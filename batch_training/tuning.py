"""Which parameters, and how good a learner is, on users whom it has not seen: cross-validation grouped by user.

Not Spark's CrossValidator: it measures with a stepwise area, not with average precision, drags each fitted model's
training summary into the scoring tasks, and does not say how far it is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.pool import ThreadPool
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_training.evaluation import average_precision
from batch_training.fitting import fitted, of_vectors, outcome
from batch_training.folds import FOLD, FOLDS
from batch_training.learners import Learner, Parameters
from churn.model import Model, ModelCard

Step = Callable[[int, int], None]  # fits done, fits in all


@dataclass(frozen=True)
class Tried:
    """One point of a learner's grid, and its mean average precision on held-out users."""

    parameters: dict[str, Any]
    validation: float


@dataclass(frozen=True)
class Tuned:
    """A learner with its best parameters, and all that was tried, in the grid's order."""

    learner: Learner
    tried: tuple[Tried, ...]

    @property
    def validation(self) -> float:
        """The best mean average precision."""
        return max(point.validation for point in self.tried)


def tuned(learner: Learner, training: DataFrame, card: ModelCard, step: Step = lambda _done, _of: None) -> Tuned:
    """The learner with the parameters of its grid that rank held-out users best; all rows of a user lie in one fold.

    As many fits run side by side as the session has cores: each is a row of small jobs that keeps none of them busy.
    """
    tasks = [(point, fold) for point in learner.grid for fold in range(FOLDS)]

    def measured(task: tuple[Parameters, int]) -> float:
        point, fold = task
        return held_out(replace(learner, parameters=point), training, card, fold)

    cores = training.sparkSession.sparkContext.defaultParallelism
    with ThreadPool(min(len(tasks), cores)) as pool:
        found = list(_counted(pool.imap(measured, tasks), len(tasks), step))
    by_point = np.reshape(found, (len(learner.grid), FOLDS)).mean(axis=1)
    best = learner.grid[int(np.argmax(by_point))]
    tried = (Tried(named(point), float(mean)) for point, mean in zip(learner.grid, by_point, strict=True))
    return Tuned(replace(learner, parameters=best), tuple(tried))


def held_out(learner: Learner, training: DataFrame, card: ModelCard, fold: int) -> float:
    """The average precision on one fold of a learner fitted on the others."""
    classifier = fitted(learner, training.where(F.col(FOLD) != fold))
    return average_precision(outcome(of_vectors(training.where(F.col(FOLD) == fold), Model(card, classifier))))


def _counted(found: Iterator[float], total: int, step: Step) -> Iterator[float]:
    """The same, with word of each as it comes."""
    for done, each in enumerate(found, start=1):
        step(done, total)
        yield each


def named(parameters: Parameters) -> dict[str, Any]:
    """Parameters by their names."""
    return {parameter.name: value for parameter, value in parameters.items()}
