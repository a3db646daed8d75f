"""Publish what quix.py has counted but not published: the last state of every user, from the group's changelog topic.

It runs after the measurement, so that the final values of all peers can be compared.
"""

import orjson
from aggregates import record
from confluent_kafka import Consumer, Producer, TopicPartition
from contract import ANSWER_SECONDS, bounds, flags
from quix import STATE_NAME, key

CHANGELOG = "changelog__{group}--{topic}--default"  # how Quix Streams names it
KEY_END = b'|"' + STATE_NAME.encode() + b'"'  # after the user's id, which is JSON too


def main() -> None:
    """Read the changelog, publish each window of each user, print how many."""
    parser = flags(__doc__)
    parser.add_argument("--group", required=True, help="the consumer group of the run")
    args = parser.parse_args()
    changelog = CHANGELOG.format(group=args.group, topic=args.topic)
    records = [
        record(orjson.loads(user), int(start), values)
        for user, state in last_states(args.bootstrap, changelog).items()
        for start, values in orjson.loads(state).items()
    ]
    producer = Producer(
        {
            "bootstrap.servers": args.bootstrap,
            "queue.buffering.max.messages": 1_000_000,
            "partitioner": "murmur2",  # as Quix Streams: in another partition a key's last record is not the last read
        }
    )
    for final in records:
        producer.produce(args.out, orjson.dumps(final), key(final))
        producer.poll(0)
    producer.flush()
    print(orjson.dumps({"published": len(records)}).decode())


def last_states(bootstrap: str, changelog: str) -> dict[bytes, bytes]:
    """User id -> state, both as JSON."""
    held = bounds(bootstrap, changelog)
    left = held.records
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "peers-final", "enable.auto.commit": False})
    consumer.assign([TopicPartition(changelog, partition, offset) for partition, offset in held.begin.items()])
    states = {}
    while left > 0:
        messages = consumer.consume(10_000, timeout=ANSWER_SECONDS)
        if not messages:
            raise SystemExit(f"{changelog}: wanted {left} more records, found none within {ANSWER_SECONDS} s")
        left -= len(messages)
        states.update((message.key().removesuffix(KEY_END), message.value()) for message in messages)
    consumer.close()
    return states


if __name__ == "__main__":
    main()
