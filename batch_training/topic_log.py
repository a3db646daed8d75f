"""A topic as a log: `kafka://HOST:PORT/TOPIC`, all that it holds when the reading begins."""

import json
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from churn.errors import InvalidLog
from churn_io.kafka import beginnings, ends, require_topics
from churn_io.kafka_security import spark_options

SCHEME = "kafka://"


@dataclass(frozen=True)
class TopicLog:
    """Which topic, and where."""

    bootstrap: str
    topic: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bootstrap}/{self.topic}"

    def require(self) -> None:
        """Raise BrokerUnavailable, TopicMissing or NotAllowed."""
        require_topics(self.bootstrap, {self.topic: {"READ"}})


def is_topic(path: str) -> bool:
    """Whether a log's path names a topic."""
    return path.startswith(SCHEME)


def topic_log(path: str) -> TopicLog:
    """The topic that a path names; raises InvalidLog for one that names none."""
    bootstrap, _, topic = path.removeprefix(SCHEME).partition("/")
    if not bootstrap or not topic or "/" in topic:
        raise InvalidLog(f"{path}: wanted is {SCHEME}HOST:PORT/TOPIC")
    return TopicLog(bootstrap, topic)


def topic_records(spark: SparkSession, path: str) -> DataFrame:
    """The topic's `value` and `recorded_ms` (the record's own time); each pass reads the same offsets.

    Raises BrokerUnavailable, TopicMissing, NotAllowed or InvalidLog.
    """
    log = topic_log(path)
    log.require()
    starts, stops = beginnings(log.bootstrap, log.topic), ends(log.bootstrap, log.topic)
    reader = (
        spark.read.format("kafka")
        .options(**spark_options(log.bootstrap))
        .option("assign", json.dumps({log.topic: sorted(stops)}))
        .option("startingOffsets", json.dumps({log.topic: {number: starts.get(number, 0) for number in stops}}))
        .option("endingOffsets", json.dumps({log.topic: stops}))
    )
    return reader.load().select("value", F.unix_millis("timestamp").alias("recorded_ms"))
