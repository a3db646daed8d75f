"""The records of the topics: what a key, a value and a header hold."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from churn.model import ModelCard
from churn.shadow import SHADOW

# Only a record that was compressed on its way holds more: Kafka limits the size as sent, and a kB can be a MB here.
LONGEST_KEY = 64 * 1024  # bytes
LONGEST_VALUE = 10 * 1024 * 1024


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
    """Judged records with their origin -> the rejected ones as `key`, `value` (the raw bytes) and `headers`.

    A key or value that no topic would take is cut; how many bytes a cut value had is in the header `bytes`.
    """
    headers = F.array(
        _header("reason", F.col("reason")),
        _header("topic", F.col("topic")),
        _header("partition", F.col("partition")),
        _header("offset", F.col("offset")),
        _header("timestamp_ms", F.col("recorded_ms")),
    )
    length = F.octet_length("value")
    with_length = F.concat(headers, F.array(_header("bytes", length)))
    return judged.where(F.col("reason").isNotNull()).select(
        F.substring("key", 1, LONGEST_KEY).alias("key"),
        F.substring("value", 1, LONGEST_VALUE).alias("value"),
        F.when(length > LONGEST_VALUE, with_length).otherwise(headers).alias("headers"),
    )


def _header(name: str, value: Column) -> Column:
    return F.struct(F.lit(name).alias("key"), value.cast("string").cast("binary").alias("value"))
