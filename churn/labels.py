"""What is forecast: a cancel within the horizon after a moment, for users who are alive at it."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from churn.state import DAY_MS

LABEL = "label"
CANCEL_DAYS = "cancel_days"
HISTORY_DAYS = 7  # a moment with less of the log before it says little about habits: not learnt from, not alerted


def is_within_horizon(cancelled_ms: Column, as_of_ms: Column, horizon_days: int) -> Column:
    """Whether a cancel (epoch ms) falls into (as_of, as_of + horizon]."""
    return (cancelled_ms > as_of_ms) & (cancelled_ms <= as_of_ms + horizon_days * DAY_MS)


def labelled(features: DataFrame, cancels: DataFrame, horizon_days: int) -> DataFrame:
    """Features, and user_id with cancelled_ms (any number of rows a user) -> the features, `label` and `cancel_days`.

    `label`: 1.0 or 0.0; `cancel_days`: days to the cancel that the label means, null without one. It tells the label:
    for evaluation, never for a learner.
    """
    by_user = cancels.groupBy("user_id").agg(F.collect_list("cancelled_ms").alias("cancels_ms"))
    within_horizon = F.filter(
        F.coalesce("cancels_ms", F.array().cast("array<bigint>")),
        lambda cancelled_ms: is_within_horizon(cancelled_ms, F.col("as_of_ms"), horizon_days),
    )
    cancel_days = (F.array_min(within_horizon) - F.col("as_of_ms")) / F.lit(float(DAY_MS))
    return features.join(by_user, on="user_id", how="left").select(
        *features.columns, cancel_days.isNotNull().cast("double").alias(LABEL), cancel_days.alias(CANCEL_DAYS)
    )
