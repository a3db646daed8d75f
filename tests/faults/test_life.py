"""One stream's life on one topic: whatever happens to it, it ends where the log says, and nobody is alerted twice.

The story is told once, by `life`; each test looks at one claim about it.
"""

import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count, pairwise
from pathlib import Path

import pytest
from kafka import KafkaConsumer
from kafka.admin import KafkaAdminClient

from churn.labels import HISTORY_DAYS
from churn.state import DAY_MS
from churn_io.storage import Storage
from sandbox.broker import start
from streaming.checkpoint import Checkpoint
from streaming.job import run
from streaming.reader import as_of_ms
from streaming.sweep import stored_states
from tests.builders import by_time, grumbler, listener, naive_features, naive_state
from tests.churn.test_state import assert_same, by_user
from tests.conftest import new_topics
from tests.streaming.conftest import CARD, draining, probability, publish_model, sending, values
from tests.streaming.programs import said_to_the_user, score_words, scoring_processes
from tests.streaming.test_parity import as_of
from tests.topic_reading import all_records

KILLS = int(os.environ.get("SPARKIFY_KILLS", "3"))
SEED = int(os.environ.get("SPARKIFY_SEED", str(random.randrange(10**6))))
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
        return max(each["ts"] for each in self.log)


class Story:
    """The steps of which a life is made: days are sent, and waited for; streams are started and killed."""

    def __init__(self, life, send, begin):
        self.life, self.send, self.begin = life, send, begin
        self.days = count(20)
        self.stream = None

    def start(self):
        """Start the stream."""
        self.stream = self.begin(score_words(self.life.job, "--outage-minutes", "10"))

    def send_days(self, days=3, partition=0):
        """Send so many more days of all users."""
        span = [next(self.days) for _ in range(days)]
        sent = by_time(grumbler("angry", span), listener("calm", span), grumbler("cross", span))
        self.send(sent, partition=partition)
        self.life.log += sent

    def await_scores(self, read):
        """Wait until the topic of scores has the clock of all that was sent."""
        deadline = time.monotonic() + 400
        while latest_score_ms(read(self.life.job.topics.scores)) < self.life.clock_ms:
            assert self.stream.process.poll() is None, self.stream.said[-2000:]
            assert time.monotonic() < deadline, self.stream.said[-2000:]
            time.sleep(1)

    def kill(self):
        """kill -9, keeping what it said."""
        self.stream.kill()
        self.life.said.append(self.stream.said)


def latest_score_ms(records):
    """The latest moment that anybody was scored for."""
    return max((as_of_ms(score) for score in values(records)), default=0)


@pytest.fixture(scope="module")
def life(spark, own_broker, classifier, tmp_path_factory):
    """A stream's life: a rival, bad models, a new partition, a paused and a killed broker, kills, a rebuild."""
    folder, address = tmp_path_factory.mktemp("life"), own_broker.bootstrap
    publish_model(spark, str(folder / "models"), classifier, CARD)
    job = draining(address, new_topics(address), str(folder / "models"), folder)
    read = partial(all_records, bootstrap_servers=address)
    print(f"SPARKIFY_KILLS={KILLS} SPARKIFY_SEED={SEED}")
    chance = random.Random(SEED)
    with scoring_processes(folder) as begin, sending(address, job.source.topic) as send:
        story = Story(Life(job), send, begin)
        story.send_days()
        story.start()
        story.await_scores(read)
        story.life.second = refused(begin, job)
        with_bad_models(story, read)
        with_a_new_partition(story, read, own_broker)
        with_a_paused_broker(story, read, own_broker)
        with_a_killed_broker(story, read, own_broker)
        for _ in range(KILLS):
            story.send_days(4)
            time.sleep(chance.uniform(0, 20))
            story.kill()
            story.start()
        story.await_scores(read)
        rebuild(spark, story, read)
        story.life.scores, story.life.alerts = values(read(job.topics.scores)), values(read(job.topics.alerts))
        yield story.life


