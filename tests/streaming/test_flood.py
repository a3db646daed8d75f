"""A flood of users whom nobody knows goes through, and leaves nothing behind once its windows have closed."""

import os
from collections import Counter
from dataclasses import replace

from churn_io.storage import Storage
from streaming.checkpoint import Checkpoint
from streaming.job import run
from streaming.sweep import stored_states
from streaming.trigger import Policy
from tests.builders import event, listener
from tests.streaming.conftest import CARD, publish_model, values

USERS = int(os.environ.get("SPARKIFY_FLOOD_USERS", "20000"))
ALERTED = int(os.environ.get("SPARKIFY_FLOOD_ALERTS", "20000"))
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


def test_a_flood_that_is_all_over_the_threshold_is_alerted_once_a_cool_down(spark, job, send, read, classifier):
    """Each of them passes through the driver: half of them a batch at first, all in one with the sweep of day 38."""
    publish_model(spark, job.models, classifier, replace(CARD, version="v2", threshold=1e-9))
    job = replace(job, source=replace(job.source, max_events_per_trigger=ALERTED // 2 + 1), policy=Policy(7, 0))
    send([event(20, user="first")])  # a log with less than a week before it alerts nobody
    send(event(30 + number / ALERTED / 24, user=f"new-{number}") for number in range(ALERTED))
    everybody = ALERTED + 1
    flood = run(spark, job)
    assert flood.is_balanced
    assert flood.state == flood.scores == flood.alerts == everybody
    sweeping = replace(job, policy=Policy(7, 1))
    for day, alerts in ((32, 0), (38, everybody)):
        send([event(day, user="first")])
        swept = run(spark, sweeping)
        assert swept.is_balanced
        assert (swept.scores, swept.alerts) == (2 * everybody, alerts)  # the batch's, and the sweep's at the end
    found = values(read(job.topics.alerts))
    assert Counter(Counter(alert["user_id"] for alert in found).values()) == {2: everybody}
    assert len({alert["alert_id"] for alert in found}) == 2 * everybody
