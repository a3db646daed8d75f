"""The log's starts: what a batch observes on its way is what its states say, also where it spans months."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from churn.events import accepted, judged, parsed
from churn.state import HOP_MS, window_start_ms
from streaming.log_starts import HOPS, LogStarts, firsts
from streaming.query import acceptances, doubled, windowed
from tests.builders import START_MS, cancel, event, lines
from tests.churn.test_state import RECORDED_MS
from tests.strategies import logs

FEW = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def of_log(spark):
    """A function from a batch to what it observes and to its states."""

    def make(log):
        records = spark.createDataFrame([(row, RECORDED_MS) for row in lines(log)], "value string, recorded_ms long")
        events = records.transform(parsed).transform(judged).transform(accepted)
        observed = json.loads(events.agg(*acceptances(), *firsts()).toJSON().first())
        absent = {f"first_{number}": None for number in range(HOPS)} | {"earliest_ms": None}
        states = windowed(events.transform(doubled))
        return absent | observed, states.withColumn("window_start_ms", F.unix_millis("window.start"))

    return make


@FEW
@given(log=logs(max_size=60), cut=st.integers(0, 60))
def test_batches_observe_what_their_states_say(of_log, log, cut):
    seen, told = LogStarts(), LogStarts()
    for batch in filter(None, (log[:cut], log[cut:])):
        observed, states = of_log(batch)
        seen.see_batch(observed, observed, states)
        told.see(states)
    moments = [each["ts"] + hops * HOP_MS for each in log for hops in (0, 1, 2)]
    assert [seen.of(moment) for moment in moments] == [told.of(moment) for moment in moments]


def test_a_batch_of_more_hops_than_are_observed_apart_looks_at_its_states(of_log):
    log = [event(28 * hop, "NextSong", "u1") for hop in range(HOPS + 1)]
    observed, states = of_log(log)
    seen = LogStarts()
    seen.see_batch(observed, observed, states)
    clocks = [each["ts"] + HOP_MS for each in log]
    assert [seen.of(clock) for clock in clocks] == [each["ts"] for each in log]


def test_what_only_tells_of_a_cancel_starts_no_log(of_log):
    log = [*cancel(0), event(1, "NextSong", "u2")]
    observed, states = of_log(log)
    seen = LogStarts()
    seen.see_batch(observed, observed, states)
    assert window_start_ms(START_MS + HOP_MS) <= START_MS
    assert seen.of(START_MS + HOP_MS) == log[-1]["ts"]
