"""The program as its users run it: stopped between batches, killed in the middle, started again."""

import signal

import pytest

from streaming.job import run
from streaming.reader import Reading, alerts
from tests.builders import by_time, grumbler, listener, naive_features
from tests.streaming.conftest import probability, values
from tests.streaming.programs import score_words, scoring_processes


@pytest.fixture
def scoring(job, tmp_path):
    """A function that starts the program on this test's topic; what runs at the end is killed."""
    with scoring_processes(tmp_path) as start:
        yield lambda: start(score_words(job))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_stop_ends_between_batches_with_the_books_printed(job, send, scoring, number, code):
    send(by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40))))
    stream = scoring()
    stream.await_text("read 120")
    stream.process.send_signal(number)
    assert stream.process.wait(60) == code
    assert "total read 120 = state 120 + rejected 0 + without user 0 + late 0" in stream.said
    assert "Traceback" not in stream.said


def test_a_killed_stream_ends_where_an_undisturbed_one_does(spark, job, send, read, scoring, classifier):
    log = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40)))
    send(log)
    stream = scoring()
    stream.await_text("batch 0")
    stream.kill()
    total = run(spark, job)
    assert total.is_balanced
    last = {score["user_id"]: score for score in values(read(job.topics.scores))}
    assert {score["as_of"] for score in last.values()} == {"2018-11-09T00:00:00.000Z"}
    found = list(alerts(Reading(job.source.bootstrap, job.topics.alerts, follow=False)))
    assert len({alert["alert_id"] for alert in found}) == len(found) > 0
    assert {alert["user_id"] for alert in found} == {"angry"}
    for user, score in last.items():
        assert score["probability"] == pytest.approx(undisturbed(classifier, log, user), abs=1e-9)


def test_a_batch_that_failed_is_repeated_and_the_run_goes_on(spark, job, send, read):
    send(by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40))))

    def failing(batch_id, _accounts):
        if batch_id == 1:
            raise ValueError("between the results and the commit")

    with pytest.raises(ValueError, match="between"):
        run(spark, job, on_batch=failing)
    before = list(alerts(Reading(job.source.bootstrap, job.topics.alerts, follow=False)))
    total = run(spark, job)
    assert total.is_balanced
    assert total.read == 80  # all but the first batch, which was committed
    assert {score["as_of"] for score in values(read(job.topics.scores))[-2:]} == {"2018-11-09T00:00:00.000Z"}
    assert [alert["user_id"] for alert in before] == ["angry"]
    given = values(read(job.topics.alerts))
    assert given[:1] == before  # given before the failure, and not again when the batch was repeated
    assert len({alert["alert_id"] for alert in given}) == len(given)


def undisturbed(classifier, log, user):
    """The probability for the naive features of the whole log."""
    clock_ms = max(each["ts"] for each in log)
    return probability(classifier, naive_features(log, user, clock_ms), clock_ms)
