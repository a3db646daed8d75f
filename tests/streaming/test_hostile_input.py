"""Whatever is sent, the stream goes on, nothing vanishes, and nobody else's state is touched."""

import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from kafka import KafkaProducer
from pyspark.sql import functions as F

from churn.events import judged, parsed, rules
from churn.records import LONGEST_VALUE
from churn_io.storage import Storage
from streaming.checkpoint import Checkpoint
from streaming.job import run
from streaming.reader import as_of_ms
from streaming.source import Source
from streaming.sweep import stored_states
from tests import hostile
from tests.builders import START_MS, by_time, event, grumbler, lines, listener, naive_state
from tests.churn.test_state import assert_same, by_user
from tests.streaming.conftest import KEY, values
from tests.streaming.test_parity import as_of

RECORDS = int(os.environ.get("SPARKIFY_FUZZ_RECORDS", "5000"))
LARGE_BYTES = 5 * 1024 * 1024
STAMP_MS = START_MS + 40 * 24 * 3600 * 1000


@pytest.fixture(scope="module")
def flood():
    """Hostile values, other ones in each run; an example of hypothesis is some five of them."""
    found = []

    @settings(max_examples=RECORDS // 5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(hostile.values)
    def collect(values):
        found.extend(values)

    collect()
    return found


def test_each_value_gets_the_verdict_that_a_naive_reading_gives(spark, flood):
    records = spark.createDataFrame([(value,) for value in flood], "value BINARY")
    timed = records.withColumn("recorded_ms", F.lit(STAMP_MS))
    rows = timed.transform(parsed).transform(judged).select("value", "reason", "without_user").collect()
    wrong = {}
    for row in rows:
        found = row.reason or ("without_user" if row.without_user else "accepted")
        value = row.value if row.value is None else bytes(row.value)
        wanted = hostile.expected(value, STAMP_MS)
        if wanted not in (None, found):
            wrong[value] = (found, wanted)
    assert not wrong


@pytest.fixture
def send_hostile(broker, job):
    """A function that puts values on partition 0 of this test's topic, however large, and waits."""
    producer = KafkaProducer(bootstrap_servers=broker, max_request_size=2**30, compression_type="gzip", linger_ms=5)

    def put(records):
        sent = [
            producer.send(job.source.topic, value, key=KEY, timestamp_ms=STAMP_MS, partition=0) for value in records
        ]
        producer.flush()
        for future in sent:
            future.get(timeout=60)

    yield put
    producer.close()


def large():
    """Values of 5 MB: an event, an event nobody wants, no JSON, one key many times."""
    wanted = event(30, user="hostile", song="x" * LARGE_BYTES)
    unwanted = event(30, user="hostile", level="x" * LARGE_BYTES)
    pairs = ", ".join(['"ts": 1'] * (LARGE_BYTES // 9))
    return [*(line.encode() for line in lines([wanted, unwanted])), b"[" * LARGE_BYTES, f"{{{pairs}}}".encode()]


def test_whatever_is_sent_the_books_balance_and_nobody_else_is_touched(spark, job, send_hostile, send, read, flood):
    log = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40)))
    half = len(flood) // 2
    send(log[:70])
    sent = {70 + number: value for number, value in enumerate([*flood[:half], *large()])}
    send_hostile(sent.values())
    send(log[70:], partition=1)
    after = flood[half:]
    send_hostile(after)
    sent |= {70 + half + 4 + number: value for number, value in enumerate(after)}
    job = replace(job, source=Source(job.source.bootstrap, job.source.topic, max_events_per_trigger=len(flood) // 3))
    total = run(spark, job)
    assert total.is_balanced
    assert total.read == len(flood) + 4 + len(log)
    letters = read(job.topics.rejected)
    assert len(letters) == total.rejected
    assert_letters(letters, sent)
    clock_ms = max(as_of_ms(score) for score in values(read(job.topics.scores)))
    assert_untouched(spark, job, log, clock_ms)


def assert_letters(letters, sent):
    """Each says why and whence and holds the bytes; and each value that is surely none of ours has one."""
    known = {rule.reason for rule in rules()}
    refused = set()
    for letter in letters:
        headers = {name: text.decode() for name, text in letter.headers}
        offset = int(headers["offset"])
        assert headers["reason"] in known
        assert headers["partition"] == "0"
        assert letter.value == sent[offset]
        refused.add(offset)
    assert len(refused) == len(letters)
    for offset, value in sent.items():
        wanted = hostile.expected(value, STAMP_MS)
        assert wanted is None or (wanted in known) == (offset in refused), value


def assert_untouched(spark, job, log, clock_ms, users=("angry", "calm")):
    """The well-behaved users' states are the naive function of their own events."""
    last = Checkpoint(Storage(spark), job.checkpoint).last_committed()
    found = by_user(as_of(stored_states(spark, f"{job.checkpoint}/query", last), clock_ms))
    for user in users:
        assert_same(found[user], naive_state(log, user, clock_ms))


def test_a_value_that_no_topic_would_take_is_cut_and_says_so(spark, job, send_hostile, read):
    size = 3 * LONGEST_VALUE
    send_hostile([b"x" * size])  # some kB when compressed, and so within the topic's limit
    assert run(spark, job).rejected == 1
    (letter,) = read(job.topics.rejected)
    assert letter.value == b"x" * LONGEST_VALUE
    assert dict(letter.headers)["bytes"] == b"%d" % size
