"""Law 1, the batch half: both ways to a state agree with a naive function of the prefix."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from churn.events import accepted, judged, parsed
from churn.features import NAMES, with_features
from churn.state import DAY_MS, alive, daily, state_at, states_at
from tests.builders import START_MS, cancel, event, lines, naive_features, naive_state
from tests.strategies import logs, moments, users_of

SLOW = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
RECORDED_MS = START_MS + 1000 * DAY_MS


@pytest.fixture(scope="module")
def accepted_events(spark):
    """A function from events to the accepted ones, as Spark sees them."""

    def read(log):
        records = spark.createDataFrame([(line,) for line in lines(log)], "value STRING")
        timed = records.withColumn("recorded_ms", F.lit(RECORDED_MS))
        return timed.transform(parsed).transform(judged).transform(accepted)

    return read


def by_user(frame):
    """Rows as dictionaries, by user."""
    rows = [row.asDict() for row in frame.collect()]
    return {row.pop("user_id"): row for row in rows}


def assert_same(found, expected):
    """Equal to 1e-9, name by name."""
    for name, value in expected.items():
        if value is None:
            assert found[name] is None, name
        else:
            assert math.isclose(found[name], value, rel_tol=1e-9, abs_tol=1e-9), (name, found[name], value)


@SLOW
@given(log=logs(), as_of_ms=moments)
def test_the_batch_state_is_the_naive_function_of_the_prefix(accepted_events, log, as_of_ms):
    found = by_user(state_at(accepted_events(log), as_of_ms))
    expected = {user: naive_state(log, user, as_of_ms) for user in users_of(log)}
    assert found.keys() == {user for user, state in expected.items() if state}
    for user, state in found.items():
        assert_same(state, expected[user])


@SLOW
@given(log=logs(), days=st.lists(st.integers(20, 100), min_size=1, max_size=4, unique=True))
def test_daily_partials_add_up_to_the_state_at_every_moment(accepted_events, log, days):
    moments_ms = [START_MS + day * DAY_MS for day in days]
    found = {(row.as_of_ms, row.user_id): row for row in states_at(daily(accepted_events(log)), moments_ms).collect()}
    naive = {(at, user): naive_state(log, user, at) for at in moments_ms for user in users_of(log)}
    assert found.keys() == {key for key, state in naive.items() if state}
    for key, state in found.items():
        assert_same(state, naive[key])


@SLOW
@given(log=logs(), as_of_ms=moments)
def test_the_features_are_the_naive_function_of_the_prefix(accepted_events, log, as_of_ms):
    found = by_user(state_at(accepted_events(log), as_of_ms).transform(alive).transform(with_features))
    expected = {user: naive_features(log, user, as_of_ms) for user in users_of(log)}
    assert found.keys() == {user for user, features in expected.items() if features}
    for user, features in found.items():
        assert_same(features, expected[user])
        assert set(expected[user]) == set(NAMES)


def test_what_comes_after_a_moment_changes_no_feature_at_it(accepted_events):
    as_of_ms = START_MS + 40 * DAY_MS
    past = [event(day, page) for day in range(20, 40) for page in ("NextSong", "Thumbs Down", "Downgrade")]
    future = [event(41, "Thumbs Down"), event(45, level="paid"), *cancel(50)]
    without, having = (
        by_user(state_at(accepted_events(log), as_of_ms).transform(with_features)) for log in (past, past + future)
    )
    assert without.keys() == having.keys() == {"u1"}
    assert_same(having["u1"], without["u1"])


def test_the_rows_of_a_cancel_enter_no_feature(accepted_events):
    as_of_ms = START_MS + 40 * DAY_MS
    past = [event(day) for day in range(20, 39)]
    without, having = (
        by_user(state_at(accepted_events(log), as_of_ms).transform(with_features))
        for log in (past, past + cancel(39.5))
    )
    assert without.keys() == having.keys() == {"u1"}
    assert_same(having["u1"], without["u1"])


def test_a_user_who_has_cancelled_is_not_alive(accepted_events):
    state = state_at(accepted_events([event(20), *cancel(30)]), START_MS + 40 * DAY_MS)
    assert state.count() == 1
    assert state.transform(alive).count() == 0


def test_a_moment_that_is_no_midnight_is_refused_for_partials(accepted_events):
    with pytest.raises(ValueError, match="midnights"):
        states_at(daily(accepted_events([event(1)])), [START_MS + 1])
