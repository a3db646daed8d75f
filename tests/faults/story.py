"""What happens to a stream in its life, step by step: events come, it is started and killed, and so is its broker."""

import os
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from churn_io.storage import Storage
from sandbox.broker import start
from streaming.checkpoint import Checkpoint
from streaming.job import run
from tests.builders import by_time, grumbler, listener
from tests.streaming.conftest import sending, widen
from tests.streaming.programs import START_SECONDS, score_words
from tests.streaming.test_parity import clock_of

BLINK_SECONDS = 5  # shorter than what the stream calls an outage
PAUSE_SECONDS = 60  # longer than that
DEATH_SECONDS = 30
COOL_DOWN_DAYS = 7
USERS = ("angry", "calm", "cross")


@dataclass(frozen=True)
class Absence:
    """A broker that was away since a moment (epoch ms): the events sent around it, and what the stream said."""

    since_ms: int
    sent: list
    said: str

    @property
    def outages(self):
        """The lines in which the stream spoke of it."""
        return [line for line in self.said.splitlines() if "outage: " in line]

    def covers(self, at_ms):
        """Whether a moment of the log was on its way to the stream, or from it, when the broker went."""
        return self.sent[0]["ts"] <= at_ms <= self.sent[-1]["ts"]


@dataclass
class Life:
    """What was sent, what the streams said, and the job whose checkpoint is the last."""

    job: object
    log: list = field(default_factory=list)
    said: list = field(default_factory=list)
    said_without_jvm: list = field(default_factory=list)
    second: str = ""
    absences: dict = field(default_factory=dict)
    kills: list = field(default_factory=list)
    half_published: list = field(default_factory=list)
    rebuilt: object = None
    log_of_the_old: list = field(default_factory=list)
    scores: list = field(default_factory=list)
    alerts: list = field(default_factory=list)
    alerts_came_ms: list = field(default_factory=list)

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

    @contextmanager
    def sending_days(self, partition=0):
        """A function that sends so many more days of all users, and gives their events."""
        source = self.life.job.source
        with sending(source.bootstrap, source.topic) as send:  # a new producer: an old one knows no new partition

            def more(days):
                span = [next(self.days) for _ in range(days)]
                sent = by_time(grumbler("angry", span), listener("calm", span), grumbler("cross", span))
                send(sent, partition=partition)
                self.life.log += sent
                return sent

            yield more

    def send_days(self, days, partition=0):
        """Send so many more days of all users, and give their events."""
        with self.sending_days(partition) as send:
            return send(days)

    @property
    def checkpoint(self):
        """What the streams have planned and committed."""
        return Checkpoint(Storage(None), self.life.job.checkpoint)

    @property
    def unread(self):
        """How many of the events that were sent no finished batch has."""
        last = self.checkpoint.last_committed()
        ends = {} if last is None else self.checkpoint.plan(last).end
        return len(self.life.log) - sum(sum(partitions.values()) for partitions in ends.values())

    def await_commit(self):
        """Wait until finished batches have all that was sent."""
        deadline = time.monotonic() + START_SECONDS
        while self.unread:
            assert self.stream.process.poll() is None, self.stream.said[-2000:]
            assert time.monotonic() < deadline, self.stream.said[-2000:]
            time.sleep(0.5)

    def kill(self):
        """kill -9, keeping what it said before; its JVM may complain while it goes down."""
        self.life.said.append(self.stream.said)
        self.stream.kill()


def refused(begin, job):
    """What a second stream says on the same checkpoint."""
    rival = begin(score_words(job))
    assert rival.process.wait(START_SECONDS) == 1
    return rival.said


def with_bad_models(story):
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
        story.await_commit()


def with_a_new_partition(story, broker):
    """The topic gets a third partition, which has events."""
    topic = story.life.job.source.topic
    widen(broker.bootstrap, topic, 3)
    story.send_days(2, partition=2)
    story.await_commit()


def with_a_broker_that_blinks(story, broker):
    """The broker stands still for some seconds while a day comes."""
    story.life.absences["blink"] = paused(story, broker, 0, BLINK_SECONDS)


def with_a_paused_broker(story, broker):
    """The broker stands still for a minute, in which alerts fall due and a day comes."""
    story.life.absences["pause"] = paused(story, broker, COOL_DOWN_DAYS + 1, PAUSE_SECONDS)


def paused(story, broker, days, seconds):
    """Send the days, and one more while the broker stands still for so many seconds."""
    before = len(story.stream.said)
    with story.sending_days() as send:
        sent = send(days)
        since_ms = epoch_ms()
        os.kill(broker.pid(), signal.SIGSTOP)
        threading.Timer(seconds, os.kill, (broker.pid(), signal.SIGCONT)).start()
        sent += send(1)
    story.await_commit()
    return Absence(since_ms, sent, story.stream.said[before:])


def with_a_killed_broker(story, broker):
    """The broker dies as alerts fall due, and is started again after half a minute, when the stream has noticed."""
    before = len(story.stream.said)
    sent = story.send_days(COOL_DOWN_DAYS + 1)
    since_ms, back = epoch_ms(), time.monotonic() + DEATH_SECONDS
    os.kill(broker.pid(), signal.SIGKILL)
    story.stream.await_text("outage: ", after=before)
    time.sleep(max(0, back - time.monotonic()))
    start(broker.folder, broker.port)
    sent += story.send_days(1)
    story.await_commit()
    story.life.absences["death"] = Absence(since_ms, sent, story.stream.said[before:])


def epoch_ms():
    """Now, as records are stamped."""
    return time.time_ns() // 10**6


def rebuild(spark, story, read):
    """A second checkpoint is filled while the stream runs on; then it takes over."""
    job = story.life.job
    fresh = replace(job, checkpoint=f"{job.checkpoint}-rebuilt", available_now=True)
    before = len(read(job.topics.scores)), len(read(job.topics.alerts))
    assert run(spark, replace(fresh, state_only=True)).scores == 0
    assert (len(read(job.topics.scores)), len(read(job.topics.alerts))) == before
    story.send_days(2)
    story.await_commit()
    story.stream.process.terminate()
    assert story.stream.process.wait(START_SECONDS) == 0
    story.life.said.append(story.stream.said)
    story.life.log_of_the_old = list(story.life.log)
    story.send_days(1)
    assert run(spark, fresh).is_balanced
    story.life.rebuilt = fresh
