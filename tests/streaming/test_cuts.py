"""Law 2 on a real broker: however a log is shuffled, cut and interrupted, the same states, scores and alert rules."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from churn.labels import HISTORY_DAYS
from churn.state import DAY_MS
from churn_io.storage import Storage
from streaming.checkpoint import Checkpoint
from streaming.job import run
from streaming.reader import Reading, alerts, as_of_ms
from streaming.source import Source
from streaming.sweep import stored_states
from tests.builders import log_start, naive_features, naive_state
from tests.churn.test_state import assert_same, by_user
from tests.conftest import new_topics
from tests.strategies import logs, users_of
from tests.streaming.conftest import CARD, probability, values
from tests.streaming.test_parity import as_of, clock_of

FEW = settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
COOL_DOWN_DAYS = 7


@pytest.fixture
def anew(broker, job, tmp_path):
    """A function that gives the job topics and a checkpoint that nobody has used, and batches of so many events."""
    numbers = itertools.count()

    def prepare(max_events):
        events, results = new_topics(broker)
        checkpoint = str(tmp_path / f"checkpoint-{next(numbers)}")
        return replace(job, source=Source(broker, events, max_events), topics=results, checkpoint=checkpoint)

    return prepare


@FEW
@given(log=logs(max_size=60), max_events=st.integers(10, 60), cut=st.integers(0, 60))
def test_a_log_in_any_order_and_cut_with_a_restart_between(spark, classifier, anew, send, read, log, max_events, cut):
    clock_ms = clock_of(log)
    assume(clock_ms is not None)
    job = anew(max_events)
    total_read = 0
    for part in (log[:cut], log[cut:]):
        for partition in (0, 1):
            send(part[partition::2], partition, job.source.topic)
        total = run(spark, job)  # goes on from the checkpoint of the run before
        assert total.is_balanced
        total_read += total.read
    assert total_read == len(log)
    assert_states(spark, job, log, clock_ms)
    scores = values(read(job.topics.scores))
    assert_scores(scores, classifier, log, clock_ms)
    found = list(alerts(Reading(job.source.bootstrap, job.topics.alerts, follow=False)))
    assert_alerts(found, scores, clock_ms, clock_ms - log_start(log, clock_ms) < HISTORY_DAYS * DAY_MS)


def assert_states(spark, job, log, clock_ms):
    """The store holds the naive function of the log in the window that scores."""
    query = f"{job.checkpoint}/query"
    last = Checkpoint(Storage(spark), job.checkpoint).last_committed()
    found = by_user(as_of(stored_states(spark, query, last), clock_ms))
    expected = {user: naive_state(log, user, clock_ms) for user in users_of(log)}
    assert found.keys() == {user for user, naive in expected.items() if naive}
    for user, state in found.items():
        assert_same(state, expected[user])


def assert_scores(scores, classifier, log, clock_ms):
    """Everybody who is alive has, as of the clock, the score of the naive features."""
    last = {score["user_id"]: score["probability"] for score in scores if as_of_ms(score) == clock_ms}
    features = {user: naive_features(log, user, clock_ms) for user in users_of(log)}
    assert last.keys() == {user for user, naive in features.items() if naive}
    for user, found in last.items():
        assert found == pytest.approx(probability(classifier, features[user], clock_ms), abs=1e-9)


def assert_alerts(found, scores, clock_ms, is_young):
    """Who is over the threshold has an alert or is in its cool-down; no alert without such a score; one id each.

    In a window that is young, who is over the threshold may wait.
    """
    over = {(score["user_id"], as_of_ms(score)) for score in scores if score["probability"] >= CARD.threshold}
    given_to = {(alert["user_id"], as_of_ms(alert)) for alert in found}
    assert given_to <= over
    assert len({alert["alert_id"] for alert in found}) == len(given_to)
    for user in {user for user, at_ms in over if at_ms == clock_ms}:
        latest_ms = max((at_ms for alerted, at_ms in given_to if alerted == user), default=0)
        assert is_young or clock_ms - latest_ms < COOL_DOWN_DAYS * DAY_MS
