"""What a peer published last for each key, to see that all peers did the same job."""

from collections.abc import Iterator
from typing import Any

import orjson
from kafka import KafkaConsumer, TopicPartition

ANSWER_MS = 10_000


def final_values(bootstrap: str, topic: str) -> dict[str, dict[str, Any]]:
    """Key -> the last record with it, of all that the topic holds now."""
    values = {record.key: record.value for record in records(bootstrap, topic)}
    return {key.decode(): orjson.loads(value) for key, value in values.items()}


def records(bootstrap: str, topic: str) -> Iterator[Any]:
    """All that the topic holds now; of a partition, in its order."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        if not partitions:
            raise ValueError(f"topic {topic} is missing at {bootstrap}; run a peer with --out {topic} first")
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for found in consumer.poll(timeout_ms=ANSWER_MS).values():
                yield from found
    finally:
        consumer.close()
