"""One event from another time moves no clock, opens no window that scores, and spoils nobody's state."""

import pytest
from kafka import KafkaProducer
from kafka.errors import InvalidTimestampError

from churn_io.storage import Storage
from streaming.checkpoint import Checkpoint
from streaming.job import run
from streaming.sweep import stored_states
from tests.builders import by_time, event, grumbler, lines, listener, naive_features
from tests.streaming.conftest import KEY, probability, values

LOG = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40)))
IN_1970, IN_2001, IN_2100 = 86_400_000, 1_000_000_000_000, 4_102_444_800_000


@pytest.fixture
def undisturbed(spark, job, read, classifier):
    """A function that asserts that the last scores, and the users in the store, are those of the log alone."""

    def check():
        last = {score["user_id"]: score for score in values(read(job.topics.scores))}
        assert {score["as_of"] for score in last.values()} == {"2018-11-09T00:00:00.000Z"}
        for user in ("angry", "calm"):
            expected = probability(classifier, naive_features(LOG, user, LOG[-1]["ts"]), LOG[-1]["ts"])
            assert last[user]["probability"] == pytest.approx(expected, abs=1e-9)
        query = f"{job.checkpoint}/query"
        kept = stored_states(spark, query, Checkpoint(Storage(spark), job.checkpoint).last_committed())
        assert {row.user_id for row in kept.select("user_id").collect()} == last.keys() == {"angry", "calm"}

    return check


@pytest.mark.parametrize("ts", [IN_1970, IN_2100])
@pytest.mark.parametrize("position", [0, 100])
def test_an_impossible_time_is_refused_in_the_first_batch_and_in_a_later_one(
    spark, job, send, undisturbed, ts, position
):
    stray = lines([event(0, user="stray", ts=ts, registration=0)])[0].encode()  # recorded now
    send([*LOG[:position], stray, *LOG[position:]])
    total = run(spark, job)
    assert total.is_balanced
    assert (total.state, total.rejected, total.late) == (120, 1, 0)
    undisturbed()


def test_an_event_of_long_ago_in_the_first_batch_opens_windows_that_never_score(spark, job, send, undisturbed):
    send([event(0, user="stray", ts=IN_2001, registration=0), *LOG])
    total = run(spark, job)
    assert total.is_balanced
    assert (total.state, total.late) == (121, 0)  # before the first batch there is no clock to be late by
    undisturbed()


def test_an_event_of_long_ago_in_a_later_batch_is_late(spark, job, send, undisturbed):
    send([*LOG[:100], event(0, user="stray", ts=IN_2001, registration=0), *LOG[100:]])
    total = run(spark, job)
    assert total.is_balanced
    assert (total.state, total.late) == (120, 1)
    undisturbed()


def test_a_registration_in_the_future_does_not_make_its_user_new(spark, job, send, undisturbed):
    send([*LOG[:50], event(30, user="angry", registration=IN_2100), *LOG[50:]])
    total = run(spark, job)
    assert (total.state, total.rejected) == (120, 1)
    undisturbed()


def test_the_broker_refuses_a_record_that_says_it_is_of_the_future(broker, topic_names):
    """A record's own time bounds its event's; Kafka bounds the record's, by its message.timestamp.after.max.ms."""
    producer = KafkaProducer(bootstrap_servers=broker)
    sent = producer.send(topic_names[0], b"{}", key=KEY, timestamp_ms=IN_2100)
    producer.flush()
    with pytest.raises(InvalidTimestampError):
        sent.get(timeout=10)
    producer.close()
