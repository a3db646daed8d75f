"""The broker as the programs need it: there, with its topics, or a clear word that it is not."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from typing import Any

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import (
    AuthorizationError,
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
)

from churn.errors import BrokerUnavailable, NotAllowed, TopicMissing
from churn.topics import TOPICS, Topic
from churn_io.kafka_doors import why_closed
from churn_io.kafka_security import Security, client_settings, configured

ANSWER_SECONDS = 5
HIDDEN = TopicAuthorizationFailedError.errno  # of a topic that we may not even see, whether it is there or not


@contextmanager
def admin(bootstrap: str, seconds: float = ANSWER_SECONDS) -> Iterator[KafkaAdminClient]:
    """A connected admin client; raises BrokerUnavailable, also for a broker that does not let us in or falls silent."""
    # the client logs each refused connection at ERROR; the caller gets one sentence instead
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    security = configured()
    settings = client_settings(bootstrap)
    try:
        client = KafkaAdminClient(**settings, bootstrap_timeout_ms=int(seconds * 1000))
    except (KafkaError, ValueError, OSError) as error:
        raise _unavailable(bootstrap, seconds, security, error) from error
    try:
        yield client
    except KafkaError as error:
        if not error.retriable:
            raise
        raise _unavailable(bootstrap, seconds, security, error) from error
    finally:
        client.close()


def require_broker(bootstrap: str) -> None:
    """Raise BrokerUnavailable unless a broker answers."""
    with admin(bootstrap):
        pass


def require_topics(bootstrap: str, needs: Mapping[str, Set[str]]) -> None:
    """Raise TopicMissing unless all are there, NotAllowed unless we may READ or WRITE them as needed.

    `needs` has a set of operations for each topic. A broker without access lists allows everything.
    """
    with admin(bootstrap) as client:
        found = {topic["name"]: topic for topic in client.describe_topics(sorted(needs))}
    missing = sorted(name for name, topic in found.items() if topic["error_code"] not in (NoError.errno, HIDDEN))
    if missing:
        raise TopicMissing(
            f"topic {', '.join(missing)} is missing at {bootstrap}; create it with `sparkify kafka topics` "
            "or name another"
        )
    refused = {name: sorted(needs[name] - _granted(topic)) for name, topic in found.items()}
    if any(refused.values()):
        acts = ", ".join(f"{' and '.join(acts)} {name}" for name, acts in refused.items() if acts)
        raise NotAllowed(
            f"{bootstrap} does not allow {configured().who} to {acts}; "
            "grant it (docs/security.md has the commands) or run as another user"
        )


def _granted(topic: Mapping[str, Any]) -> set[str]:
    """The operations on a topic, as the broker described it, that are ours."""
    return set() if topic["error_code"] == HIDDEN else set(topic["authorized_operations"])


def topic_id(bootstrap: str, name: str) -> str:
    """Kafka's own id of a topic, which a topic of the same name that is made anew does not share."""
    with admin(bootstrap) as client:
        (found,) = client.describe_topics([name])
    return str(found["topic_id"])


def beginnings(bootstrap: str, name: str) -> dict[int, int]:
    """The first offset that each partition of a topic still has; asks each partition's leader."""
    return _offsets(bootstrap, name, OffsetSpec.EARLIEST)


def ends(bootstrap: str, name: str) -> dict[int, int]:
    """The offset that each partition of a topic gives to its next record."""
    return _offsets(bootstrap, name, OffsetSpec.LATEST)


def _offsets(bootstrap: str, name: str, spec: OffsetSpec) -> dict[int, int]:
    with admin(bootstrap) as client:
        (found,) = client.describe_topics([name])
        partitions = [TopicPartition(name, each["partition_index"]) for each in found["partitions"]]
        offsets = client.list_partition_offsets(dict.fromkeys(partitions, spec))
    return {partition.partition: found.offset for partition, found in offsets.items()}


def create_topics(bootstrap: str, topics: Iterable[Topic] = TOPICS) -> list[str]:
    """Create those that are not there yet, with their settings; returns the names of the new ones.

    Raises NotAllowed when the broker does not let us.
    """
    created = []
    with admin(bootstrap) as client:
        for topic in topics:
            wanted = {"num_partitions": topic.partitions, "replication_factor": 1, "configs": topic.config}
            try:
                client.create_topics({topic.name: wanted}, wait_for_metadata=True)
            except TopicAlreadyExistsError:
                continue
            except AuthorizationError as error:
                raise NotAllowed(
                    f"{bootstrap} does not allow {configured().who} to create topic {topic.name}; "
                    "run as a user that may, such as the broker's administrator"
                ) from error
            created.append(topic.name)
    return created


def _unavailable(bootstrap: str, seconds: float, security: Security, error: Exception) -> BrokerUnavailable:
    closed = why_closed(bootstrap, security)
    if closed:
        return BrokerUnavailable(f"no Kafka broker lets us in at {bootstrap}: {closed}")
    return BrokerUnavailable(
        f"no Kafka broker answers at {bootstrap} within {seconds:g} s ({type(error).__name__}); "
        "start one with `sparkify kafka start` or name another with --bootstrap"
    )
