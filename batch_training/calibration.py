"""From a learner's raw score to a probability that means what it says."""

from dataclasses import replace

from pyspark.ml.classification import LogisticRegression
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import Matrices
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from churn.free_days import free_days_after
from churn.labels import LABEL
from churn.model import ModelCard, log_exposure
from churn.state import DAY_MS

IDENTITY = (1.0, 0.0)
LEAST_ACTIVITY, MOST_ACTIVITY = 0.05, 20.0  # of a free day: a log of almost nothing but such days tells no more


def with_calibration(card: ModelCard, raw: DataFrame) -> ModelCard:
    """The card with the calibration of `platt` for one snapshot: `as_of_ms`, uncalibrated `probability`, `label`.

    What the snapshot's horizon owes to the calendar is taken out: each score puts in what its own has.
    """
    slope, intercept = platt(raw)
    exposure = raw.select(log_exposure(card).alias("exposure")).first()["exposure"]
    return replace(card, calibration=(slope, intercept - exposure))


def free_day_activity(partials: DataFrame, first_ms: int, end_ms: int) -> float:
    """Events on a weekend day or a holiday, by those on another day: means over the whole days (UTC) of a span.

    `partials` are daily. 1 where there are no days of either kind; between LEAST_ACTIVITY and MOST_ACTIVITY.
    """
    in_span = partials.where(F.col("day_ms").between(-(-first_ms // DAY_MS) * DAY_MS, end_ms - DAY_MS))
    by_day = in_span.groupBy("day_ms").agg(F.sum("n_events").alias("events"))
    is_free = (free_days_after(F.col("day_ms") / F.lit(float(DAY_MS)), 1) > 0).alias("is_free")
    means = {row.is_free: row.mean for row in by_day.groupBy(is_free).agg(F.avg("events").alias("mean")).collect()}
    if not means.get(True) or not means.get(False):
        return 1.0
    return float(min(max(means[True] / means[False], LEAST_ACTIVITY), MOST_ACTIVITY))


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
