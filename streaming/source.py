"""From Kafka: the live stream, and a planned range of it read again."""

import json
from dataclasses import dataclass

from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import DataStreamReader

from churn.events import judged, parsed
from churn_io.kafka_security import spark_options

RECORD_COLUMNS = ("key", "value", "topic", "partition", "offset")

Offsets = dict[str, dict[str, int]]  # topic -> partition -> next offset


@dataclass(frozen=True)
class Source:
    """Where events come from, and how many at most in one micro-batch."""

    bootstrap: str
    topic: str
    max_events_per_trigger: int


def live(spark: SparkSession, source: Source) -> DataFrame:
    """The topic from its beginning, or from where the checkpoint stands; stops when offsets were lost."""
    reader: DataStreamReader = (
        spark.readStream.format("kafka")
        .options(**spark_options(source.bootstrap))
        .option("subscribe", source.topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", source.max_events_per_trigger)
        .option("failOnDataLoss", "true")
    )
    return _records(reader.load())


def between(spark: SparkSession, source: Source, start: Offsets, end: Offsets) -> DataFrame:
    """The records of a planned batch, judged, with their origin."""
    reader: DataFrameReader = (
        spark.read.format("kafka")
        .options(**spark_options(source.bootstrap))
        .option("assign", json.dumps({topic: [int(number) for number in found] for topic, found in end.items()}))
        .option("startingOffsets", json.dumps(start))
        .option("endingOffsets", json.dumps(end))
    )
    return _records(reader.load()).transform(parsed).transform(judged)


def _records(kafka: DataFrame) -> DataFrame:
    return kafka.select(*RECORD_COLUMNS, F.unix_millis("timestamp").alias("recorded_ms"))
