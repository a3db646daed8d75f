"""What the learners see: every live user's features at past moments, and whether a cancel followed."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from churn.features import with_features
from churn.labels import labelled
from churn.state import alive, states_at


def snapshots(partials: DataFrame, moments_ms: list[int], horizon_days: int) -> DataFrame:
    """Daily partial states -> user_id, as_of_ms, last_ms, the features, `label` and `cancel_days`.

    A row per live user and moment.
    """
    cancels = partials.where(F.col("cancelled_ms").isNotNull()).select("user_id", "cancelled_ms")
    features = states_at(partials, moments_ms).transform(alive).transform(with_features)
    return labelled(features, cancels, horizon_days)
