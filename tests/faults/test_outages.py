"""The wait for a broker that is out: who is asked again, for how long, and what ends it."""

import threading

import pytest

from churn.errors import BrokerUnavailable, TopicMissing
from streaming.outages import outlasting

GONE = BrokerUnavailable("nobody answers")


def nothing():
    """What has been done meanwhile."""


class Turns:
    """A function that goes through outcomes, one a call: an error is raised."""

    def __init__(self, *outcomes):
        self.left = list(outcomes)

    def __call__(self):
        outcome = self.left.pop(0)
        if outcome:
            raise outcome


def test_the_query_begins_anew_once_the_broker_answers_again(caplog):
    attempt, looks = Turns(GONE, GONE, None), Turns(GONE, None, None)
    outlasting(attempt, looks, nothing, 1, threading.Event())
    assert not attempt.left
    assert not looks.left
    said = [record.message for record in caplog.records]
    assert [line.partition(";")[0] for line in said[:2]] == [
        "outage: nobody answers",
        "outage: the broker answers again",
    ]


def test_an_outage_that_lasts_too_long_ends_the_stream_with_what_to_do():
    with pytest.raises(BrokerUnavailable, match=r"nobody answers; waited 0.03 minutes .*start the stream again"):
        outlasting(Turns(GONE), Turns(*[GONE] * 9), nothing, 0.03, threading.Event())


def test_a_broker_that_answers_and_takes_nothing_is_out_too():
    def fails():
        raise GONE

    with pytest.raises(BrokerUnavailable, match=r"waited 0.03 minutes"):
        outlasting(fails, nothing, nothing, 0.03, threading.Event())


def test_each_outage_has_its_own_minutes():
    batches = iter(range(9))
    outlasting(Turns(GONE, GONE, GONE, GONE, None), nothing, lambda: next(batches), 0.03, threading.Event())


def test_who_will_not_wait_hears_of_the_outage_at_once():
    with pytest.raises(BrokerUnavailable, match="nobody answers"):
        outlasting(Turns(GONE), Turns(), nothing, 0, threading.Event())


def test_a_stop_ends_the_wait():
    stop = threading.Event()

    def look():
        stop.set()
        raise GONE

    outlasting(Turns(GONE), look, nothing, 1, stop)


def test_what_is_no_outage_is_not_waited_for():
    with pytest.raises(TopicMissing):
        outlasting(Turns(GONE), Turns(TopicMissing("topic is missing")), nothing, 1, threading.Event())
