"""log and moment -> every live user's score as of then, as one file."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_training.logs import AcceptedEvents, Counts, readable
from batch_training.report import iso
from churn.errors import InvalidLog
from churn.features import NAMES, with_features
from churn.model import Model
from churn.scoring import Scorer
from churn.state import alive, state_at
from churn_io.storage import Storage

SUFFIXES = (".csv", ".parquet")


@dataclass(frozen=True)
class Prediction:
    """How many live users were scored, how many of them at or over the threshold, and the log's account."""

    users: int
    above_threshold: int
    counts: Counts


def predict(log: AcceptedEvents, as_of_ms: int, model: Model, out: str) -> Prediction:
    """Score the users who are alive as of then from the events up to then, and write them; raises InvalidLog."""
    features = state_at(log.events, as_of_ms).transform(alive).transform(with_features).coalesce(1)
    with readable(log.path):
        features = features.localCheckpoint()
    users = features.count()
    counts = log.counts(users > 0)
    if not users:
        raise InvalidLog(
            f"{log.path}: nobody is alive as of {iso(as_of_ms)}; "
            f"the log's events are from {iso(counts.first_ms)} to {iso(counts.last_ms)}"
        )
    predictions = predicted(features, model).persist()
    above = predictions.where("above_threshold").count()
    write(Storage(log.events.sparkSession), predictions, out)
    predictions.unpersist()
    return Prediction(users, above, counts)


def predicted(features: DataFrame, model: Model) -> DataFrame:
    """Features -> user_id, as_of (ISO 8601), probability, above_threshold, reasons, the features; highest first."""
    scores = Scorer(model).explained(features).select("user_id", "probability", "reasons")
    return (
        features.join(scores, on="user_id", how="inner")
        .select(
            "user_id",
            F.date_format(F.timestamp_millis("as_of_ms"), "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").alias("as_of"),
            "probability",
            (F.col("probability") >= model.card.threshold).alias("above_threshold"),
            "reasons",
            *NAMES,
        )
        .orderBy(F.desc("probability"), "user_id")
    )


def write(storage: Storage, predictions: DataFrame, out: str) -> None:
    """One CSV (reasons as JSON text) or Parquet file, by the suffix; written aside and moved into place."""
    path = PurePosixPath(out)
    aside = out.removesuffix(path.name) + f".{path.name}.writing"
    writer = predictions.coalesce(1)
    if path.suffix == ".csv":
        as_text = writer.withColumn("reasons", F.to_json("reasons"))
        as_text.write.mode("overwrite").option("header", True).option("escape", '"').csv(storage.spark_path(aside))
    else:
        writer.write.mode("overwrite").parquet(storage.spark_path(aside))
    (part,) = (name for name in storage.names(aside) if name.startswith("part-"))
    storage.move(f"{aside}/{part}", out)
    storage.remove(aside)
