"""The books of a batch whose tasks Spark has run twice, as it does where an executor dies."""

from churn_io.storage import Storage
from streaming.checkpoint import Checkpoint, Plan
from streaming.job import prepared
from streaming.query import ACCEPTED, JUDGED
from tests.builders import START_MS, listener


def test_a_batch_that_spark_counted_twice_is_counted_from_the_topic(spark, job, send):
    send([*listener("calm", range(5)), b"garbage"])
    trigger = prepared(spark, job, Checkpoint(Storage(spark), job.checkpoint), lambda *_: None, lambda *_: None)
    topic = job.source.topic
    plan = Plan(0, {topic: {"0": 0, "1": 0}}, {topic: {"0": 16, "1": 0}}, None, 0)
    twice = {
        JUDGED: {"read": 32, "rejected": 2, "without_user": 0},
        ACCEPTED: {"accepted": 30, "earliest_ms": START_MS, "latest_ms": START_MS},
    }
    found = trigger._settle(plan, trigger._counted_once(plan, twice))
    assert (found.read, found.state, found.rejected, found.late) == (16, 15, 1, 0)
