"""A model without weights in the stream: its reasons take a shuffle, wherever a batch's states come from."""

from dataclasses import replace

import pytest
from pyspark.ml.classification import RandomForestClassifier

from batch_training.fitting import without_summary
from churn_io.registry import Registry
from streaming.job import run
from tests.builders import by_time, grumbler, listener
from tests.streaming.conftest import CARD, dislikes, values

EVENTS_A_DAY = 6


@pytest.fixture
def job(spark, job):
    """Settings with a forest in force, and a day's events a batch."""
    forest = RandomForestClassifier(numTrees=3, maxDepth=2, seed=1).fit(dislikes(spark))
    Registry(spark, job.models).publish(replace(CARD, version="trees", learner="forest"), without_summary(forest))
    return replace(job, source=replace(job.source, max_events_per_trigger=EVENTS_A_DAY))


def test_each_life_of_a_stream_may_begin_with_a_batch_or_with_a_sweep(spark, job, send, read):
    def days(span):
        send(by_time(grumbler("angry", span), listener("calm", span)))
        return run(spark, job)

    assert days(range(20, 23)).scores == 3 * 2 + 2  # its first batch's own users, and the sweep at the end
    assert days(range(24, 26)).scores == 2 * 2 + 2  # a new day: everybody, of the store and of the batch
    assert run(spark, job).scores == 2  # the store alone
    scores = values(read(job.topics.scores))
    assert {score["model_version"] for score in scores} == {"trees"}
    angry, calm = ([score for score in scores if score["user_id"] == user] for user in ("angry", "calm"))
    assert min(score["probability"] for score in angry) > max(score["probability"] for score in calm)
    assert {score["reasons"][0]["feature"] for score in angry} == {"thumbs_down_per_100_songs"}
