"""A range of a topic as a frame: from given offsets to given offsets, however often it is read."""

import json
from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

Options = Mapping[str, str | int | bool]
Offsets = dict[str, dict[str, int]]  # topic -> partition -> next offset


def records_between(spark: SparkSession, options: Options, start: Offsets, end: Offsets) -> DataFrame:
    """The records, with Kafka's columns and `recorded_ms`, a record's own time; `options` say whom and how to ask."""
    partitions = {topic: [int(number) for number in found] for topic, found in end.items()}
    reader = (
        spark.read.format("kafka")
        .options(**options)
        .option("assign", json.dumps(partitions))
        .option("startingOffsets", json.dumps(start))
        .option("endingOffsets", json.dumps(end))
    )
    return with_recorded_ms(reader.load())


def with_recorded_ms(records: DataFrame) -> DataFrame:
    """Records as Spark reads them from Kafka, with their own time in epoch ms."""
    return records.withColumn("recorded_ms", F.unix_millis("timestamp"))
