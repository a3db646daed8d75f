"""A right that is taken from a stream that runs: what Kafka's Java client says of it is one line of ours."""

import pytest
from kafka import KafkaProducer

from churn.errors import NotAllowed
from churn_io.kafka_security import client_settings
from streaming.job import run
from tests.builders import grumbler, lines
from tests.security.conftest import is_allowed
from tests.streaming.conftest import classifier, draining, models  # noqa: F401  (fixtures)

PADDING = "x" * 100_000  # ten events fill what a consumer asks for at once: each batch has to ask anew


@pytest.fixture
def job(secured, models, tmp_path):  # noqa: F811
    """Settings that drain topics of this test's own, on which `stream` may do what is documented for the others."""
    events, results = topics = secured.new_topics()
    writes = [("stream", "WRITE", topic) for topic in (results.scores, results.alerts, results.rejected)]
    secured.grant(("stream", "READ", events), ("stream", "READ", results.alerts), *writes)
    with secured.by_admin() as door:
        producer = KafkaProducer(**client_settings(door))
        for line in lines(event | {"padding": PADDING} for event in grumbler("angry", range(20, 60))):
            producer.send(events, line.encode(), key=b"angry")
        producer.close()
    return draining(secured.doors.by_password, topics, models, tmp_path)


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ("WRITE", "Not authorized to access topics: [{topic}]"),  # the producer's words
        ("READ", "Topic authorization failed."),  # those of the client that asks for offsets
    ],
)
def test_a_right_that_is_taken_away_ends_a_running_stream_in_one_line(spark, secured, enter, job, operation, reason):
    topic = job.topics.scores if operation == "WRITE" else job.source.topic
    door, read = secured.doors.by_password, []

    def lose(_batch_id, accounts):
        if not read:
            secured.revoke("stream", operation, topic)
        read.append(accounts.read)

    enter(secured.by_password("stream"))
    with pytest.raises(NotAllowed) as refused:
        run(spark, job, on_batch=lose)
    assert str(refused.value) == f"{door} refuses us: {reason.format(topic=topic)}; see docs/security.md"
    assert read == [40]
    assert not is_allowed(door, operation, topic)  # it was not in the outage of a broker
    secured.grant(("stream", operation, topic))
    assert run(spark, job).read == 120 - 40
