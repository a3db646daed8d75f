"""Events sent twice: with `--dedupe` a state is that of the log sent once, and the books name the repeats."""

import random
from dataclasses import replace

import pytest

from churn.errors import CheckpointMismatch
from churn.state import DAY_MS
from churn_io.storage import Storage
from streaming.accounts import Accounts
from streaming.checkpoint import Checkpoint
from streaming.job import require_checkpoint, run
from streaming.source import Source
from streaming.sweep import stored_states
from streaming.trigger import Policy
from tests.builders import START_MS, by_time, event, grumbler, listener, naive_state
from tests.churn.test_state import by_user
from tests.streaming.conftest import values
from tests.streaming.test_cuts import assert_states
from tests.streaming.test_parity import as_of

DEDUPE_OPERATOR = 1  # Spark numbers the query's stores from its end


@pytest.fixture
def log():
    """120 events of 20 days, no two alike."""
    found = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40)))
    return [each | {"itemInSession": number} for number, each in enumerate(found)]


def clock_of(log):
    return max(each["ts"] for each in log)


def batches(job, max_events, hours):
    """The job in batches of so many events, without sweeps."""
    source = Source(job.source.bootstrap, job.source.topic, max_events)
    return replace(job, source=source, policy=Policy(cool_down_days=7, sweep_days=0), dedupe_hours=hours)


def test_a_log_sent_twice_in_any_order_with_a_crash_between_is_the_log_sent_once(spark, job, send, log):
    job = batches(job, 100, hours=24 * 28)
    copies = random.Random(1).sample(log * 2, 2 * len(log))
    visitors_and_broken = [event(30, user=None), event(30, user=None), b"{broken", b"{broken"]

    def failing(batch_id, _accounts):
        if batch_id == 1:
            raise ValueError("between the results and the commit")

    send(copies[:90])
    total = run(spark, job)
    send(copies[90:] + visitors_and_broken)
    with pytest.raises(ValueError, match="between"):
        run(spark, job, on_batch=failing)
    total += run(spark, job)
    assert (total.read, total.state, total.rejected, total.without_user) == (244, 120, 2, 2)
    assert (total.late, total.duplicates) == (0, 120)
    assert total.is_balanced
    assert_states(spark, job, log, clock_of(log))


def test_a_log_replayed_later_changes_nothing_whatever_the_hours(spark, job, send, log):
    """What is older than the hours cannot be told from a repeat, and is late; only that much is remembered."""
    job = batches(job, 60, hours=24)
    send(log)
    first = run(spark, job)
    assert (first.state, first.late, first.duplicates) == (120, 0, 0)
    send(log)
    again = run(spark, job)
    assert (again.read, again.state) == (120, 0)
    assert again.late > 0 < again.duplicates
    assert again.is_balanced
    assert_states(spark, job, log, clock_of(log))
    last = Checkpoint(Storage(spark), job.checkpoint).last_committed()
    remembered = spark.read.format("statestore").option("operatorId", DEDUPE_OPERATOR).option("batchId", last)
    assert remembered.load(f"{job.checkpoint}/query").count() == 6  # the last day's


def test_an_event_as_old_as_the_hours_is_late_and_a_millisecond_newer_one_counts(spark, job, send, read):
    for number in range(2):
        send([event(30, user="calm", itemInSession=number * 40 + each) for each in range(40)])
    edge_ms = START_MS + 29 * DAY_MS
    send([event(0, user=user, ts=edge_ms + ms) for user, ms in (("older", 0), ("newer", 1))])
    total = run(spark, batches(job, 40, hours=24))
    assert (total.state, total.late, total.duplicates) == (81, 1, 0)
    assert {score["user_id"] for score in values(read(job.topics.scores))} == {"calm", "newer"}


def test_without_it_an_event_counts_as_often_as_it_was_sent(spark, job, send, log):
    job = batches(job, 240, hours=None)
    send(by_time(log, log))
    total = run(spark, job)
    assert (total.read, total.state, total.duplicates) == (240, 240, None)
    last = Checkpoint(Storage(spark), job.checkpoint).last_committed()
    found = by_user(as_of(stored_states(spark, f"{job.checkpoint}/query", last), clock_of(log)))
    for user in ("angry", "calm"):
        assert found[user]["n_events"] == 2 * naive_state(log, user, clock_of(log))["n_events"]


def test_a_checkpoint_keeps_the_hours_that_it_began_with(spark, job):
    require_checkpoint(spark, job.source, Checkpoint(Storage(spark), job.checkpoint))
    with pytest.raises(CheckpointMismatch, match=r"made with dedupe_hours=None, this run has 24; .*--checkpoint"):
        run(spark, replace(job, dedupe_hours=24))


def test_the_books_name_duplicates_only_where_somebody_looks_for_them():
    off, on = Accounts(read=3, state=3), Accounts(read=3, state=1, duplicates=2)
    assert "duplicates" not in off.in_words()
    assert "duplicates" not in off.as_dict()
    assert "read 6 = state 4 + rejected 0 + without user 0 + late 0 + duplicates 2" in (off + on).in_words()
    assert (off + on).as_dict()["duplicates"] == 2
    assert not Accounts(read=3, state=2, duplicates=2).is_balanced
