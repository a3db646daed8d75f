"""The broker as the programs need it: there, with its topics, or a clear word that it is not."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from churn.errors import BrokerUnavailable, TopicMissing
from churn.topics import TOPICS, Topic

ANSWER_SECONDS = 5


@contextmanager
def admin(bootstrap: str, seconds: float = ANSWER_SECONDS) -> Iterator[KafkaAdminClient]:
    """A connected admin client; raises BrokerUnavailable."""
    # the client logs each refused connection at ERROR; the caller gets one sentence instead
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        client = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=int(seconds * 1000))
    except (KafkaError, ValueError, OSError) as error:
        raise BrokerUnavailable(
            f"no Kafka broker answers at {bootstrap} within {seconds:g} s ({type(error).__name__}); "
            "start one with `sparkify kafka start` or name another with --bootstrap"
        ) from error
    try:
        yield client
    finally:
        client.close()


def require_broker(bootstrap: str) -> None:
    """Raise BrokerUnavailable unless a broker answers."""
    with admin(bootstrap):
        pass


def require_topics(bootstrap: str, names: Iterable[str]) -> None:
    """Raise TopicMissing unless all are there, BrokerUnavailable when nobody can say."""
    with admin(bootstrap) as client:
        missing = sorted(set(names) - set(client.list_topics()))
    if missing:
        raise TopicMissing(
            f"topic {', '.join(missing)} is missing at {bootstrap}; create it with `sparkify kafka topics` "
            "or name another"
        )


def topic_id(bootstrap: str, name: str) -> str:
    """Kafka's own id of a topic, which a topic of the same name that is made anew does not share."""
    with admin(bootstrap) as client:
        (found,) = client.describe_topics([name])
    return str(found["topic_id"])


def create_topics(bootstrap: str, topics: Iterable[Topic] = TOPICS) -> list[str]:
    """Create those that are not there yet, with their settings; returns the names of the new ones."""
    created = []
    with admin(bootstrap) as client:
        for topic in topics:
            wanted = {"num_partitions": topic.partitions, "replication_factor": 1, "configs": topic.config}
            try:
                client.create_topics({topic.name: wanted}, wait_for_metadata=True)
            except TopicAlreadyExistsError:
                continue
            created.append(topic.name)
    return created
