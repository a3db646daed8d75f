"""What a topic already holds of a log, so that a replay that was cut off goes on without gaps and without repeats.

The topic itself is the only memory: each record's headers say of which line it is.
"""

import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

from kafka import KafkaConsumer, TopicPartition

from churn.errors import InvalidLog
from churn_io.kafka import require_broker, require_topics
from churn_io.kafka_reading import at_beginning, reading, to_end
from producer.log_files import Line, files, source_name
from producer.replay import Selection, selected

SETTLE_SECONDS = 1  # what a dead replay left on its way has arrived by then; a live one has sent more
BLOCK_LINES = 1 << 16  # lines whose sums stand together: a header with a line far beyond the log costs one block
MAX_DIGITS = 18  # of a number that fits into a long


class CannotResume(InvalidLog):
    """The topic does not tell, or not reliably, which lines it holds."""


@dataclass
class Held:
    """The lines of the files `sources` that a topic holds: a check sum of each, four bytes a line."""

    topic: str
    sources: frozenset[bytes]
    lines: int = 0  # that the topic holds
    met: int = 0  # those of them that were left out so far
    _sums: dict[tuple[bytes, int, int], "array[int]"] = field(default_factory=dict)

    def add(self, record: Any) -> bool:
        """Note a record of a line, and say whether it was one: others' producers write other headers, or none."""
        told = dict(record.headers)
        source, number, loop = told.get("source"), told.get("line") or b"", told.get("round", b"1") or b""
        if source not in self.sources or not (is_number(number) and is_number(loop)):
            return False
        block_number, position = divmod(int(number), BLOCK_LINES)
        block = self._sums.get((source, int(loop), block_number))
        if block is None:
            block = self._sums[source, int(loop), block_number] = array("I", bytes(4 * BLOCK_LINES))
        self.lines += not block[position]
        block[position] = check_sum(record.value or b"")
        return True

    def holds(self, line: Line) -> bool:
        """Whether the topic holds the line; raises CannotResume when it holds another one in its place."""
        block = self._sums.get((line.source.encode(), line.loop, line.number // BLOCK_LINES))
        found = block[line.number % BLOCK_LINES] if block else 0
        if found and found != check_sum(line.value):
            raise CannotResume(
                f"{line.source}: line {line.number} is not what {self.topic} holds of it; the log, --from, --to or "
                "--loop have changed, or another log of this name was replayed: replay the whole to a topic made anew"
            )
        return bool(found)

    def require_same(self, chosen: Iterable[Line]) -> None:
        """Raise CannotResume for a log that has changed: a look ahead to the last line held, before any is sent."""
        left = self.lines
        for line in chosen:
            left -= self.holds(line)
            if not left:
                return

    def missing(self, chosen: Iterable[Line]) -> Iterator[Line]:
        """The lines that the topic lacks, in their order; one without a time has that of the line before it."""
        last_ms: int | None = None
        for line in chosen:
            last_ms = line.ts_ms if line.ts_ms is not None else last_ms
            if self.holds(line):
                self.met += 1
            else:
                yield line if line.ts_ms is not None else line._replace(ts_ms=last_ms)


def check_sum(value: bytes) -> int:
    """Of a line; never 0, which stands for no line."""
    return crc32(value) or 1


def held(bootstrap: str, topic: str, selection: Selection, sleep: Callable[[float], None] = time.sleep) -> Held:
    """What the topic holds of the lines; reads the whole topic, and the log as far as the topic holds it.

    Raises BrokerUnavailable, TopicMissing, NotAllowed, InvalidLog, or CannotResume for a log that has changed, a topic
    without its beginning, and one that another replay still writes to.
    """
    found = on_topic(bootstrap, topic, selection.logs, sleep)
    found.require_same(selected(selection))
    return found


def on_topic(bootstrap: str, topic: str, logs: Path, sleep: Callable[[float], None]) -> Held:
    """What the topic holds of the log's files, whatever they hold now."""
    require_broker(bootstrap)
    require_topics(bootstrap, {topic: {"READ"}})
    found = Held(topic, frozenset(source_name(logs, file).encode() for file in files(logs)))
    with reading(bootstrap) as consumer:
        partitions = at_beginning(consumer, topic, bootstrap)
        require_beginning(consumer, partitions, topic)
        for record in to_end(consumer, partitions, bootstrap):
            found.add(record)
        sleep(SETTLE_SECONDS)
        if any(found.add(record) for record in to_end(consumer, partitions, bootstrap)):
            raise CannotResume(f"{topic} is being written to by another replay of {logs}; end that first")
    return found


def require_beginning(consumer: KafkaConsumer, partitions: list[TopicPartition], topic: str) -> None:
    """Raise CannotResume for a topic that has lost records: nobody knows which lines they were."""
    lost = sum(consumer.beginning_offsets(partitions).values())
    if lost:
        raise CannotResume(
            f"{topic} has lost its first {lost} records (retention), which may be lines of the log; "
            "replay the rest with --from, or the whole to a topic made anew"
        )


def is_number(text: bytes) -> bool:
    """Whether a header holds a number that a line or a round may have."""
    return text.isdigit() and len(text) <= MAX_DIGITS
