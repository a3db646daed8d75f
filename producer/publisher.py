"""Lines to a topic, and what became of each of them."""

import logging
import time
from collections.abc import Callable
from random import choice
from threading import Lock
from typing import Protocol

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError, MessageSizeTooLargeError
from kafka.partitioner import murmur2

from churn.errors import BrokerUnavailable
from churn_io.kafka import require_broker, require_topics
from churn_io.kafka_security import client_settings
from producer.lanes import Lane, close, has_unfinished, wake
from producer.log_files import Line
from producer.records import key_field, place_field

LINGER_MS = 50  # with 256 KiB batches the best of those measured on a local broker
BATCH_BYTES = 256 * 1024
DELIVERY_SECONDS = 120
CLOSE_SECONDS = 5
# Lines without an outcome: the client's own buffer has no bound, and a log may be larger than memory.
MAX_UNDER_WAY = 50_000
MAX_REQUEST_BYTES = 10 * 1024 * 1024
MAX_LINE_BYTES = MAX_REQUEST_BYTES - 64 * 1024  # leaves a key, headers and the batch around it their place
MAX_REMEMBERED = 100_000  # users whose partition need not be computed again: some 20 MB
WAIT_SECONDS = 0.005  # a tenth of the linger: short beside any round trip that fills the bound

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where lines go."""

    acknowledged: int
    failed: int

    def send(self, line: Line, timestamp_ms: int) -> None: ...
    def flush(self) -> None: ...


class Nowhere:
    """A dry run's sink."""

    acknowledged = 0
    failed = 0

    def __enter__(self) -> "Nowhere":
        return self

    def __exit__(self, *_error: object) -> None:
        """Nothing was opened."""

    def send(self, line: Line, timestamp_ms: int) -> None:
        """Forget the line."""

    def flush(self) -> None:
        """Nothing is under way."""


class Publisher:
    """Sends lines keyed by user, so that one user's events keep their order, and counts every outcome."""

    def __init__(
        self, bootstrap: str, topic: str, delivery_seconds: float = DELIVERY_SECONDS, linger_ms: int = LINGER_MS
    ) -> None:
        require_broker(bootstrap)
        require_topics(bootstrap, {topic: {"WRITE"}})
        self.acknowledged = 0
        self.failed = 0
        self._bootstrap = bootstrap
        self._delivery_seconds = delivery_seconds
        self._counting = Lock()
        self._producer = KafkaProducer(
            **client_settings(bootstrap),
            linger_ms=linger_ms,
            batch_size=BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
            delivery_timeout_ms=int(delivery_seconds * 1000),
            request_timeout_ms=int(min(delivery_seconds, 30) * 500),
            max_block_ms=int(delivery_seconds * 1000),
            metrics_enabled=False,
        )
        self._lanes = [Lane(self._producer, each, BATCH_BYTES, self._ended) for each in self._partitions(topic)]
        self._users: dict[bytes, tuple[Lane, bytes]] = {}
        self._handed_over = 0

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, *_error: object) -> None:
        close(self._producer, CLOSE_SECONDS)

    def send(self, line: Line, timestamp_ms: int) -> None:
        """Hand the line to the client, which sends it in the background; a refusal counts as failed.

        Raises BrokerUnavailable as `flush` does.
        """
        if self._under_way() >= MAX_UNDER_WAY:
            self._await(lambda: self._under_way() < MAX_UNDER_WAY)
        self._handed_over += 1
        n_bytes = len(line.value) + len(line.user or b"")
        if n_bytes > MAX_LINE_BYTES:
            self._ended(1, MessageSizeTooLargeError(f"{line.source}: line {line.number} has {n_bytes} bytes"))
            return
        lane, key = self._users.get(line.user or b"") or self._lane(line.user)
        lane.add(timestamp_ms, key, line.value, place_field(line.source, line.number, line.loop))

    def flush(self) -> None:
        """Wait until the outcome of every line is known; the linger is the longest that a line waits by itself.

        Raises BrokerUnavailable when none becomes known for twice the time that a line may take.
        """
        wake(self._producer)
        self._await(lambda: not has_unfinished(self._producer))

    def _under_way(self) -> int:
        return self._handed_over - self.acknowledged - self.failed

    def _await(self, is_done: Callable[[], bool]) -> None:
        # kafka-python 3.0 never sends again once a batch that it had tried before has run out of time
        under_way, since = -1, 0.0
        while not is_done():
            if under_way != self._under_way():
                under_way, since = self._under_way(), time.monotonic()
            if time.monotonic() - since > 2 * self._delivery_seconds:
                raise BrokerUnavailable(
                    f"{self._bootstrap}: nothing was heard of {under_way} lines for {2 * self._delivery_seconds:g} s; "
                    "repeat with --resume, which sends what the topic lacks"
                )
            time.sleep(WAIT_SECONDS)

    def _partitions(self, topic: str) -> list[TopicPartition]:
        try:
            return [TopicPartition(topic, number) for number in sorted(self._producer.partitions_for(topic))]
        except KafkaError as error:
            self._producer.close(timeout=0)
            raise BrokerUnavailable(
                f"{self._bootstrap} does not say which partitions {topic} has ({type(error).__name__}); repeat"
            ) from error

    def _lane(self, user: bytes | None) -> tuple[Lane, bytes]:
        """Kafka's own choice of a partition, remembered, since the client hashes in Python; any one without a user."""
        if user is None:
            return choice(self._lanes), key_field(None)
        if len(self._users) >= MAX_REMEMBERED:
            self._users.clear()
        found = self._lanes[partition_of(user, len(self._lanes))], key_field(user)
        self._users[user] = found
        return found

    def _ended(self, lines: int, error: BaseException | None) -> None:
        with self._counting:
            if error is None:
                self.acknowledged += lines
                return
            if self.failed == 0:
                log.warning("first failure=%s", error)
            self.failed += lines


def partition_of(user: bytes, partitions: int) -> int:
    """Where Kafka's clients put a key."""
    return (int(murmur2(user)) & 0x7FFFFFFF) % partitions
