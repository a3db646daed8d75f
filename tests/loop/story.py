"""The whole loop, once: a stream runs, its users behave otherwise, and a retraining puts the next model in force."""

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain

from batch_training.retrain_command import retrain
from batch_training.train_command import train
from churn_io.registry import Registry
from producer.pacing import Pace
from producer.replay import Selection, publisher, replay, selected
from producer.simulator import Settings as Simulation
from producer.simulator import write_log
from sandbox.outcome import Life, lives
from streaming.reader import as_of_ms
from tests.streaming.programs import score_words

START = datetime(2018, 10, 1, tzinfo=UTC)
START_MS = round(START.timestamp() * 1000)
HORIZON_DAYS = 10
USERS, SEED = 900, 2
TRAINED_DAY = 49  # days after the log's start: so much of it teaches the first model
DRIFT_DAY = 52
RETRAINED_DAY = 92
WEEKS = 7  # so that the second model learns from moments after the drift alone
SENT_DAY = 106
BUDGET = 0.1  # of the live users a week: more alerts to judge than the default gives
LEARNER = ["logistic"]  # one of them, for the time that all would take
WAIT_SECONDS = 1800  # ends a hang; a busy machine needed 800


@dataclass
class Loop:
    """The parts, and what came of them: two versions, alerts and scores, and what the training said."""

    broker: str
    job: object
    folder: object
    stream: object = None
    sent: int = 0
    old: str = ""
    new: str = ""
    alerts: list = field(default_factory=list)
    scores: list = field(default_factory=list)
    verdict: dict = field(default_factory=dict)
    seconds: dict = field(default_factory=dict)
    users: dict[str, Life] = field(default_factory=dict)

    def simulate(self):
        """The log, a file a day, with a horizon behind the last day that is sent: what becomes of its alerts."""
        settings = Simulation(USERS, SENT_DAY + HORIZON_DAYS, START, SEED, DRIFT_DAY)
        write_log(settings, self.folder / "log", self.folder / "truth.json", by_day=True)
        self.users = lives(self.folder / "truth.json")

    def send(self, first_day, end_day):
        """Put the days from the first to the one before the end on the topic."""
        files = [self.folder / "log" / f"{START + timedelta(day):%Y-%m-%d}.json" for day in range(first_day, end_day)]
        lines = chain.from_iterable(selected(Selection(file)) for file in files)
        with publisher(self.broker, self.job.source.topic, dry_run=False) as sink:
            report = replay(lines, sink, Pace())
        assert report.acknowledged == report.sent > 0
        self.sent += report.sent

    def train(self):
        """The first model, of all that the topic holds."""
        train(f"kafka://{self.broker}/{self.job.source.topic}", models=self.job.models, budget=BUDGET, only=LEARNER)

    def start(self, begin):
        """Start the stream, the only time."""
        self.stream = begin(score_words(self.job, report=self.folder / "score.json"))

    def await_all(self):
        """Wait until the stream has scored all that was sent."""
        deadline = time.monotonic() + WAIT_SECONDS
        books = self.folder / "score.json"
        while not books.exists() or json.loads(books.read_text())["read"] < self.sent:
            assert self.stream.process.poll() is None, self.stream.said[-2000:]
            assert time.monotonic() < deadline, self.stream.said[-2000:]
            time.sleep(0.5)

    def retrain(self):
        """The next model, as a timer would make it."""
        retrain(
            from_topic=self.job.source.topic,
            bootstrap=self.broker,
            models=self.job.models,
            budget=BUDGET,
            weeks=WEEKS,
            only=LEARNER,
        )


@contextmanager
def timed(loop, name):
    """A part of the story, and how long it took."""
    began = time.monotonic()
    yield
    loop.seconds[name] = round(time.monotonic() - began)


def told(loop, spark, begin, read):
    """The story from its beginning to its end."""
    registry = Registry(spark, loop.job.models)
    with timed(loop, "simulate"):
        loop.simulate()
    with timed(loop, "send and train"):
        loop.send(0, TRAINED_DAY)
        loop.train()
        loop.old = registry.current_version()
    with timed(loop, "stream"):
        loop.start(begin)
        loop.send(TRAINED_DAY, RETRAINED_DAY)
        loop.await_all()
    with timed(loop, "retrain"):
        loop.retrain()
        loop.new = registry.current_version()
        (challenger,) = set(registry.versions()) - {loop.old}
        loop.verdict = registry.card(challenger).metrics["comparison"]
        registry.point_shadow_to(loop.old)  # says what it would have alerted on the new one's days
    with timed(loop, "stream again"):
        loop.send(RETRAINED_DAY, SENT_DAY)
        loop.await_all()
    loop.alerts = sorted((json.loads(record.value) for record in read(loop.job.topics.alerts)), key=as_of_ms)
    loop.scores = sorted((json.loads(record.value) for record in read(loop.job.topics.scores)), key=as_of_ms)
    return loop
