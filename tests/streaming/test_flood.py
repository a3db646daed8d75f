"""A flood of users whom nobody knows goes through, and leaves nothing behind once its windows have closed."""

import os
from dataclasses import replace

from churn_io.storage import Storage
from streaming.checkpoint import Checkpoint
from streaming.job import run
from streaming.sweep import stored_states
from streaming.trigger import Policy
from tests.builders import event, listener

USERS = int(os.environ.get("SPARKIFY_FLOOD_USERS", "20000"))
WINDOWS = 2  # that each event is in


def rows_kept(spark, job):
    """How many states the store holds after the last batch."""
    last = Checkpoint(Storage(spark), job.checkpoint).last_committed()
    return stored_states(spark, f"{job.checkpoint}/query", last).count()


def test_a_flood_of_new_users_neither_stops_the_stream_nor_stays(spark, job, send):
    job = replace(job, source=replace(job.source, max_events_per_trigger=USERS // 2), policy=Policy(7, 0))
    send(event(20 + number / USERS / 24, user=f"new-{number}") for number in range(USERS))  # within an hour
    flood = run(spark, job)
    assert flood.is_balanced
    assert flood.state == flood.scores == USERS
    assert rows_kept(spark, job) == WINDOWS * USERS
    for day in (90, 91, 92):  # each run is a batch; a watermark takes effect in the one after it
        send(listener("calm", [day]))
        assert run(spark, job).state == 3
    assert rows_kept(spark, job) == WINDOWS
