"""What a topic holds, for whoever looks at it."""

from kafka import KafkaConsumer, TopicPartition


def all_records(topic, **client):
    """All records from the topic's beginning to its end, as of now; `client` says whom and how to address."""
    consumer = KafkaConsumer(**client, group_id=None, enable_auto_commit=False)
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    found = []
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for records in consumer.poll(timeout_ms=200).values():
            found.extend(records)
    consumer.close()
    return found
