"""Lines to a topic, and what became of each of them."""

import logging
import time
from typing import Any, Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError
from kafka.partitioner import DefaultPartitioner

from churn_io.kafka import require_broker, require_topics
from churn_io.kafka_security import client_settings
from producer.log_files import Line

LINGER_MS = 50  # with 256 KiB batches the best of those measured on a local broker
BATCH_BYTES = 256 * 1024
DELIVERY_SECONDS = 120
MAX_UNDER_WAY = (
    50_000  # lines without an outcome; the client's own buffer has no bound, and a log may be larger than memory
)
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


class RememberingPartitioner(DefaultPartitioner):  # type: ignore[misc]  # the client has no types
    """Kafka's own choice of a partition, computed once a key: the client hashes in Python."""

    def __init__(self) -> None:
        self._chosen: dict[bytes, int] = {}

    def partition(  # noqa: PLR0913  (the client's signature)
        self, topic: str, key: Any, serialized_key: bytes | None, value: Any, serialized_value: Any, cluster: Any
    ) -> int:
        """The partition of the key; any one without a key."""
        found = self._chosen.get(serialized_key) if serialized_key is not None else None
        if found is None:
            found = int(super().partition(topic, key, serialized_key, value, serialized_value, cluster))
            if serialized_key is not None:
                self._chosen[serialized_key] = found
        return found


class Publisher:
    """Sends lines keyed by user, so that one user's events keep their order, and counts every outcome."""

    def __init__(self, bootstrap: str, topic: str, delivery_seconds: float = DELIVERY_SECONDS) -> None:
        require_broker(bootstrap)
        require_topics(bootstrap, {topic: {"WRITE"}})
        self.acknowledged = 0
        self.failed = 0
        self._topic = topic
        self._producer = KafkaProducer(
            **client_settings(bootstrap),
            linger_ms=LINGER_MS,
            batch_size=BATCH_BYTES,
            max_request_size=10 * 1024 * 1024,
            delivery_timeout_ms=int(delivery_seconds * 1000),
            request_timeout_ms=int(min(delivery_seconds, 30) * 500),
            max_block_ms=int(delivery_seconds * 1000),
            partitioner=RememberingPartitioner(),
            metrics_enabled=False,
        )
        self._handed_over = 0

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, *_error: object) -> None:
        self._producer.close(timeout=5)

    def send(self, line: Line, timestamp_ms: int) -> None:
        """Hand the line to the client, which sends it in the background; a refusal counts as failed."""
        while self._handed_over - self.acknowledged - self.failed >= MAX_UNDER_WAY:
            time.sleep(WAIT_SECONDS)
        self._handed_over += 1
        try:
            future = self._producer.send(
                self._topic, line.value, key=line.user, headers=headers(line), timestamp_ms=timestamp_ms
            )
        except KafkaError as error:
            self._refused(error)
            return
        future.add_callback(self._delivered)
        future.add_errback(self._refused)

    def flush(self) -> None:
        """Wait until the outcome of every line is known."""
        self._producer.flush()

    def _delivered(self, _metadata: Any) -> None:
        self.acknowledged += 1

    def _refused(self, error: BaseException) -> None:
        if self.failed == 0:
            log.warning("first failure=%s", error)
        self.failed += 1


def headers(line: Line) -> list[tuple[str, bytes]]:
    """Where the line comes from; `sparkify replay --resume` finds by it what the topic already holds."""
    place = [("source", line.source.encode()), ("line", b"%d" % line.number)]
    return place if line.loop == 1 else [*place, ("round", b"%d" % line.loop)]
