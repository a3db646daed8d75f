"""To Kafka: scores, alerts and dead letters; and the memory of the alerts that were already given."""

import json
from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession

from churn.alerts import Alert
from churn.topics import CHURN_ALERTS, LETTER_BYTES
from churn_io.kafka_reading import at_beginning, reading, to_end
from churn_io.kafka_security import spark_options
from streaming.reader import as_of_ms
from streaming.rows import texts
from streaming.source import SILENCE_MS

PRODUCER = {
    "key.serializer": "org.apache.kafka.common.serialization.ByteArraySerializer",
    "value.serializer": "org.apache.kafka.common.serialization.ByteArraySerializer",
    # the client's own limit is 1 MB: a large letter would end the query
    "max.request.size": LETTER_BYTES,
    # silence, as for the source
    "max.block.ms": SILENCE_MS,
    "request.timeout.ms": SILENCE_MS // 2,
    "delivery.timeout.ms": SILENCE_MS,
}
KAFKA_WRITER = "org.apache.spark.sql.kafka010.KafkaWriter"


def publish(records: DataFrame, bootstrap: str, topic: str) -> None:
    """Write `key`, `value` and, where there are any, `headers`; returns when the broker has them all.

    It calls what Spark's own sink consists of: a query of its own, planned, described and reported, takes a small
    batch longer.
    """
    jvm = records.sparkSession._jvm
    where = {name.removeprefix("kafka."): value for name, value in spark_options(bootstrap).items()}
    some_topic = getattr(jvm, "scala.Option").apply(topic)
    getattr(jvm, KAFKA_WRITER).write(records._jdf.queryExecution(), where | PRODUCER, some_topic)


def publish_alerts(spark: SparkSession, alerts: Sequence[Alert], bootstrap: str, topic: str) -> None:
    """Write the alerts, keyed by user, in their order."""
    if alerts:
        rows = [(alert.user_id, json.dumps(alert.record)) for alert in alerts]
        publish(texts(spark, rows, ("key", "value")), bootstrap, topic)


def last_alerts(bootstrap: str, topic: str = CHURN_ALERTS) -> dict[str, int]:
    """Each user's latest alert (epoch ms) on the topic: the cool-down's memory, which a restart reads again.

    Records that are no alerts count for nothing. Raises BrokerUnavailable.
    """
    latest: dict[str, int] = {}
    with reading(bootstrap) as consumer:
        for record in to_end(consumer, at_beginning(consumer, topic, bootstrap), bootstrap):
            said = alerted(record.value)
            if said:
                user, at_ms = said
                latest[user] = max(at_ms, latest.get(user, at_ms))
    return latest


def alerted(value: bytes | None) -> tuple[str, int] | None:
    """Whom a record of the alert topic is about, and as of when (epoch ms); None for what is no alert."""
    try:
        alert = json.loads(value or b"")
        user, at_ms = alert["user_id"], as_of_ms(alert)
    except (ValueError, KeyError, TypeError):
        return None
    return (user, at_ms) if isinstance(user, str) else None
