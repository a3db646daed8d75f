"""logs -> model: one pass over the log, snapshots, every learner on the same rows, and the best of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from pyspark.ml import PredictionModel
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from batch_training.bootstrap import intervals
from batch_training.calibration import platt
from batch_training.cards import NEVER, blank_card, published_card
from batch_training.evaluation import Outcome, average_precision, metrics
from batch_training.groups import UNHELPFUL, without
from batch_training.learners import MAJORITY, VECTOR, Learner, learners
from batch_training.logs import Counts, accepted_events, readable
from batch_training.report import Report, Result, iso
from batch_training.snapshots import snapshots
from batch_training.split import Split, chronological
from batch_training.threshold import threshold_for
from churn.errors import InvalidLog
from churn.labels import CANCEL_DAYS, LABEL
from churn.model import INPUTS, Model, ModelCard, with_inputs, with_probability
from churn.state import daily

ROWS_PER_PARTITION = 20_000  # learners make hundreds of small jobs; below this a second task costs more than it saves
FOLDS = 3  # of users, to compare the learners: thrice the cancels of a single snapshot
FOLD = "fold"

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """What a training run may be told; the budget is a share of the live users, `left_out` are groups of features."""

    horizon_days: int = 10
    budget: float = 0.05
    seed: int = 42
    left_out: tuple[str, ...] = UNHELPFUL


@dataclass(frozen=True)
class History:
    """A log in daily partial states, and its account."""

    partials: DataFrame
    counts: Counts
    users: int


@dataclass(frozen=True)
class Roles:
    """The snapshots by what they are for; those of training have a fold, by user, as well."""

    training: DataFrame
    calibration: DataFrame
    test: DataFrame
    positives: dict[str, int]
    training_rows: int


@dataclass(frozen=True)
class Candidate:
    """A fitted and calibrated model with its figures, and what it says of the two later snapshots."""

    model: Model
    result: Result
    calibration: Outcome
    test: Outcome


@dataclass(frozen=True)
class Trained:
    """The best model of a log, all that competed, the report on them, and the snapshots, to measure others on."""

    model: Model
    candidates: tuple[Candidate, ...]
    report: Report
    snapshots: DataFrame

    @property
    def test(self) -> DataFrame:
        """The test snapshot."""
        return self.snapshots.where(F.col("as_of_ms") == self.report.split.test_ms)


def train(
    spark: SparkSession, log: str, settings: Settings, now: datetime, announce: Announce = lambda _phase: None
) -> Trained:
    """The best model of a log; `now` dates its version. Raises InvalidLog."""
    announce("reading the log")
    past = history(spark, log, int(now.timestamp() * 1000))
    split = chronological(past.counts.first_ms, past.counts.last_ms, settings.horizon_days)

    announce(f"taking {len(split.moments_ms)} snapshots of {past.users:,} users")
    partitions = 1 + past.users * len(split.moments_ms) // ROWS_PER_PARTITION
    frame = snapshots(past.partials, split.moments_ms, settings.horizon_days).coalesce(partitions).localCheckpoint()
    roles = by_role(frame, split, settings)
    announce("finding classes of users")
    card = without(blank_card(roles.training, settings.horizon_days, settings.seed), settings.left_out)
    roles = replace(roles, training=vectors(roles.training, card).localCheckpoint())

    results, candidates = [majority(roles, settings)], []
    for learner in learners(settings.seed):
        announce(f"training {learner.name}")
        candidates.append(candidate(learner, roles, card, settings))
        results.append(candidates[-1].result)
    best = max(candidates, key=lambda c: c.result.validation)

    report = Report(
        log=log,
        counts=past.counts,
        users=past.users,
        split=split,
        training_rows=roles.training_rows,
        training_positives=roles.positives["training"],
        budget=settings.budget,
        horizon_days=settings.horizon_days,
        results=tuple(results),
        chosen=best.result.learner,
    )
    model = Model(published_card(best.model.card, report, now), best.model.classifier)
    return Trained(model, tuple(candidates), report, frame)


def history(spark: SparkSession, log: str, present_ms: int) -> History:
    """The log, read once; raises InvalidLog when it holds no event or no cancel."""
    events = accepted_events(spark, log, present_ms)
    # a checkpoint, not a cache: Spark would compare the plan of every later step with this large one
    with readable(log):
        partials = daily(events.events).localCheckpoint()
    users = partials.select("user_id").distinct().count()
    counts = events.counts() if users else events.recounted()
    if not counts.cancels:
        raise InvalidLog(
            f"{log}: nobody cancels in {counts.accepted:,} events of {users:,} users from {iso(counts.first_ms)} "
            f"to {iso(counts.last_ms)}; wanted are rows of page Cancellation Confirmation"
        )
    return History(partials, counts, users)


def by_role(frame: DataFrame, split: Split, settings: Settings) -> Roles:
    """The snapshots by role; raises InvalidLog when one of them holds no cancel, or nothing else."""
    is_training = F.col("as_of_ms").isin(*split.training_ms)
    role = (
        F.when(is_training, "training")
        .when(F.col("as_of_ms") == split.calibration_ms, "calibration")
        .otherwise("test")
        .alias("role")
    )
    counted = frame.groupBy(role).agg(F.count(F.lit(1)).alias("rows"), F.sum(LABEL).cast("long").alias("positives"))
    found = {row["role"]: (row["rows"], row["positives"]) for row in counted.collect()}
    rows = {name: found.get(name, (0, 0))[0] for name in ("training", "calibration", "test")}
    positives = {name: found.get(name, (0, 0))[1] for name in rows}
    if not all(0 < positives[name] < rows[name] for name in rows):
        told = ", ".join(f"{name} {positives[name]} of {rows[name]}" for name in rows)
        raise InvalidLog(
            f"users who cancel within {settings.horizon_days} days after a snapshot: {told}; each role needs some "
            "who do and some who do not: give a longer log or one of more users"
        )
    fold = F.pmod(F.xxhash64("user_id", F.lit(settings.seed)), F.lit(FOLDS))
    return Roles(
        training=frame.where(is_training).drop(CANCEL_DAYS).withColumn(FOLD, fold),
        calibration=frame.where(F.col("as_of_ms") == split.calibration_ms),
        test=frame.where(F.col("as_of_ms") == split.test_ms),
        positives=positives,
        training_rows=rows["training"],
    )


def vectors(training: DataFrame, card: ModelCard) -> DataFrame:
    """Features, label and fold -> label, fold and the vector that Spark's learners want."""
    return with_inputs(training, card).select(LABEL, FOLD, array_to_vector(INPUTS).alias(VECTOR))


