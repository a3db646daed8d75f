"""The records of the topics: what a key, a value and a header hold."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from churn.model import ModelCard
from churn.shadow import SHADOW


def as_score_records(scored: DataFrame, card: ModelCard) -> DataFrame:
    """Scored users -> user_id, as_of_ms, probability, and `key`, `value` for churn-scores (JSON, times in ISO 8601).

    A record has the field `shadow` where the users have that column.
    """
    value = F.to_json(
        F.struct(
            "user_id",
            F.timestamp_millis("as_of_ms").alias("as_of"),
            F.timestamp_millis("last_ms").alias("last_event"),
            "probability",
            F.lit(card.threshold).alias("threshold"),
            F.lit(card.horizon_days).alias("horizon_days"),
            F.lit(card.version).alias("model_version"),
            "reasons",
            *(name for name in (SHADOW,) if name in scored.columns),
        )
    )
    return scored.select("user_id", "as_of_ms", "probability", F.col("user_id").alias("key"), value.alias("value"))


def as_dead_letters(judged: DataFrame) -> DataFrame:
    """Judged records with their origin -> the rejected ones as `key`, `value` (the raw bytes) and `headers`."""
    headers = F.array(
        _header("reason", F.col("reason")),
        _header("topic", F.col("topic")),
        _header("partition", F.col("partition")),
        _header("offset", F.col("offset")),
        _header("timestamp_ms", F.col("recorded_ms")),
    )
    return judged.where(F.col("reason").isNotNull()).select("key", "value", headers.alias("headers"))


def _header(name: str, value: Column) -> Column:
    return F.struct(F.lit(name).alias("key"), value.cast("string").cast("binary").alias("value"))
