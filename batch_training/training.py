"""logs -> model: one pass over the log, snapshots, every learner on the same rows, and the best of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from pyspark.ml import PredictionModel
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from batch_training.calibration import IDENTITY, platt
from batch_training.evaluation import Outcome, metrics
from batch_training.learners import INPUTS, MAJORITY, Learner, learners
from batch_training.logs import Counts, accepted_events, readable
from batch_training.report import Report, Result, iso
from batch_training.snapshots import snapshots
from batch_training.split import Split, chronological
from batch_training.threshold import threshold_for
from churn.errors import InvalidLog
from churn.features import NAMES
from churn.labels import LABEL
from churn.model import Model, ModelCard, scaled, standardised, with_probability
from churn.state import daily

ROWS_PER_PARTITION = 20_000  # learners make hundreds of small jobs; below this a second task costs more than it saves
NEVER = 1.1  # a threshold that no probability reaches

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """What a training run may be told; the budget is the share of the live users that may be alerted."""

    horizon_days: int = 10
    budget: float = 0.05
    seed: int = 42


@dataclass(frozen=True)
class History:
    """A log in daily partial states, and its account."""

    partials: DataFrame
    counts: Counts
    users: int


@dataclass(frozen=True)
class Roles:
    """The snapshots by what they are for; `training` has the vector of inputs as well."""

    training: DataFrame
    calibration: DataFrame
    test: DataFrame
    positives: dict[str, int]
    training_rows: int


@dataclass(frozen=True)
class Candidate:
    """A fitted and calibrated model with its figures."""

    model: Model
    result: Result


def train(
    spark: SparkSession, log: str, settings: Settings, now: datetime, announce: Announce = lambda _phase: None
) -> tuple[Model, Report]:
    """The best model of a log and the report on all learners; `now` dates the version. Raises InvalidLog."""
    announce("reading the log")
    past = history(spark, log, int(now.timestamp() * 1000))
    split = chronological(past.counts.first_ms, past.counts.last_ms, settings.horizon_days)

    announce(f"taking {len(split.moments_ms)} snapshots of {past.users:,} users")
    partitions = 1 + past.users * len(split.moments_ms) // ROWS_PER_PARTITION
    frame = snapshots(past.partials, split.moments_ms, settings.horizon_days).coalesce(partitions).localCheckpoint()
    card = blank_card(frame.where(F.col("as_of_ms").isin(*split.training_ms)), settings)
    roles = by_role(frame, split, card)

    results, candidates = [majority(roles, settings)], []
    for learner in learners(settings.seed):
        announce(f"training {learner.name}")
        candidates.append(candidate(learner, roles, card, settings))
        results.append(candidates[-1].result)
    best = max(candidates, key=lambda c: c.result.calibration["average_precision"])

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
    return Model(published_card(best.model.card, report, now), best.model.classifier), report


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


def blank_card(training: DataFrame, settings: Settings) -> ModelCard:
    """A card with the scale of the training snapshots, not yet of any learner."""
    value = {name: scaled(F.col(name)) for name in NAMES}
    found = training.agg(
        F.array(*(F.avg(value[name]) for name in NAMES)).alias("mean"),
        F.array(*(F.stddev_pop(value[name]) for name in NAMES)).alias("deviation"),
        F.array(*(F.median(value[name]) for name in NAMES)).alias("typical"),
    ).first()
    return ModelCard(
        version="",
        learner="",
        features=list(NAMES),
        mean=list(found["mean"]),
        deviation=[deviation or 1.0 for deviation in found["deviation"]],  # a constant feature stays 0
        typical=list(found["typical"]),
        calibration=IDENTITY,
        threshold=NEVER,
        horizon_days=settings.horizon_days,
    )


def by_role(frame: DataFrame, split: Split, card: ModelCard) -> Roles:
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
            f"users who cancel within {card.horizon_days} days after a snapshot: {told}; each role needs some "
            "who do and some who do not: give a longer log or one of more users"
        )
    inputs = array_to_vector(F.array(*standardised(card))).alias(INPUTS)
    return Roles(
        training=frame.where(is_training).select(LABEL, inputs).localCheckpoint(),
        calibration=frame.where(F.col("as_of_ms") == split.calibration_ms),
        test=frame.where(F.col("as_of_ms") == split.test_ms),
        positives=positives,
        training_rows=rows["training"],
    )


def candidate(
    learner: Learner, roles: Roles, card: ModelCard, settings: Settings, clock: Callable[[], float] = time.perf_counter
) -> Candidate:
    """The learner fitted on the training snapshots, calibrated and given its threshold on the calibration snapshot."""
    started = clock()
    classifier = without_summary(learner.estimator.fit(roles.training))
    raw = Model(replace(card, learner=learner.name, coefficients=coefficients(classifier)), classifier)
    model = Model(replace(raw.card, calibration=platt(with_scores(roles.calibration, raw))), classifier)
    calibration, test = (outcome(with_scores(frame, model)) for frame in (roles.calibration, roles.test))
    threshold = threshold_for(calibration.probability, settings.budget)
    result = Result(
        learner.name,
        metrics(calibration, threshold, settings.budget),
        metrics(test, threshold, settings.budget),
        clock() - started,
    )
    return Candidate(Model(replace(model.card, threshold=threshold), classifier), result)


def majority(roles: Roles, settings: Settings) -> Result:
    """The figures of giving everybody the training snapshots' base rate, and never alerting."""
    base_rate = roles.positives["training"] / roles.training_rows

    def guessed(frame: DataFrame) -> dict[str, object]:
        label = outcome(frame.select(F.lit(base_rate).alias("probability"), LABEL))
        return metrics(label, NEVER, settings.budget)

    return Result(MAJORITY, guessed(roles.calibration), guessed(roles.test), 0.0)


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
    return with_probability(frame, model, F.array(*standardised(model.card)), "probability")


def outcome(scores: DataFrame) -> Outcome:
    """`probability` and `label`, brought to the driver: a snapshot has a row a user."""
    rows = np.array(scores.select("probability", LABEL).collect(), dtype=np.float64)
    return Outcome(rows[:, 0], rows[:, 1])


def published_card(card: ModelCard, report: Report, now: datetime) -> ModelCard:
    """The chosen card with its version, figures and origin."""
    return replace(
        card,
        version=f"{now:%Y%m%dT%H%M%SZ}-{card.learner}",
        metrics=report.metrics(),
        data=report.data(),
        code_version=code_version(),
    )


def code_version() -> str:
    """The installed version; "unknown" when the code runs from a zip, as on a cluster."""
    try:
        return version("sparkify-churn")
    except PackageNotFoundError:
        return "unknown"