def refused(begin, job):
    """What a second stream says on the same checkpoint."""
    rival = begin(score_words(job))
    assert rival.process.wait(120) == 1
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
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_partitions({topic: 3})
    admin.close()
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap)
    while len(consumer.partitions_for_topic(topic)) < 3:
        time.sleep(0.1)
    consumer.close()
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
    start(broker.folder, int(broker.bootstrap.split(":")[1]))
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
    assert story.stream.process.wait(60) == 0
    story.life.said.append(story.stream.said)
    story.life.log_of_the_old = list(story.life.log)
    story.send_days(1)
    assert run(spark, fresh).is_balanced
    story.life.rebuilt = fresh


def test_the_state_is_the_naive_function_of_all_that_was_sent(spark, life):
    assert_naive(spark, life.job, life.log_of_the_old)


def test_the_state_that_was_rebuilt_beside_it_is_so_too(spark, life):
    assert_naive(spark, life.rebuilt, life.log)


def assert_naive(spark, job, log):
    """Each user's stored state is what plain Python makes of the log."""
    last = Checkpoint(Storage(spark), job.checkpoint).last_committed()
    clock_ms = max(each["ts"] for each in log)
    found = by_user(as_of(stored_states(spark, f"{job.checkpoint}/query", last), clock_ms))
    for user in USERS:
        assert_same(found[user], naive_state(log, user, clock_ms))


def test_the_last_scores_are_those_of_an_undisturbed_stream(life, classifier):
    last = {score["user_id"]: score for score in life.scores}
    for user in USERS:
        assert as_of_ms(last[user]) == life.clock_ms
        expected = probability(classifier, naive_features(life.log, user, life.clock_ms))
        assert last[user]["probability"] == pytest.approx(expected, abs=1e-9)


def test_everybody_over_the_threshold_has_an_alert_or_is_in_the_cool_down(life):
    alerted = sorted((alert["user_id"], as_of_ms(alert)) for alert in life.alerts)
    young_until_ms = min(each["ts"] for each in life.log) + HISTORY_DAYS * DAY_MS
    over = [score for score in life.scores if score["probability"] >= CARD.threshold]
    assert {score["user_id"] for score in over} == {"angry", "cross"}
    for score in over:
        at_ms = as_of_ms(score)
        since_ms = at_ms - life.job.policy.cool_down_days * DAY_MS
        given = [when for user, when in alerted if user == score["user_id"] and since_ms < when <= at_ms]
        assert given or at_ms < young_until_ms, score


def test_an_alert_has_one_id_and_a_repeated_one_repeats_it(life):
    ids = {(alert["user_id"], alert["as_of"]): alert["alert_id"] for alert in life.alerts}
    assert len(set(ids.values())) == len(ids) > 2
    for alert in life.alerts:
        assert alert["alert_id"] == ids[alert["user_id"], alert["as_of"]]
        assert alert["probability"] >= alert["threshold"]
    for user in USERS:
        moments = sorted({as_of_ms(alert) for alert in life.alerts if alert["user_id"] == user})
        assert all(after - before >= 7 * DAY_MS for before, after in pairwise(moments))


def test_a_second_stream_on_the_checkpoint_is_refused_in_one_line(life):
    assert said_to_the_user(life.second) == [line for line in life.second.splitlines() if "--checkpoint" in line]
    assert "streams from this checkpoint; stop it first, or name another --checkpoint" in life.second


def test_a_pointer_to_a_bad_model_is_said_once_and_the_model_before_it_scores_on(life):
    complaints = [line for line in life.said[0].splitlines() if "model=v1 stays in force" in line]
    assert len(complaints) == 3
    for complaint, wrong in zip(complaints, ("'gone'", "not JSON", "shoe_size"), strict=True):
        assert wrong in complaint
    assert {score["model_version"] for score in life.scores} == {"v1"}


def test_an_outage_is_a_line_and_its_end_another(life):
    said = [line for line in life.said[0].splitlines() if "outage: " in line]
    assert len(said) == 2
    assert "waiting up to 10 minutes" in said[0]
    assert "going on from the checkpoint" in said[1]


def test_nothing_of_it_is_a_trace(life):
    for said in life.said:
        assert "Traceback" not in said
        assert "\tat " not in said
        assert " ERROR " not in said
