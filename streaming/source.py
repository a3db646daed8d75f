"""From Kafka: the live stream, and a planned range of it read again."""

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import DataStreamReader

from churn.events import judged, parsed
from churn_io.kafka_ranges import Offsets, records_between, with_recorded_ms
from churn_io.kafka_security import spark_options

RECORD_COLUMNS = ("key", "value", "topic", "partition", "offset", "recorded_ms")

# A broker that is silent for so long is out; Kafka's clients themselves get over what is shorter. Their own limits
# are two minutes and more.
SILENCE_MS = 20_000
SILENCE = {
    "kafka.default.api.timeout.ms": SILENCE_MS,
    "kafka.request.timeout.ms": SILENCE_MS // 2,
    "kafkaConsumer.pollTimeoutMs": SILENCE_MS,
    "fetchOffset.numRetries": 1,
}


@dataclass(frozen=True)
class Source:
    """Where events come from, how many at most in one micro-batch, and whether what is lost stops it."""

    bootstrap: str
    topic: str
    max_events_per_trigger: int
    fails_on_loss: bool = True

    @property
    def options(self) -> dict[str, str | int | bool]:
        """How Spark is to read it."""
        return spark_options(self.bootstrap) | SILENCE | {"failOnDataLoss": self.fails_on_loss}


def live(spark: SparkSession, source: Source) -> DataFrame:
    """The topic from its beginning, or from where the checkpoint stands."""
    reader: DataStreamReader = (
        spark.readStream.format("kafka")
        .options(**source.options)
        .option("subscribe", source.topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", source.max_events_per_trigger)
    )
    return with_recorded_ms(reader.load()).select(*RECORD_COLUMNS)


def between(spark: SparkSession, source: Source, start: Offsets, end: Offsets) -> DataFrame:
    """The records of a planned batch, judged, with their origin."""
    records = records_between(spark, source.options, start, end).select(*RECORD_COLUMNS)
    return records.transform(parsed).transform(judged)
