"""A topic read from its beginning to its end by kafka-python, where Spark would be slow to start."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from churn.errors import BrokerUnavailable
from churn_io.kafka_security import client_settings

POLL_MS = 500
MAX_POLL_RECORDS = 10_000
SILENCE_SECONDS = 60  # without a record before the topic's end: twice what the client waits for an answer


@contextmanager
def reading(bootstrap: str) -> Iterator[KafkaConsumer]:
    """A consumer that never leaps over records; raises BrokerUnavailable for whatever the client cannot do."""
    settings = {"group_id": None, "enable_auto_commit": False, "auto_offset_reset": "none"}
    try:
        consumer = KafkaConsumer(**client_settings(bootstrap), **settings, max_poll_records=MAX_POLL_RECORDS)
        with closing(consumer):
            yield consumer
    except KafkaError as error:
        raise BrokerUnavailable(f"{bootstrap} did not give the whole topic ({type(error).__name__}); repeat") from error


def at_beginning(consumer: KafkaConsumer, topic: str, bootstrap: str) -> list[TopicPartition]:
    """The topic's partitions, at whose beginning the consumer then stands; raises BrokerUnavailable."""
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
    if not partitions:
        raise BrokerUnavailable(f"{bootstrap} does not say which partitions {topic} has; repeat")
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    return partitions


def to_end(consumer: KafkaConsumer, partitions: list[TopicPartition], bootstrap: str) -> Iterator[Any]:
    """The records from where the consumer stands to the topic's end as of now; raises BrokerUnavailable."""
    ends = consumer.end_offsets(partitions)
    heard = time.monotonic()
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            heard = time.monotonic()
            yield from records
        if time.monotonic() - heard > SILENCE_SECONDS:
            raise BrokerUnavailable(f"{bootstrap} gave no record for {SILENCE_SECONDS} s before the end of the topic")
