"""The job as a plain Python loop: a consumer, a dictionary, a producer. A crash loses the dictionary."""

import time

import orjson
from aggregates import Values, add, has_user, nothing, record, window_starts
from confluent_kafka import Consumer, Producer, TopicPartition
from contract import ANSWER_SECONDS, Bounds, bounds, first, flags, report

BATCH_EVENTS = 500_000  # what changed is published after so many, as the stream does after a micro-batch
FETCHED = 10_000  # records a call
CONSUMER = {"group.id": "peers-plain", "enable.auto.commit": False, "queued.min.messages": 200_000}
PRODUCER = {"linger.ms": 20, "batch.size": 1_000_000, "queue.buffering.max.messages": 2_000_000}

State = dict[tuple[str, int], Values]  # by user and window


def main() -> None:
    """Read, count, publish, report."""
    args = flags(__doc__).parse_args()
    started = time.monotonic()
    wanted = first(args.events, args.topic, bounds(args.bootstrap, args.topic))
    consumer = Consumer({"bootstrap.servers": args.bootstrap, **CONSUMER})
    consumer.assign([TopicPartition(args.topic, partition, offset) for partition, offset in wanted.begin.items()])
    producer = Producer({"bootstrap.servers": args.bootstrap, **PRODUCER})
    state: State = {}
    read = published = 0
    while read < args.events:
        batch_events = min(BATCH_EVENTS, args.events - read)
        changed = counted(consumer, wanted, batch_events, state)
        publish(producer, args.out, state, changed)
        read += batch_events
        published += len(changed)
    producer.flush()
    report(read, time.monotonic() - started, published)
    consumer.close()


def counted(consumer: Consumer, wanted: Bounds, events: int, state: State) -> set[tuple[str, int]]:
    """Read so many events into the state; returns the keys that changed."""
    changed = set()
    left = events
    while left:
        messages = consumer.consume(min(FETCHED, left), timeout=ANSWER_SECONDS)
        if not messages:
            raise SystemExit(f"wanted {left} more records, found none within {ANSWER_SECONDS} s; is the broker alive?")
        for message in messages:
            if message.error():
                raise SystemExit(f"the broker said: {message.error()}; wanted a record")
            if message.offset() >= wanted.end[message.partition()]:
                continue
            left -= 1
            changed.update(count(orjson.loads(message.value()), state))
    return changed


def count(event: dict, state: State) -> list[tuple[str, int]]:
    """Count one event in its two windows; returns their keys."""
    if not has_user(event):
        return []
    keys = [(event["userId"], start) for start in window_starts(event["ts"])]
    for key in keys:
        values = state.get(key)
        if values is None:
            values = state[key] = nothing()
        add(values, event, key[1])
    return keys


def publish(producer: Producer, topic: str, state: State, changed: set[tuple[str, int]]) -> None:
    """Queue the records of `changed`, in any order: a key is there once."""
    for key in changed:
        user_id, start = key
        value = orjson.dumps(record(user_id, start, state[key]))
        producer.produce(topic, value, f"{user_id}|{start}")
        producer.poll(0)


if __name__ == "__main__":
    main()
