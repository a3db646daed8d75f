"""Laws 1 and 2 on the query itself: what it stores is the naive function of the log, however the log is cut."""

import itertools
import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from churn.features import with_features
from churn.state import alive, window_start_ms, with_log_start
from streaming.query import states
from streaming.sweep import stored_states
from tests.builders import naive_features, naive_state
from tests.churn.test_state import RECORDED_MS, assert_same, by_user
from tests.strategies import logs, users_of

FEW = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def streamed(spark, tmp_path_factory):
    """A function from batches of events to the states in the store after the last of them."""

    def run(batches):
        folder = tmp_path_factory.mktemp("stream")
        for number, batch in enumerate(batches):
            path = folder / "log" / f"{number:03}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(json.dumps(each) + "\n" for each in batch))
            os.utime(path, (1_600_000_000 + number, 1_600_000_000 + number))
        records = (
            spark.readStream.format("text")
            .option("maxFilesPerTrigger", 1)
            .load(str(folder / "log"))
            .withColumn("recorded_ms", F.lit(RECORDED_MS))
        )
        query = (
            states(records)
            .writeStream.outputMode("update")
            .foreachBatch(lambda frame, _batch_id: frame.collect() and None)
            .option("checkpointLocation", str(folder / "checkpoint"))
            .trigger(availableNow=True)
            .start()
        )
        query.awaitTermination()
        last = max(int(name.name) for name in (folder / "checkpoint" / "commits").glob("[0-9]*"))
        return stored_states(spark, str(folder / "checkpoint"), last)

    return run


def as_of(stored, clock_ms):
    """The stored states that score at the clock."""
    in_force = stored.where(F.col("window_start_ms") == window_start_ms(clock_ms))
    return in_force.withColumn("as_of_ms", F.lit(clock_ms)).transform(with_log_start)


def clock_of(log):
    """The latest event time of a user."""
    return max((each["ts"] for each in log if each["userId"]), default=None)


@FEW
@given(log=logs(max_size=80), cuts=st.lists(st.integers(1, 79), max_size=3, unique=True))
def test_the_stream_stores_the_naive_function_of_all_events_however_they_were_cut(streamed, log, cuts):
    clock_ms = clock_of(log)
    if clock_ms is None:
        return
    edges = [0, *sorted(cut for cut in cuts if cut < len(log)), len(log)]
    state = as_of(streamed([log[a:b] for a, b in itertools.pairwise(edges)]), clock_ms)
    found = by_user(state)
    expected = {user: naive_state(log, user, clock_ms) for user in users_of(log)}
    assert found.keys() == {user for user, naive in expected.items() if naive}
    for user, row in found.items():
        assert_same(row, expected[user])
    features = by_user(state.transform(alive).transform(with_features))
    for user, row in features.items():
        assert_same(row, naive_features(log, user, clock_ms))


@FEW
@given(log=logs(max_size=80), seed=st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_no_open_window(streamed, log, seed):
    clock_ms = clock_of(log)
    if clock_ms is None:
        return
    shuffled = seed.sample(log, len(log))
    halves = len(log) // 2
    once = by_user(as_of(streamed([log]), clock_ms))
    again = by_user(as_of(streamed([shuffled[:halves] or log[:0], shuffled[halves:]]), clock_ms))
    assert once.keys() == again.keys()
    for user, row in once.items():
        assert_same(again[user], row)
