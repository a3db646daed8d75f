"""Behaviour drifts, alerts go wrong, a retraining puts them right, and the stream has never been restarted.

The story is told once, by `loop`; each test looks at one claim about it. Precision: of the users alerted in some days,
the share who cancel within the horizon after their first alert in them, as the simulation knows it.
"""

import re
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import pytest

from churn.state import DAY_MS
from streaming.reader import as_of_ms
from tests.conftest import new_topics
from tests.loop.story import DRIFT_DAY, HORIZON_DAYS, RETRAINED_DAY, SENT_DAY, START_MS, TRAINED_DAY, Loop, told
from tests.streaming.conftest import draining
from tests.streaming.programs import scoring_processes
from tests.topic_reading import all_records

MAX_EVENTS = 30_000  # some three days of all users in a batch


@dataclass(frozen=True)
class Judged:
    """Of so many users, who were alerted first in some days, so many cancelled within the horizon."""

    alerted: int
    cancelled: int

    @property
    def precision(self):
        """The share who cancelled."""
        return self.cancelled / self.alerted

    def __str__(self):
        return f"{self.cancelled} of {self.alerted} ({self.precision:.1%})"


def judged(loop, moments, first_day, end_day):
    """What came of the moments (user, epoch ms) from the first day to the one before the end."""
    first = {}
    for user, at_ms in moments:
        if START_MS + first_day * DAY_MS <= at_ms < START_MS + end_day * DAY_MS:
            first.setdefault(user, at_ms)
    hits = [loop.users[user].cancels_within(at_ms, HORIZON_DAYS * DAY_MS) for user, at_ms in first.items()]
    return Judged(len(hits), sum(hits))


def alerts_of(loop, version):
    """Whom a version alerted, and when."""
    return [(alert["user_id"], as_of_ms(alert)) for alert in loop.alerts if alert["model_version"] == version]


def shadow_alerts(loop):
    """Whom the old model would have alerted beside the new one."""
    said = [(score, score["shadow"]) for score in loop.scores if "shadow" in score]
    return [(score["user_id"], as_of_ms(score)) for score, old in said if old["probability"] >= old["threshold"]]


@dataclass(frozen=True)
class Figures:
    """The precision of the old model before the drift and after it, that of the new one, and the old one's beside it.

    `before`: of days later than all that the old model has learnt from (split.Split: it ends two horizons before the
    end of its log; the horizon after that gives the scale, which does not change who is alerted), until a horizon
    before the drift.
    """

    before: Judged
    after: Judged
    renewed: Judged
    beside: Judged


@pytest.fixture(scope="module")
def loop(spark, broker, tmp_path_factory):
    """The story, told on a real broker: the stream is a process of its own."""
    folder = tmp_path_factory.mktemp("loop")
    job = draining(broker, new_topics(broker), str(folder / "models"), folder)
    job = replace(job, source=replace(job.source, max_events_per_trigger=MAX_EVENTS))
    with scoring_processes(folder) as begin:
        yield told(Loop(broker, job, folder), spark, begin, partial(all_records, bootstrap_servers=broker))


@pytest.fixture(scope="module")
def figures(loop):
    """The precisions; printed, for the documents."""
    old, new = alerts_of(loop, loop.old), alerts_of(loop, loop.new)
    found = Figures(
        before=judged(loop, old, TRAINED_DAY - 2 * HORIZON_DAYS, DRIFT_DAY - HORIZON_DAYS),
        after=judged(loop, old, DRIFT_DAY, RETRAINED_DAY),
        renewed=judged(loop, new, RETRAINED_DAY, SENT_DAY),
        beside=judged(loop, shadow_alerts(loop), RETRAINED_DAY, SENT_DAY),
    )
    print(f"old model, before the drift: {found.before}; after it: {found.after}")
    print(f"new model: {found.renewed}; old model on the same days: {found.beside}")
    print(f"seconds: {loop.seconds}; events: {loop.sent}; {loop.verdict['reason']}")
    return found


def test_the_new_model_takes_over_by_the_rule(loop):
    assert loop.verdict["decision"] == "promoted"
    assert loop.verdict["champion"] == loop.old != loop.new
    assert loop.verdict["challenger_average_precision"] > loop.verdict["champion_average_precision"]


def test_the_alerts_change_their_model_once_in_mid_stream(loop):
    versions = [alert["model_version"] for alert in loop.alerts]
    assert [after for before, after in pairwise(["", *versions]) if before != after] == [loop.old, loop.new]


def test_the_stream_is_the_one_that_was_started(loop):
    assert loop.stream.process.poll() is None
    batches = [int(number) for number in re.findall(r"batch (\d+) ", loop.stream.said)]
    assert batches == list(range(len(batches)))
    assert re.findall(r"model=(\S+) learner", loop.stream.said) == [loop.old, loop.new]
    assert "outage" not in loop.stream.said


def test_the_precision_falls_with_the_drift(figures):
    assert min(figures.before.alerted, figures.after.alerted) > 40
    assert figures.before.precision > 2 * figures.after.precision


def test_the_precision_recovers_with_the_new_model(figures):
    assert figures.renewed.alerted > 20
    assert figures.renewed.cancelled >= 3
    assert figures.renewed.precision > 2 * figures.after.precision
    assert figures.renewed.precision > 2 * figures.beside.precision
