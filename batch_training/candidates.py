"""What competes to be the model: each learner tuned, fitted, calibrated and measured, and the majority beside them."""

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_training.bootstrap import intervals
from batch_training.calibration import with_calibration
from batch_training.evaluation import Outcome, metrics
from batch_training.fitting import fitted, highest_by_user, of_vectors, outcome, with_weights
from batch_training.learners import MAJORITY, Learner
from batch_training.report import Result
from batch_training.roles import Roles
from batch_training.settings import Settings
from batch_training.split import WEEK_DAYS
from batch_training.threshold import NEVER, Scored, consequences, thresholds
from batch_training.tuning import Step, named, tuned
from churn.model import Model, ModelCard, uncalibrated
from churn.state import DAY_MS


@dataclass(frozen=True)
class Candidate:
    """A fitted and calibrated model with its figures, what it says of the two later snapshots, and who learnt it."""

    model: Model
    result: Result
    calibration: Outcome
    test: Outcome
    learner: Learner


def candidate(learner: Learner, roles: Roles, card: ModelCard, settings: Settings, step: Step) -> Candidate:
    """The learner fitted on the training snapshots; the calibration snapshot sets its scale and its threshold."""
    started = time.perf_counter()
    plain = uncalibrated(card)
    best = tuned(learner, roles.training, plain, step)
    classifier = fitted(best.learner, roles.training)
    raw = of_vectors(roles.calibration, Model(plain, classifier))
    of_learner = with_weights(replace(card, learner=learner.name), classifier)
    model = Model(with_calibration(of_learner, raw), classifier)
    calibration, test = (outcome(of_vectors(frame, model)) for frame in (roles.calibration, roles.test))
    week = highest_by_user(of_vectors(in_any_week(roles.week), model))
    by_rule = thresholds(Scored(calibration, week), settings.goals)
    threshold = by_rule[settings.goals.rule]
    offer = settings.goals.offer
    result = Result(
        learner=learner.name,
        validation=best.validation,
        calibration=metrics(calibration, threshold, settings.goals.budget),
        test=tested(test, threshold, settings),
        seconds=time.perf_counter() - started,
        parameters=named(best.learner.parameters),
        tried=tuple(asdict(point) for point in best.tried),
        thresholds=tuple(
            {
                "rule": str(rule),
                "threshold": value,
                "calibration": consequences(calibration, value, offer),
                "test": consequences(test, value, offer),
            }
            for rule, value in by_rule.items()
        ),
    )
    return Candidate(
        Model(replace(model.card, threshold=threshold), classifier), result, calibration, test, best.learner
    )


def in_any_week(week: DataFrame) -> DataFrame:
    """The snapshots of a week as if on the same weekdays of January 1970, when the calendar has no holidays.

    A threshold that was set for a week before holidays would alert too many in all others.
    """
    return week.withColumn("as_of_ms", F.pmod("as_of_ms", F.lit(WEEK_DAYS * DAY_MS)))


def majority(roles: Roles, settings: Settings) -> Result:
    """The figures of giving everybody the training snapshots' base rate, and never alerting."""
    base_rate = roles.positives["training"] / roles.training_rows
    calibration, test = (
        outcome(frame.withColumn("probability", F.lit(base_rate))) for frame in (roles.calibration, roles.test)
    )
    budget = settings.goals.budget
    return Result(MAJORITY, base_rate, metrics(calibration, NEVER, budget), tested(test, NEVER, settings), 0.0)


def tested(test: Outcome, threshold: float, settings: Settings) -> dict[str, Any]:
    """The figures of the test snapshot, and under `intervals` between which ends each lies."""
    budget = settings.goals.budget
    ends = intervals(test, threshold, budget, settings.seed)
    return {**metrics(test, threshold, budget), "intervals": ends}