def candidate(
    learner: Learner, roles: Roles, card: ModelCard, settings: Settings, clock: Callable[[], float] = time.perf_counter
) -> Candidate:
    """The learner fitted on the training snapshots, calibrated and given its threshold on the calibration snapshot."""
    started = clock()
    validation = validated(learner, roles.training, card)
    classifier = without_summary(learner.estimator.fit(roles.training))
    raw = Model(replace(card, learner=learner.name, coefficients=coefficients(classifier)), classifier)
    model = Model(replace(raw.card, calibration=platt(with_scores(roles.calibration, raw))), classifier)
    calibration, test = (outcome(with_scores(frame, model)) for frame in (roles.calibration, roles.test))
    threshold = threshold_for(calibration.probability, settings.budget)
    result = Result(
        learner.name,
        validation,
        metrics(calibration, threshold, settings.budget),
        tested(test, threshold, settings),
        clock() - started,
    )
    return Candidate(Model(replace(model.card, threshold=threshold), classifier), result, calibration, test)


def validated(learner: Learner, training: DataFrame, card: ModelCard) -> float:
    """The mean average precision over FOLDS of the training snapshots; all rows of a user lie in one fold."""
    scores = []
    for fold in range(FOLDS):
        classifier = without_summary(learner.estimator.fit(training.where(F.col(FOLD) != fold)))
        held_out = training.where(F.col(FOLD) == fold).withColumn(INPUTS, vector_to_array(VECTOR))
        scored = with_probability(held_out, Model(card, classifier), F.col(INPUTS), "probability")
        scores.append(average_precision(outcome(scored)))
    return float(np.nanmean(scores))


def majority(roles: Roles, settings: Settings) -> Result:
    """The figures of giving everybody the training snapshots' base rate, and never alerting."""
    base_rate = roles.positives["training"] / roles.training_rows

    calibration, test = (
        outcome(frame.withColumn("probability", F.lit(base_rate))) for frame in (roles.calibration, roles.test)
    )
    return Result(MAJORITY, base_rate, metrics(calibration, NEVER, settings.budget), tested(test, NEVER, settings), 0.0)


def tested(test: Outcome, threshold: float, settings: Settings) -> dict[str, Any]:
    """The figures of the test snapshot, and under `intervals` between which ends each lies."""
    ends = intervals(test, threshold, settings.budget, settings.seed)
    return {**metrics(test, threshold, settings.budget), "intervals": ends}


def without_summary(classifier: PredictionModel) -> PredictionModel:
    """The fitted model as it is after loading: its training summary would drag the session into every scoring task."""
    if getattr(classifier, "hasSummary", False):
        nothing = SparkSession.active()._jvm.scala.Option.empty()
        classifier._java_obj.setSummary(nothing)
    return classifier


def coefficients(classifier: PredictionModel) -> list[float]:
    """The weights of a linear model, which make its reasons exact; none for the others."""
    return [float(weight) for weight in classifier.coefficients] if hasattr(classifier, "coefficients") else []


def with_scores(frame: DataFrame, model: Model) -> DataFrame:
    """`frame` with `probability`."""
    return with_probability(with_inputs(frame, model.card), model, F.col(INPUTS), "probability")


def outcome(scores: DataFrame) -> Outcome:
    """`probability`, `label` and, if there, `cancel_days`, brought to the driver: a snapshot has a row a user."""
    names = [name for name in ("probability", LABEL, CANCEL_DAYS) if name in scores.columns]
    rows = np.array(scores.select(*names).collect(), dtype=np.float64)  # a null becomes not a number
    return Outcome(*rows.T)
