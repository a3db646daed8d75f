"""A topic as a log: `kafka://HOST:PORT/TOPIC`, all that it holds when the reading begins."""

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from churn.errors import InvalidLog
from churn_io.kafka import beginnings, ends, require_topics
from churn_io.kafka_ranges import records_between
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
    firsts = beginnings(log.bootstrap, log.topic)
    end = {str(number): offset for number, offset in ends(log.bootstrap, log.topic).items()}
    start = {number: firsts.get(int(number), 0) for number in end}
    found = records_between(spark, spark_options(log.bootstrap), {log.topic: start}, {log.topic: end})
    return found.select("value", "recorded_ms")
