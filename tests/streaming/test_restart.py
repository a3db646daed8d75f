"""The program as its users run it: stopped between batches, killed in the middle, started again."""

import signal
import subprocess
import sys
import time

import pytest

from streaming.job import run
from streaming.reader import Reading, alerts
from tests.builders import by_time, grumbler, listener, naive_features
from tests.streaming.conftest import probability, values

START_SECONDS = 400  # ends a hang; a slow machine needs two minutes


@pytest.fixture
def scoring(job, tmp_path):
    """A function that starts `python -m streaming score` on this test's topic; what runs at the end is killed."""
    running = []

    def start(*extra):
        arguments = ["score", "--bootstrap", job.source.bootstrap, "--topic", job.source.topic]
        topics = {"scores": job.topics.scores, "alerts": job.topics.alerts, "rejected": job.topics.rejected}
        arguments += [word for name, topic in topics.items() for word in (f"--{name}-topic", topic)]
        arguments += ["--models", job.models, "--checkpoint", job.checkpoint, "--max-events-per-trigger", "40"]
        log = (tmp_path / f"score-{len(running)}.log").open("wb")
        process = subprocess.Popen([sys.executable, "-m", "streaming", *arguments, *extra], stdout=log, stderr=log)
        running.append(process)
        return process, tmp_path / f"score-{len(running) - 1}.log"

    yield start
    for process in running:
        process.kill()
        process.wait()


def await_text(log, text):
    """Wait until the program has said it."""
    deadline = time.monotonic() + START_SECONDS
    while text not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.2)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_stop_ends_between_batches_with_the_books_printed(job, send, scoring, number, code):
    send(by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40))))
    process, log = scoring()
    await_text(log, "read 120")
    process.send_signal(number)
    assert process.wait(60) == code
    assert "total read 120 = state 120 + rejected 0 + without user 0 + late 0" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_killed_stream_ends_where_an_undisturbed_one_does(spark, job, send, read, scoring, classifier):
    log = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40)))
    send(log)
    process, said = scoring()
    await_text(said, "batch 0")
    process.kill()
    process.wait()
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
    return probability(classifier, naive_features(log, user, max(each["ts"] for each in log)))
