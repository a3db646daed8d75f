"""A challenger in the shadow, on a real broker: it says its score beside the champion's, and changes nothing else."""

import json
import logging
import math
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import jsonschema
import pytest
from pyspark.errors import PySparkException

from churn.errors import ModelMismatch
from churn.model import Model
from churn.shadow import Shadow
from churn_io.registry import Registry
from streaming.job import run
from streaming.models import tried
from streaming.reader import Reading, alerts
from tests.builders import by_time, grumbler, listener
from tests.conftest import new_topics
from tests.streaming.conftest import CARD, log_exposure, values
from tests.streaming.test_job import schema

# over its threshold is everybody: were an alert to come from it, there would be more of them
SHADOW_CARD = replace(
    CARD, version="v2", calibration=(0.5, 0.3), threshold=0.01, horizon_days=20, free_day_activity=0.8
)
LOG = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40)))
LONG = by_time(grumbler("angry", range(20, 60)), listener("calm", range(20, 60)))


@pytest.fixture
def registry(spark, job, classifier):
    """The job's registry, which holds v2 as well, not yet in the shadow."""
    held = Registry(spark, job.models)
    held.register(SHADOW_CARD, classifier)
    return held


@pytest.fixture
def outcome(spark, broker, job, send, read, tmp_path):
    """A function that sends a log to new topics, has it scored, and gives the scores and the alerts."""

    def scored(log, name, on_batch=lambda _batch_id, _accounts: None):
        events, results = new_topics(broker)
        source = replace(job.source, topic=events)
        fresh = replace(job, source=source, topics=results, checkpoint=str(tmp_path / name))
        send(log, topic=events)
        run(spark, fresh, on_batch=on_batch)
        scores = sorted(values(read(results.scores)), key=lambda score: (score["as_of"], score["user_id"]))
        return scores, list(alerts(Reading(broker, results.alerts, follow=False)))

    return scored


def of_champion(scores):
    """The scores less what the challenger says."""
    return [{name: value for name, value in score.items() if name != "shadow"} for score in scores]


def test_a_shadow_says_its_score_in_each_record_and_changes_neither_scores_nor_alerts(registry, outcome):
    alone, alerts_alone = outcome(LOG, "alone")
    registry.point_shadow_to("v2")
    beside, alerts_beside = outcome(LOG, "beside")
    assert not any("shadow" in score for score in alone)
    assert of_champion(beside) == alone
    assert alerts_beside == alerts_alone
    assert {alert["user_id"] for alert in alerts_alone} == {"angry"}
    for score in beside:
        jsonschema.validate(score, schema("churn-scores"))
        clock_ms = round(datetime.fromisoformat(score["as_of"]).timestamp() * 1000)
        logit = math.log(score["probability"] / (1 - score["probability"])) - log_exposure(CARD, clock_ms)
        expected = 1 / (1 + math.exp(-(0.5 * logit + 0.3 + log_exposure(SHADOW_CARD, clock_ms))))
        said = {"model_version": "v2", "probability": pytest.approx(expected, abs=1e-9)}
        assert score["shadow"] == said | {"threshold": 0.01, "horizon_days": 20}


def test_a_shadow_comes_and_goes_from_batch_to_batch_without_a_restart(registry, outcome):
    def swap(batch_id, _accounts):
        if batch_id == 0:
            registry.point_shadow_to("v2")
        elif batch_id == 1:
            registry.clear_shadow()

    scores, _ = outcome(listener("calm", range(20, 60)), "swapped", swap)
    said = [score.get("shadow", {}).get("model_version") for score in scores]  # one a batch, and a last one at the end
    assert said[:2] == [None, "v2"]
    assert set(said[2:]) == {None}


def test_a_shadow_that_is_put_in_force_scores_beside_nothing(registry, outcome):
    registry.point_shadow_to("v2")
    (Path(registry.root) / "current").write_text("v2\n")  # as between the two writes of a promotion
    scores, _ = outcome(listener("calm", range(20, 40)), "promoted")
    assert {score["model_version"] for score in scores} == {"v2"}
    assert not any("shadow" in score for score in scores)


def with_card(**fields):
    """A breakage: the shadow's card with other fields."""

    def break_it(folder):
        card = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps(card | fields))

    return break_it


BREAKAGES = {
    "no model v2 at": shutil.rmtree,
    "model.json: not JSON": lambda folder: (folder / "model.json").write_text("{"),
    "trained on 1 features": with_card(features=["shoe_size"]),
    "not a complete Spark pipeline": lambda folder: shutil.rmtree(folder / "pipeline"),
    "wanted are finite numbers, deviations over 0": with_card(calibration=[math.nan, 0.0]),
}


def test_a_shadow_that_cannot_be_used_is_a_warning_and_nothing_else(registry, outcome, caplog, tmp_path):
    alone, alerts_alone = outcome(LONG, "alone")
    whole, folder = tmp_path / "whole", Path(registry.root) / "v2"
    shutil.copytree(folder, whole)
    breakages = iter(BREAKAGES.values())

    def break_anew(_batch_id, _accounts):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        next(breakages, shutil.rmtree)(folder)

    registry.point_shadow_to("v2")
    break_anew(0, None)
    with caplog.at_level(logging.WARNING, "streaming.models"):
        assert outcome(LONG, "beside", break_anew) == (alone, alerts_alone)
    assert alerts_alone
    warnings = [record.getMessage() for record in caplog.records if record.name == "streaming.models"]
    for reason, warning in zip(BREAKAGES, warnings, strict=False):
        assert warning.startswith("no shadow beside model=v1: ")
        assert reason in warning
        assert "\n" not in warning
    assert len(warnings) >= len(BREAKAGES)


def test_a_shadow_has_to_score_a_user_before_it_may_score_a_batch(spark, classifier):
    def with_(**fields):
        return Shadow(Model(replace(SHADOW_CARD, **fields), classifier))

    whole = with_()
    assert tried(whole, spark) is whole
    with pytest.raises(ModelMismatch, match="a probability was wanted, found nan"):
        tried(with_(calibration=(math.nan, 0.0)), spark)
    with pytest.raises(PySparkException, match="DIVIDE_BY_ZERO"):
        tried(with_(deviation=[0.0] * len(CARD.deviation)), spark)


def test_a_shadows_pointer_that_cannot_be_read_is_a_warning_too(registry, outcome, caplog):
    (Path(registry.root) / "shadow").mkdir()
    with caplog.at_level(logging.WARNING, "streaming.models"):
        scores, _ = outcome(listener("calm", range(20, 40)), "unreadable")
    assert max(score["as_of"] for score in scores)[:10] == "2018-11-09"
    assert "no shadow beside model=v1: [Errno 21] Is a directory" in caplog.text
