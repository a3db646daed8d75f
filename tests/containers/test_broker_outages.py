"""The broker in a container is frozen, then killed, while the stream runs; in the end nothing is lost."""

import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from churn.errors import BrokerUnavailable
from churn_io.kafka import require_broker
from streaming.job import StopSignal, run
from streaming.reader import Reading, alerts
from tests.builders import by_time, grumbler, listener
from tests.containers.conftest import awaited
from tests.streaming.conftest import classifier, job, models, probability, read, send, values  # noqa: F401  (fixtures)
from tests.streaming.test_restart import undisturbed


@contextmanager
def supervised(spark, settings):
    """The stream in the background, started again whenever it ends, as compose does; gives what went wrong so far."""
    stop, complaints = StopSignal(), []

    def keep_running():
        while not stop.event.is_set():
            try:
                run(spark, settings, stop)
            except Exception as error:  # noqa: BLE001  (compose does not look at what ended it either)
                complaints.append(error)
                stop.event.wait(1)

    thread = threading.Thread(target=keep_running, daemon=True)
    thread.start()
    try:
        yield complaints
    finally:
        stop.event.set()
        thread.join()


def answers(broker):
    """Whether a broker lets us in."""
    try:
        require_broker(broker)
    except BrokerUnavailable:
        return False
    return True


def test_a_broker_that_freezes_and_dies_costs_no_event(kafka, broker, spark, job, send, read, classifier):  # noqa: F811
    log = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40)))

    def scored_up_to(stamp):
        last = {score["user_id"]: score for score in values(read(job.topics.scores))}
        return len(last) == 2 and {score["as_of"] for score in last.values()} == {stamp} and last

    with supervised(spark, replace(job, available_now=False)) as complaints:
        send(log[:60])
        awaited(lambda: scored_up_to("2018-10-30T00:00:00.000Z"), complaints)
        send(log[60:90])
        kafka.pause()  # with a batch on its way
        assert not answers(broker)
        kafka.unpause()
        awaited(lambda: scored_up_to("2018-11-04T00:00:00.000Z"), complaints)
        kafka.kill()
        assert not answers(broker)
        kafka.start()
        awaited(lambda: answers(broker), "the broker")
        send(log[90:])
        last = awaited(lambda: scored_up_to("2018-11-09T00:00:00.000Z"), complaints)
    for user, score in last.items():
        assert score["probability"] == pytest.approx(undisturbed(classifier, log, user), abs=1e-9)
    found = list(alerts(Reading(broker, job.topics.alerts, follow=False)))
    assert {alert["user_id"] for alert in found} == {"angry"}
    assert len({alert["alert_id"] for alert in found}) == len(found)
