"""Whatever is sent, the stream goes on, nothing vanishes, and nobody else's state is touched."""

import os
from dataclasses import replace

import pytest
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
from tests.builders import by_time, grumbler, listener, naive_state
from tests.churn.test_state import assert_same, by_user
from tests.streaming.conftest import KEY, values
from tests.streaming.hostile_records import STAMP_MS, keyed, large, put
from tests.streaming.test_parity import as_of

RECORDS = int(os.environ.get("SPARKIFY_FUZZ_RECORDS", "5000"))


@pytest.fixture(scope="module")
def flood():
    """Hostile values, other ones in each run."""
    found = hostile.some(RECORDS)
    assert len(set(found)) >= RECORDS
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


def test_whatever_is_sent_the_books_balance_and_nobody_else_is_touched(spark, job, send, read, flood):
    log = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40)))
    half = len(flood) // 2
    before, after = list(keyed([*flood[:half], *large()])), list(keyed(flood[half:]))
    send(log[:70])
    put(job.source, before, partition=0)
    send(log[70:], partition=1)
    put(job.source, after, partition=0)
    sent = dict(enumerate(before + after, start=70))  # by their offsets
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
    """Each says why and whence and holds key and bytes; and each value that is surely none of ours has one."""
    known = {rule.reason for rule in rules()}
    refused = set()
    for letter in letters:
        headers = {name: text.decode() for name, text in letter.headers}
        offset = int(headers["offset"])
        assert headers["reason"] in known
        assert headers["partition"] == "0"
        assert (letter.key, letter.value) == sent[offset]
        refused.add(offset)
    assert len(refused) == len(letters)
    for offset, (_key, value) in sent.items():
        wanted = hostile.expected(value, STAMP_MS)
        assert wanted is None or (wanted in known) == (offset in refused), value


def assert_untouched(spark, job, log, clock_ms, users=("angry", "calm")):
    """The well-behaved users' states are the naive function of their own events."""
    last = Checkpoint(Storage(spark), job.checkpoint).last_committed()
    found = by_user(as_of(stored_states(spark, f"{job.checkpoint}/query", last), clock_ms))
    for user in users:
        assert_same(found[user], naive_state(log, user, clock_ms))


def test_a_value_that_no_topic_would_take_is_cut_and_says_so(spark, job, read):
    size = 3 * LONGEST_VALUE
    put(job.source, [(KEY, b"x" * size)])  # some kB when compressed, and so within the topic's limit
    assert run(spark, job).rejected == 1
    (letter,) = read(job.topics.rejected)
    assert letter.value == b"x" * LONGEST_VALUE
    assert dict(letter.headers)["bytes"] == b"%d" % size
