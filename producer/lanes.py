"""One partition's way into the client's sender: its batches, retries and idempotence, without its work per record.

This reaches behind kafka-python's public names; docs/decisions/0014-lines-packed-by-the-producer.md says what for.
"""

from collections.abc import Callable
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaTimeoutError
from kafka.producer.producer_batch import ProducerBatch

from producer.records import Records

Ended = Callable[[int, BaseException | None], None]  # so many lines arrived, or failed for this reason


class Lane:
    """Takes the lines of one partition in their order; the sender's thread tells `ended` of each of them once."""

    def __init__(self, producer: KafkaProducer, partition: TopicPartition, batch_bytes: int, ended: Ended) -> None:
        accumulator = producer._accumulator
        self._lock = accumulator._tp_lock(partition)
        self._queue = accumulator._batches[partition]
        self._incomplete = accumulator._incomplete
        self._wake = producer._sender.wakeup
        self._partition = partition
        self._batch_bytes = batch_bytes
        self._outcome = Outcome(ended)
        self._latest = self._batch()
        self._latest.records.close()  # it is in no queue

    def add(self, timestamp_ms: int, key: bytes, value: bytes, place: bytes) -> None:
        """Put the line into the latest batch, or into a new one when that is full or on its way."""
        with self._lock:
            if self._took(self._latest, timestamp_ms, key, value, place):
                return
            batch = self._batch()
            self._took(batch, timestamp_ms, key, value, place)
            self._queue.append(batch)  # before the others: an interrupt between them leaves a batch that is sent
            self._incomplete.add(batch)
            self._latest = batch
        self._wake()  # only here: the client does it for each record while a batch waits, a system call each time

    def _took(self, batch: Any, timestamp_ms: int, key: bytes, value: bytes, place: bytes) -> bool:
        batch._record_futures.append(self._outcome)  # before the record: one too many does no harm
        taken: bool = batch.records.add(timestamp_ms, key, value, place)
        return taken

    def _batch(self) -> Any:
        records = Records(self._batch_bytes)
        batch = ProducerBatch(self._partition, records)
        batch.produce_future.add_callback(self._outcome.of_batch, records)
        return batch


def has_unfinished(producer: KafkaProducer) -> bool:
    """Whether some batch has no outcome yet; right also for one that was split, where the client's `flush` raises."""
    return bool(producer._accumulator.has_incomplete)


def wake(producer: KafkaProducer) -> None:
    """Have the sender look for batches: an interrupt may have fallen between a batch and its own call."""
    producer._sender.wakeup()


def close(producer: KafkaProducer, seconds: float) -> None:
    """Close the client; what has no outcome by then is given up."""
    try:
        producer.close(timeout=seconds)
    except KafkaTimeoutError:  # raised before the sender's thread is ended
        producer._sender.force_close()


class Outcome:
    """What becomes of a lane's lines: by the batch, or line by line when the client has to split a batch."""

    def __init__(self, ended: Ended) -> None:
        self._ended = ended

    def of_batch(self, records: Records, result: Any) -> None:
        """The batch's own future has its result."""
        self._of(records.next_offset(), 0, result)

    def rebind(self, future: Any, position: int) -> None:
        """The client's word for: this line now stands in another batch, whose future that is."""
        future.add_callback(self._of, 1, position)

    def _of(self, lines: int, position: int, result: Any) -> None:
        _offset, _timestamp_ms, errors = result
        self._ended(lines, errors(position) if errors else None)
