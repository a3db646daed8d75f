"""Logs and snapshots as they were not: what an audit compares with what they are."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from churn.events import has_code
from churn.labels import LABEL


def cut_off(events: DataFrame, moment_ms: int) -> DataFrame:
    """Accepted events without those after the moment."""
    return events.where(F.col("ts_ms") <= moment_ms)


def with_permuted_futures(events: DataFrame, moment_ms: int, seed: int) -> DataFrame:
    """Accepted events, but what each user does after the moment is done by another one: a ring of all users."""
    ring = Window.orderBy(F.xxhash64("user_id", F.lit(seed)))
    heir = F.coalesce(F.lead("user_id").over(ring), F.first("user_id").over(ring)).alias("heir")
    heirs = events.select("user_id").distinct().select("user_id", heir)
    future = events.where(F.col("ts_ms") > moment_ms).join(heirs, on="user_id", how="inner")
    return cut_off(events, moment_ms).unionByName(future.drop("user_id").withColumnRenamed("heir", "user_id"))


def without_pages(events: DataFrame, *pages: str) -> DataFrame:
    """Accepted events but those of `pages`."""
    return events.where(~has_code(*pages))


def with_shuffled_labels(snapshots: DataFrame, seed: int) -> DataFrame:
    """The same rows, but each has the label of a random user of its snapshot: as many ones, on other users."""
    labels = _dealt(snapshots, 2 * seed).select("as_of_ms", "place", LABEL)
    users = _dealt(snapshots, 2 * seed + 1).drop(LABEL)
    return users.join(labels, on=["as_of_ms", "place"], how="inner").select(*snapshots.columns)


def _dealt(snapshots: DataFrame, seed: int) -> DataFrame:
    """With each row's `place` in a random order of its snapshot; no two orders of different seeds are alike."""
    order = Window.partitionBy("as_of_ms").orderBy(F.xxhash64("user_id", F.lit(seed)))
    return snapshots.withColumn("place", F.row_number().over(order))
