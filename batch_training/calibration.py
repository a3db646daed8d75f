"""From a learner's raw score to a probability that means what it says."""

from dataclasses import replace
from datetime import timedelta
from statistics import mean

from pyspark.ml.classification import LogisticRegression
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import Matrices
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from churn.free_days import EPOCH, is_free
from churn.labels import LABEL
from churn.model import LEAST_ACTIVITY, MOST_ACTIVITY, ModelCard, log_exposure
from churn.state import DAY_MS


def with_calibration(card: ModelCard, raw: DataFrame) -> ModelCard:
    """The card with the calibration of `platt` for one snapshot: `as_of_ms`, uncalibrated `probability`, `label`.

    What the snapshot's horizon owes to the calendar is taken out: each score puts in what its own has.
    """
    slope, intercept = platt(raw)
    exposure = raw.select(log_exposure(card).alias("exposure")).first()["exposure"]
    return replace(card, calibration=(slope, intercept - exposure))


def free_day_activity(partials: DataFrame, first_ms: int, end_ms: int) -> float:
    """Events on a weekend day or a holiday, by those on another day: means over the whole days (UTC) of a span.

    `partials` are daily. Between LEAST_ACTIVITY and MOST_ACTIVITY; 1 where the span has no days of either kind.
    """
    by_day = partials.groupBy("day_ms").agg(F.sum("n_events").alias("events"))
    events = {row["day_ms"] // DAY_MS: row["events"] for row in by_day.collect()}
    by_kind: dict[bool, list[int]] = {True: [], False: []}
    for day in range(-(-first_ms // DAY_MS), end_ms // DAY_MS):
        by_kind[is_free(EPOCH + timedelta(day))].append(events.get(day, 0))
    if not all(by_kind.values()):
        return 1.0
    on_free_days, on_others = mean(by_kind[True]), mean(by_kind[False])
    return min(max(on_free_days / on_others, LEAST_ACTIVITY), MOST_ACTIVITY) if on_others else MOST_ACTIVITY


def platt(raw: DataFrame) -> tuple[float, float]:
    """`probability` (uncalibrated, inside 0 and 1) and `label` -> slope and intercept on its logit (Platt, 1999).

    The slope is at least 0: a learner that ranks worse than chance is not turned round but told apart no more.
    """
    logit = F.log(F.col("probability") / (1.0 - F.col("probability")))
    regression = LogisticRegression(
        featuresCol="logit",
        labelCol=LABEL,
        maxIter=100,
        lowerBoundsOnCoefficients=Matrices.dense(1, 1, [0.0]),
    )
    fitted = regression.fit(raw.select(array_to_vector(F.array(logit)).alias("logit"), LABEL))
    return float(fitted.coefficients[0]), float(fitted.intercept)
