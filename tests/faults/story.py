"""What happens to a stream in its life, step by step: events come, it is started and killed, and so is its broker."""

import os
import signal
import threading
import time
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from sandbox.broker import start
from streaming.job import run
from streaming.reader import as_of_ms
from tests.builders import by_time, grumbler, listener
from tests.streaming.conftest import sending, values, widen
from tests.streaming.programs import START_SECONDS, score_words
from tests.streaming.test_parity import clock_of

PAUSE_SECONDS = 5  # shorter than what the stream calls an outage
USERS = ("angry", "calm", "cross")


@dataclass
class Life:
    """What was sent, what the streams said, and the job whose checkpoint is the last."""

    job: object
    log: list = field(default_factory=list)
    said: list = field(default_factory=list)
    second: str = ""
    rebuilt: object = None
    log_of_the_old: list = field(default_factory=list)
    scores: list = field(default_factory=list)
    alerts: list = field(default_factory=list)

    @property
    def clock_ms(self):
        """The latest event time."""
        return clock_of(self.log)


class Story:
    """The steps of which a life is made: days are sent, and waited for; streams are started and killed."""

    def __init__(self, life, begin):
        self.life, self.begin = life, begin
        self.days = count(20)
        self.stream = None

    def start(self):
        """Start the stream."""
        self.stream = self.begin(score_words(self.life.job, "--outage-minutes", "10"))

    def send_days(self, days=3, partition=0):
        """Send so many more days of all users."""
        span = [next(self.days) for _ in range(days)]
        sent = by_time(grumbler("angry", span), listener("calm", span), grumbler("cross", span))
        source = self.life.job.source
        with sending(source.bootstrap, source.topic) as send:  # a new producer: an old one knows no new partition
            send(sent, partition=partition)
        self.life.log += sent

    def await_scores(self, read):
        """Wait until the topic of scores has the clock of all that was sent."""
        deadline = time.monotonic() + START_SECONDS
        while latest_score_ms(read(self.life.job.topics.scores)) < self.life.clock_ms:
            assert self.stream.process.poll() is None, self.stream.said[-2000:]
            assert time.monotonic() < deadline, self.stream.said[-2000:]
            time.sleep(1)

    def kill(self):
        """kill -9, keeping what it said before; its JVM may complain while it goes down."""
        self.life.said.append(self.stream.said)
        self.stream.kill()


def latest_score_ms(records):
    """The latest moment that anybody was scored for."""
    return max((as_of_ms(score) for score in values(records)), default=0)


def refused(begin, job):
    """What a second stream says on the same checkpoint."""
    rival = begin(score_words(job))
    assert rival.process.wait(START_SECONDS) == 1
    return rival.said


def with_bad_models(story, read):
    """The pointer leads to nothing, to half a model, to one of other features; then back."""
    registry = Path(story.life.job.models)
    (registry / "half").mkdir()
    (registry / "half" / "model.json").write_text("{")
    other = (registry / "v1" / "model.json").read_text().replace("days_silent", "shoe_size")
    (registry / "other").mkdir()
    (registry / "other" / "model.json").write_text(other)
    for version in ("gone", "half", "other", "v1"):
        (registry / "current").write_text(version)
        story.send_days(1)
        story.await_scores(read)


def with_a_new_partition(story, read, broker):
    """The topic gets a third partition, which has events."""
    topic = story.life.job.source.topic
    widen(broker.bootstrap, topic, 3)
    story.send_days(2, partition=2)
    story.await_scores(read)


def with_a_paused_broker(story, read, broker):
    """The broker stands still for some seconds while events come."""
    os.kill(broker.pid(), signal.SIGSTOP)
    threading.Timer(PAUSE_SECONDS, os.kill, (broker.pid(), signal.SIGCONT)).start()
    story.send_days(2)
    story.await_scores(read)


def with_a_killed_broker(story, read, broker):
    """The broker dies, and is started again once the stream has noticed."""
    os.kill(broker.pid(), signal.SIGKILL)
    story.stream.await_text("outage: ")
    start(broker.folder, broker.port)
    story.send_days(2)
    story.await_scores(read)


def rebuild(spark, story, read):
    """A second checkpoint is filled while the stream runs on; then it takes over."""
    job = story.life.job
    fresh = replace(job, checkpoint=f"{job.checkpoint}-rebuilt", available_now=True)
    before = len(read(job.topics.scores)), len(read(job.topics.alerts))
    assert run(spark, replace(fresh, state_only=True)).scores == 0
    assert (len(read(job.topics.scores)), len(read(job.topics.alerts))) == before
    story.send_days(2)
    story.await_scores(read)
    story.stream.process.terminate()
    assert story.stream.process.wait(START_SECONDS) == 0
    story.life.said.append(story.stream.said)
    story.life.log_of_the_old = list(story.life.log)
    story.send_days(1)
    assert run(spark, fresh).is_balanced
    story.life.rebuilt = fresh
