"""Model cards: blank with the scale of the inputs, and published with figures and origin."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_training.classes import described, learnt_classes
from batch_training.report import Report
from batch_training.threshold import NEVER
from churn.classes import SHARES, shares
from churn.features import NAMES
from churn.model import IDENTITY, ModelCard, raw_inputs

CONSTANT = 1e-9  # an input whose deviation is a smaller part of its mean is the same for all


def blank_card(training: DataFrame, horizon_days: int, seed: int) -> ModelCard:
    """A card with the classes of users and the scale of the training snapshots, not yet of any learner.

    A typical user has the median of each feature; of the classes, whose shares must add up to 1, the mean.
    """
    latest = training.agg(F.max("as_of_ms")).first()[0]
    classes = learnt_classes(training.where(F.col("as_of_ms") == latest), seed)
    shared = training.withColumn(SHARES, shares(classes)).localCheckpoint()
    classes = described(classes, shared)
    inputs = raw_inputs(classes)
    found = shared.agg(
        F.array(*(F.avg(value) for value in inputs)).alias("mean"),
        F.array(*(F.stddev_pop(value) for value in inputs)).alias("deviation"),
        F.array(*(F.median(value) for value in inputs[: len(NAMES)])).alias("median"),
    ).first()
    return ModelCard(
        version="",
        learner="",
        features=list(NAMES),
        mean=list(found["mean"]),
        deviation=[scale(*each) for each in zip(found["mean"], found["deviation"], strict=True)],
        typical=[*found["median"], *found["mean"][len(NAMES) :]],
        calibration=IDENTITY,
        threshold=NEVER,
        horizon_days=horizon_days,
        classes=classes,
    )


def scale(mean: float, deviation: float) -> float:
    """The deviation to divide by: 1 for a constant input, which so stays 0.

    Rounding leaves a constant with a deviation of some 1e-17: to divide by that would make any other value huge.
    """
    return deviation if deviation > CONSTANT * max(1.0, abs(mean)) else 1.0


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
    return installed("sparkify-churn") or "unknown"


def installed(*packages: str) -> str | None:
    """The version of the first of these packages that is installed; None without any."""
    for package in packages:
        with suppress(PackageNotFoundError):
            return version(package)
    return None
