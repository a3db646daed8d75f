"""A record's key decides nothing: the value says whose an event is, and a dead letter keeps the key that came."""

from dataclasses import replace
from itertools import cycle

from churn.records import LONGEST_KEY, LONGEST_VALUE
from streaming.job import run
from streaming.reader import as_of_ms
from streaming.sink import publish
from tests.builders import by_time, event, grumbler, lines, listener
from tests.streaming.conftest import values
from tests.streaming.hostile_records import WRONG_KEYS, put
from tests.streaming.test_hostile_input import assert_untouched


def test_an_event_counts_for_the_user_whom_its_value_names_whatever_its_key(spark, job, read):
    log = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40)))
    put(job.source, zip(cycle(WRONG_KEYS), (line.encode() for line in lines(log)), strict=False))
    total = run(spark, job)
    assert total.is_balanced
    assert (total.read, total.state) == (120, 120)
    scores = read(job.topics.scores)
    assert {(record.key, score["user_id"]) for record, score in zip(scores, values(scores), strict=True)} == {
        (b"angry", "angry"),
        (b"calm", "calm"),
    }
    assert {record.key for record in read(job.topics.alerts)} == {b"angry"}
    assert_untouched(spark, job, log, max(as_of_ms(score) for score in values(scores)))


def test_a_repeat_is_one_under_whatever_key_it_comes_again(spark, job):
    (line,) = lines([event(20)])
    put(job.source, ((key, line.encode()) for key in WRONG_KEYS))
    total = run(spark, replace(job, dedupe_hours=1))
    assert total.is_balanced
    assert (total.state, total.duplicates) == (1, len(WRONG_KEYS) - 1)


def test_a_letter_has_its_records_key_cut_at_its_longest(spark, job, read):
    longest = b"k" * LONGEST_KEY
    kept = {key: key for key in (*WRONG_KEYS[:-1], longest)} | {longest + b"x": longest, WRONG_KEYS[-1]: longest}
    refused = {b"%d" % number: key for number, key in enumerate(kept)}
    put(job.source, ((key, value) for value, key in refused.items()))
    assert run(spark, job).rejected == len(kept)
    letters = read(job.topics.rejected)
    assert {letter.value: letter.key for letter in letters} == {value: kept[key] for value, key in refused.items()}
    assert not any("bytes" in dict(letter.headers) for letter in letters)  # no value was cut


def test_a_letter_of_which_both_key_and_value_are_cut_still_fits_its_topic(spark, job, read):
    size = 2 * LONGEST_VALUE
    put(job.source, [(b"k" * size, b"x" * size)])
    assert run(spark, job).rejected == 1
    (letter,) = read(job.topics.rejected)
    assert letter.key == b"k" * LONGEST_KEY
    assert letter.value == b"x" * LONGEST_VALUE
    assert dict(letter.headers)["bytes"] == b"%d" % size


def test_a_record_of_neither_key_nor_value_has_a_letter_of_neither(spark, job, read):
    publish(spark.createDataFrame([(None, None)], "key BINARY, value BINARY"), job.source.bootstrap, job.source.topic)
    assert run(spark, job).rejected == 1
    (letter,) = read(job.topics.rejected)
    assert (letter.key, letter.value, dict(letter.headers)["reason"]) == (None, None, b"empty")
