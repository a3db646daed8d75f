"""How a stream is killed: the whole or its JVM alone, and what it is at when that comes."""

import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition

from sandbox.broker import command_of
from streaming.reader import as_of_ms
from tests.streaming.conftest import values
from tests.streaming.programs import START_SECONDS

FIRST_SECONDS = 20  # within which the first batch of a life hardly ends
BATCHES_SECONDS = 3  # in which some batches end
END_SECONDS = 60  # for a program to notice that its JVM is gone, and a JVM that its program is
LAST_BATCHES = 80  # events: two batches of a story
TRIES = 8  # the stream may commit between its first score and the kill


@dataclass(frozen=True)
class Kill:
    """How it came, the batches that this life had finished, the events that none had, and the exit code."""

    manner: str
    batches: int
    unread: int
    exit_code: int


def while_it_publishes(story, _chance):
    """As soon as the first score of a batch is there, and nothing of its commit: the score has to come again."""
    for _ in range(TRIES):
        with new_scores(story.life.job) as scores:
            story.send_days(10)
            story.stream.await_text("model=v1")
            jvm = story.stream.jvm
            (seen,) = values([next(scores)])
            story.kill()
        await_end(jvm)
        committed_ms = story.checkpoint.last_clock_ms(story.checkpoint.last_committed())
        if as_of_ms(seen) > committed_ms:
            story.life.half_published.append(seen)
            return
        story.start()
    raise AssertionError(f"{TRIES} batches were committed within a moment of their first score")


def while_it_starts(story, chance):
    """At any moment after a start; at the latest when its model is loaded, and its first batch not yet scored."""
    story.send_days(10)
    deadline = time.monotonic() + chance.uniform(0, FIRST_SECONDS)
    while time.monotonic() < deadline and "model=v1" not in story.stream.said:
        time.sleep(0.1)
    story.kill()


def while_batches_run(story, chance):
    """At any moment of the batches that follow upon a life's first."""
    await_batches(story, chance)
    story.kill()


def without_its_jvm(story, chance):
    """As before; its JVM alone is killed."""
    await_batches(story, chance)
    os.kill(story.stream.jvm, signal.SIGKILL)
    story.stream.process.wait(END_SECONDS)
    story.life.said.append(story.stream.said)
    story.life.said_without_jvm.append(story.stream.said)


def await_batches(story, chance):
    """Wait until a batch of this life is finished, and for any moment of those that follow, but for the last."""
    story.send_days(10)
    story.stream.await_text(" batch ")
    story.send_days(20)
    deadline = time.monotonic() + chance.uniform(0, BATCHES_SECONDS)
    while time.monotonic() < deadline and story.unread > LAST_BATCHES:
        time.sleep(0.1)


ONE_OF_EACH = (while_it_publishes, while_it_starts, without_its_jvm)  # the first hits a stream that has run for long
MANNERS = (*ONE_OF_EACH, while_batches_run)


def killed(story, number, chance):
    """Kill the stream so many times, and start it each time: once in each manner, then as chance will have it."""
    for manner in [*ONE_OF_EACH, *chance.choices(MANNERS, k=max(number - len(ONE_OF_EACH), 0))]:
        manner(story, chance)
        ended = story.stream
        story.life.kills.append(Kill(manner.__name__, ended.batches, story.unread, ended.process.returncode))
        story.start()


@contextmanager
def new_scores(job):
    """The records that come to the topic of scores from now on."""
    wait_ms = 1000 * START_SECONDS
    consumer = KafkaConsumer(bootstrap_servers=job.source.bootstrap, group_id=None, consumer_timeout_ms=wait_ms)
    partitions = [TopicPartition(job.topics.scores, each) for each in consumer.partitions_for_topic(job.topics.scores)]
    consumer.assign(partitions)
    consumer.seek_to_end(*partitions)
    for partition in partitions:
        consumer.position(partition)  # looks for the end now; the first poll would else
    yield consumer
    consumer.close()


def await_end(jvm):
    """Wait until a JVM whose program was killed is gone too: until then it may commit a batch."""
    deadline = time.monotonic() + END_SECONDS
    while any("SparkSubmit" in word for word in command_of(jvm)):
        assert time.monotonic() < deadline, f"the JVM {jvm} has outlived its program"
        time.sleep(0.1)
