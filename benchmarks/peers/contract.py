"""What all peers have in common beside the job: their flags, which records are theirs to read, and their last line."""

import argparse
import json
from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition

ANSWER_SECONDS = 10


@dataclass(frozen=True)
class Bounds:
    """The first and the last offset (exclusive) of a topic's records, for each partition."""

    begin: dict[int, int]
    end: dict[int, int]

    @property
    def records(self) -> int:
        """How many records lie between; more than there are after a compaction."""
        return sum(self.end[partition] - self.begin[partition] for partition in self.end)


def flags(description: str | None) -> argparse.ArgumentParser:
    """The flags that every peer takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--bootstrap", required=True, metavar="HOST:PORT")
    parser.add_argument("--topic", default="user-events", help="where the events are, keyed by user")
    parser.add_argument("--out", required=True, metavar="TOPIC", help="where the records go; must exist")
    parser.add_argument("--events", type=int, required=True, help="how many records to read from the beginning")
    return parser


def bounds(bootstrap: str, topic: str) -> Bounds:
    """What the topic holds now; stops the program if it is not there."""
    client = Consumer({"bootstrap.servers": bootstrap, "group.id": "peers-bounds", "enable.auto.commit": False})
    try:
        found = client.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic]
        if found.error:
            raise SystemExit(f"topic {topic} is missing at {bootstrap} ({found.error}); create it and repeat")
        marks = {
            partition: client.get_watermark_offsets(TopicPartition(topic, partition), timeout=ANSWER_SECONDS)
            for partition in sorted(found.partitions)
        }
    finally:
        client.close()
    return Bounds({p: low for p, (low, _) in marks.items()}, {p: high for p, (_, high) in marks.items()})


def first(events: int, topic: str, held: Bounds) -> Bounds:
    """The bounds of the topic's first `events` records: the same share of each partition, as far as it lasts.

    All peers read the same records by this, in whatever order the partitions arrive.
    """
    if events > held.records:
        raise SystemExit(f"topic {topic}: wanted {events} records, found {held.records}; write more or lower --events")
    end, left = {}, events
    by_size = sorted(held.end, key=lambda partition: held.end[partition] - held.begin[partition])
    for others, partition in zip(range(len(by_size), 0, -1), by_size, strict=True):
        taken = min(left // others, held.end[partition] - held.begin[partition])
        end[partition] = held.begin[partition] + taken
        left -= taken
    return Bounds(held.begin, end)


def report(events: int, seconds: float, published: int) -> None:
    """Print the one line that the runner reads."""
    print(json.dumps({"events": events, "seconds": round(seconds, 3), "published": published}), flush=True)
