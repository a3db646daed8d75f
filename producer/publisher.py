"""Lines to a topic, and what became of each of them."""

import logging
from collections.abc import Callable
from typing import Any, Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError

from churn_io.kafka import require_broker, require_topics
from producer.log_files import Line

LINGER_MS = 50  # with 256 KiB batches the best of those measured on a local broker
BATCH_BYTES = 256 * 1024
DELIVERY_SECONDS = 120

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

    def __init__(self, bootstrap: str, topic: str, delivery_seconds: float = DELIVERY_SECONDS) -> None:
        require_broker(bootstrap)
        require_topics(bootstrap, [topic])
        self.acknowledged = 0
        self.failed = 0
        self._topic = topic
        self._producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            linger_ms=LINGER_MS,
            batch_size=BATCH_BYTES,
            max_request_size=10 * 1024 * 1024,
            delivery_timeout_ms=int(delivery_seconds * 1000),
            request_timeout_ms=int(min(delivery_seconds, 30) * 500),
            max_block_ms=int(delivery_seconds * 1000),
        )
        self._headers: Callable[[Line], list[tuple[str, bytes]]] = headers

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, *_error: object) -> None:
        self._producer.close(timeout=5)

    def send(self, line: Line, timestamp_ms: int) -> None:
        """Hand the line to the client, which sends it in the background; a refusal counts as failed."""
        try:
            future = self._producer.send(
                self._topic, line.value, key=line.user, headers=self._headers(line), timestamp_ms=timestamp_ms
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
    """Where the line comes from."""
    return [("source", line.source.encode()), ("line", b"%d" % line.number)]
