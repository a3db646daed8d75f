"""What the learners see: every live user's features at past moments, and whether a cancel followed."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_training.split import Split
from churn.features import with_features
from churn.labels import labelled
from churn.state import alive, states_at

ROWS_PER_PARTITION = 20_000  # learners make hundreds of small jobs; below this a second task costs more than it saves


def taken(partials: DataFrame, users: int, split: Split, horizon_days: int) -> DataFrame:
    """The snapshots of all moments of a split, computed once; `users`: how many the partials are of."""
    frame = snapshots(partials, split.moments_ms, horizon_days)
    return in_order(frame, users * len(split.moments_ms), "user_id", "as_of_ms")


def in_order(frame: DataFrame, rows: int, *keys: str) -> DataFrame:
    """The frame, of about so many rows, computed once, in as few partitions as pay.

    Sorted: what forests and boosted trees draw depends on the order of the rows.
    """
    return frame.coalesce(1 + rows // ROWS_PER_PARTITION).sortWithinPartitions(*keys).localCheckpoint()


def snapshots(partials: DataFrame, moments_ms: list[int], horizon_days: int) -> DataFrame:
    """Daily partial states -> user_id, as_of_ms, last_ms, the features, `label` and `cancel_days`.

    A row per live user and moment.
    """
    cancels = partials.where(F.col("cancelled_ms").isNotNull()).select("user_id", "cancelled_ms")
    features = states_at(partials, moments_ms).transform(alive).transform(with_features)
    return labelled(features, cancels, horizon_days)
