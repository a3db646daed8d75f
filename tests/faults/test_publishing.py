"""The broker dies while a batch's scores are on their way to it: they come again, the same, and nobody is left out."""

import os
import signal
from collections import Counter, defaultdict
from dataclasses import replace

from kafka import KafkaConsumer

from sandbox.broker import start
from tests.builders import by_time, event, grumbler
from tests.streaming.conftest import values
from tests.streaming.programs import START_SECONDS, score_words, scoring_processes

USERS = 40_000  # enough for their scores to take seconds, and the broker to die meanwhile


def dies_at_the_first_record(broker, topic):
    """Kill the broker as soon as it hands out a record of the topic."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=1000 * START_SECONDS,
    )
    assert next(consumer, None), "no score has come"
    os.kill(broker.pid(), signal.SIGKILL)
    consumer.close(autocommit=False, timeout_ms=0)


def test_scores_under_way_when_the_broker_died_come_again_and_say_the_same(own_broker, job, send, read, tmp_path):
    flood = [event(20 + number / USERS / 24, user=f"new-{number}") for number in range(USERS)]
    log = by_time(grumbler("angry", range(5, 20)), flood)
    send(log)
    job = replace(job, source=replace(job.source, max_events_per_trigger=len(log)))
    with scoring_processes(tmp_path) as begin:
        stream = begin(score_words(job))
        dies_at_the_first_record(own_broker, job.topics.scores)
        stream.await_text("outage: ")
        start(own_broker.folder, own_broker.port)
        stream.await_text(f" batch 0 +{len(log)} ")
        stream.process.terminate()
        assert stream.process.wait(START_SECONDS) == 0
    scores = defaultdict(Counter)
    for record in read(job.topics.scores):
        scores[record.key.decode()][record.value] += 1
    assert set(scores) == {each["userId"] for each in log}
    assert all(len(said) == 1 for said in scores.values())
    assert 0 < sum(said.total() > 1 for said in scores.values()) < USERS
    assert [alert["user_id"] for alert in values(read(job.topics.alerts))] == ["angry"]
