"""Forbidden acts, really attempted: the broker refuses what the documented lists leave out, whatever a client asks."""

import json
import time

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, UserScramCredentialUpsertion
from kafka.errors import (
    AuthorizationError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    NoError,
    TopicAuthorizationFailedError,
    for_code,
)
from kafka.protocol.consumer import FetchRequest
from kafka.protocol.producer import ProduceRequest
from kafka.record import MemoryRecordsBuilder

from churn.topics import CHURN_SCORES, REJECTED_EVENTS, TOPICS, USER_EVENTS
from churn_io.kafka import admin
from churn_io.kafka_security import client_settings
from sandbox.secured_broker import MECHANISM
from tests.security.conftest import ALLOWED, ROLES, acl
from tests.topic_reading import all_records

BY_NAME = {ProduceRequest: 9, FetchRequest: 12}  # the last versions that kafka-python's clients speak
WAIT_MS = 10_000
MAX_BYTES = 10_000_000


def mark(*words):
    """A value that no other test writes, and that every reader of a topic takes for a record of nobody."""
    return json.dumps({"user_id": "nobody", "alert_id": "nobody", "mark": " ".join(words)}).encode()


def asked(client, kind, **fields):
    """The answer to one request. It names its topic, and needs nothing that a client must be told before."""
    return client._manager.run(client._manager.send, kind(**fields, max_version=BY_NAME[kind]))


def sent(client, topic, value):
    """What the broker says to a record."""
    records = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=len(value) + 1000)
    records.append(round(time.time() * 1000), b"nobody", value)
    records.close()
    kind = ProduceRequest.TopicProduceData
    partition = kind.PartitionProduceData(index=0, records=records.buffer())
    wanted = [kind(name=topic, partition_data=[partition])]
    answer = asked(client, ProduceRequest, transactional_id=None, acks=-1, timeout_ms=WAIT_MS, topic_data=wanted)
    return for_code(answer.responses[0].partition_responses[0].error_code)


def fetched(client, topic):
    """What the broker says to a request for records, and the records."""
    kind = FetchRequest.FetchTopic
    partition = kind.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=MAX_BYTES)
    wanted = [kind(topic=topic, partitions=[partition])]
    answer = asked(client, FetchRequest, max_wait_ms=WAIT_MS, min_bytes=1, max_bytes=MAX_BYTES, topics=wanted)
    found = answer.responses[0].partitions[0]
    return for_code(found.error_code), bytes(found.records or b"")


@pytest.mark.parametrize("topic", [topic.name for topic in TOPICS])
@pytest.mark.parametrize("user", ROLES)
def test_each_role_sends_and_gets_what_is_documented_and_is_refused_the_rest(secured, enter, user, topic):
    ours, others = mark(user, topic), mark("admin", user, topic)
    with secured.by_admin() as door, admin(door) as client:
        assert sent(client, topic, others) is NoError
    enter(secured.by_password(user))
    with admin(secured.doors.by_password) as client:
        may_write = sent(client, topic, ours)
        may_read, records = fetched(client, topic)
    assert may_write is (NoError if (user, "WRITE", topic) in ALLOWED else TopicAuthorizationFailedError)
    assert may_read is (NoError if (user, "READ", topic) in ALLOWED else TopicAuthorizationFailedError)
    assert (others in records) == (may_read is NoError)
    assert records == b"" or may_read is NoError
    with secured.by_admin() as door:
        there = [record.value for record in all_records(topic, **client_settings(door))]
    assert others in there
    assert (ours in there) == (may_write is NoError)


def test_a_consumer_without_a_group_is_refused_a_topic_that_it_knows_of(secured, enter):
    with secured.by_admin() as door, admin(door) as client:
        assert sent(client, CHURN_SCORES, mark("for nobody")) is NoError
    enter(secured.by_password("stream"))
    consumer = KafkaConsumer(**client_settings(secured.doors.by_password), group_id=None)
    partition = TopicPartition(CHURN_SCORES, 0)
    consumer.assign([partition])
    consumer.seek(partition, 0)
    with pytest.raises(TopicAuthorizationFailedError):
        consumer.poll(WAIT_MS)
    consumer.close()


@pytest.mark.parametrize(
    ("user", "refusal"),
    [
        ("stream", "TopicAuthorizationFailed"),  # knows the topic, and writes others
        ("clerk", "TopicAuthorizationFailed"),  # is not told of it
        ("trainer", "ClusterAuthorizationFailed"),  # knows it, and writes nothing at all
    ],
)
def test_a_producer_is_refused_the_events(secured, enter, user, refusal):
    enter(secured.by_password(user))
    producer = KafkaProducer(**client_settings(secured.doors.by_password), max_block_ms=WAIT_MS)
    with pytest.raises(KafkaError, match=refusal):
        producer.send(USER_EVENTS, mark(user), partition=0).get(WAIT_MS / 1000)
    producer.close()


@pytest.mark.parametrize("user", ROLES)
def test_no_role_makes_or_deletes_topics_joins_a_group_or_gives_itself_more(secured, enter, user):
    for_ever = ConfigResource("topic", REJECTED_EVENTS, {"retention.ms": "-1"})
    stolen = UserScramCredentialUpsertion("admin", MECHANISM, "known to us")
    enter(secured.by_password(user))
    with admin(secured.doors.by_password) as client:
        with pytest.raises(AuthorizationError):
            client.create_topics({f"own-{user}": {"num_partitions": 1, "replication_factor": 1}})
        with pytest.raises(TopicAuthorizationFailedError):
            client.delete_topics([USER_EVENTS])
        with pytest.raises(GroupAuthorizationFailedError):
            client.list_group_offsets({"spies": [TopicPartition(USER_EVENTS, 0)]})
        assert "AuthorizationFailed" in str(client.alter_configs([for_ever], raise_on_unknown=False))
        assert client.create_acls([acl(user, "READ", REJECTED_EVENTS)])["failed"] == [ClusterAuthorizationFailedError]
        assert client.alter_user_scram_credentials([stolen])["admin"]
