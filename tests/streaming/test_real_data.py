"""Real events through the real path: replayed into Kafka, scored by a trained model, from both services' logs."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from batch_training.settings import Settings as Training
from batch_training.training import train
from churn_io.registry import Registry
from producer.pacing import Pace
from producer.replay import Selection, publisher, replay, selected
from producer.simulator import Settings as Simulation
from producer.simulator import write_log
from streaming.job import run
from streaming.source import Source
from tests.conftest import missing

DATA = Path(os.environ.get("SPARKIFY_REAL_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
LOGS = {
    # user ids are numbers; two of the five cancel, and one was last seen before the window in force
    "sparkify_mini_5_users": (3452, 0, {"95", "23"}),
    "event_log_2018_11": (3574, 88, None),  # user ids are texts, registrations are floats; some rows without a user
}


@pytest.fixture(scope="module")
def trained(spark, tmp_path_factory):
    """A registry with a model trained on a simulated history."""
    folder = tmp_path_factory.mktemp("trained")
    write_log(Simulation(300, 61, datetime(2018, 10, 1, tzinfo=UTC), 5), folder / "log.json")
    model = train(spark, str(folder / "log.json"), Training(), datetime.now(UTC)).model
    Registry(spark, str(folder / "models")).publish(model.card, model.classifier)
    return str(folder / "models")


@pytest.mark.parametrize("name", LOGS)
def test_real_events_are_scored(spark, job, trained, read, name):
    log = DATA / name
    if not log.exists():
        missing(f"no real events at {log}: set SPARKIFY_REAL_DATA to a folder that holds {name}")
    rows, without_user, alive = LOGS[name]
    with publisher(job.source.bootstrap, job.source.topic, dry_run=False) as sink:
        report = replay(selected(Selection(log)), sink, Pace())
    assert report.acknowledged == rows
    source = Source(job.source.bootstrap, job.source.topic, max_events_per_trigger=2000)
    total = run(spark, replace(job, source=source, models=trained))
    assert total.is_balanced
    assert (total.read, total.without_user, total.rejected, total.late) == (rows, without_user, 0, 0)
    scores = [json.loads(record.value) for record in read(job.topics.scores)]
    clock = max(score["as_of"] for score in scores)
    last = {score["user_id"] for score in scores if score["as_of"] == clock}
    assert alive is None or last == alive
    assert all(0 <= score["probability"] <= 1 for score in scores)
