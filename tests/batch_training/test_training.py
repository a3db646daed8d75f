"""From a simulated log to a published model."""

import gzip
import json
import math

import pytest

from batch_training.bootstrap import INTERVALS
from batch_training.calibration import platt
from batch_training.commands import train as train_command
from batch_training.report import summary
from batch_training.split import Split
from batch_training.training import Settings, by_role, train
from churn.errors import InvalidLog
from churn.features import NAMES
from churn.model import PER_CLASS
from churn_io.registry import Registry
from tests.batch_training.conftest import NOW
from tests.builders import cancel, event, lines

ALL_LEARNERS = ("logistic", "forest", "gbt", "perceptron", "xgboost")


def written(tmp_path, events):
    """The events as a log."""
    path = tmp_path / "log.json"
    path.write_text("\n".join(lines(events)))
    return str(path)


def test_the_best_on_held_out_users_is_chosen(trained):
    model, report = trained
    learnt = [result for result in report.results if result.learner != "majority"]
    best = max(learnt, key=lambda result: result.validation)
    assert [result.learner for result in report.results] == ["majority", *ALL_LEARNERS]
    assert model.card.learner == report.chosen == best.learner
    assert model.card.version == f"20260102T030405Z-{best.learner}"


def test_the_card_says_what_was_learnt_from_and_how_well(trained):
    model, report = trained
    card = model.card
    assert card.features == list(NAMES)
    assert len(card.mean) == len(card.deviation) == len(card.typical) == len(NAMES) + PER_CLASS * card.classes.size
    assert all(deviation > 0 for deviation in card.deviation)
    assert card.calibration[0] >= 0
    assert card.data["test_snapshot"] == "2018-11-20T00:00:00Z"
    assert card.data["cancels"] == report.counts.cancels > 0
    assert card.metrics["test"]["users"] == report.results[0].test["users"]
    assert json.loads(json.dumps(card.as_dict()))["horizon_days"] == 10


def test_each_figure_of_each_learner_on_the_card_has_its_interval(trained):
    for learner in trained[0].card.metrics["learners"]:
        test = learner["test"]
        without = {"users", "positives", "intervals", *(name for name in INTERVALS if test[name] is None)}
        assert set(test["intervals"]) == set(test) - without
        low, high = test["intervals"]["average_precision"]
        assert low <= test["average_precision"] <= high
    chosen = trained[0].card.metrics["test"]
    assert chosen["lead_days"] is None or 0 < chosen["lead_days"] <= 10


def test_no_learner_sees_when_a_user_cancels(spark):
    rows = [(f"u{moment}{label}", moment, label, 3.0) for moment in (1, 2, 3) for label in (0.0, 1.0)]
    frame = spark.createDataFrame(rows, "user_id STRING, as_of_ms LONG, label DOUBLE, cancel_days DOUBLE")
    roles = by_role(frame, Split((1,), 2, 3), Settings())
    assert "cancel_days" not in roles.training.columns
    assert "cancel_days" in roles.test.columns


def test_the_threshold_keeps_to_the_budget_where_it_was_chosen(trained):
    for result in trained[1].results:
        assert result.calibration["alerted_share"] <= 0.05


def test_calibrated_probabilities_have_the_calibration_snapshots_base_rate(trained):
    for result in trained[1].results[1:]:
        assert result.calibration["mean_probability"] == pytest.approx(result.calibration["base_rate"], rel=0.02)


def test_every_line_of_the_log_is_in_the_account(trained, log):
    counts = trained[1].counts
    with open(log) as file:
        assert counts.read == sum(1 for _ in file)
    assert counts.read == counts.accepted + counts.without_user + sum(counts.rejected.values())
    assert summary(counts).startswith(f"{counts.read:,} lines read = {counts.accepted:,} events")


def test_calibration_finds_the_odds_again(spark):
    # raw says 0.2 and 0.8; one in ten and four in ten churn
    rows = [(0.2, 1.0)] * 10 + [(0.2, 0.0)] * 90 + [(0.8, 1.0)] * 40 + [(0.8, 0.0)] * 60
    slope, intercept = platt(spark.createDataFrame(rows, "probability DOUBLE, label DOUBLE"))
    low, high = (1 / (1 + math.exp(-(slope * math.log(raw / (1 - raw)) + intercept))) for raw in (0.2, 0.8))
    assert (low, high) == (pytest.approx(0.1, abs=1e-4), pytest.approx(0.4, abs=1e-4))


def test_a_ranking_worse_than_chance_is_not_turned_round(spark):
    rows = [(0.2, 1.0)] * 40 + [(0.2, 0.0)] * 60 + [(0.8, 1.0)] * 10 + [(0.8, 0.0)] * 90
    slope, _ = platt(spark.createDataFrame(rows, "probability DOUBLE, label DOUBLE"))
    assert slope == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("events", [[], [event(1, user="")]], ids=["empty", "without users"])
def test_a_log_without_events_of_users_is_refused(spark, tmp_path, events):
    with pytest.raises(InvalidLog, match=f"no usable event in {len(events)} lines"):
        train(spark, written(tmp_path, events), Settings(), NOW)


def test_a_log_in_which_nobody_cancels_is_refused(spark, tmp_path):
    path = written(tmp_path, [event(day) for day in range(60)])
    with pytest.raises(InvalidLog, match="nobody cancels in 60 events of 1 users from 2018-10-01"):
        train(spark, path, Settings(), NOW)


def test_a_log_that_is_too_short_is_refused(spark, tmp_path):
    path = written(tmp_path, [event(1), *cancel(9)])
    with pytest.raises(InvalidLog, match="at least 38 are needed"):
        train(spark, path, Settings(), NOW)


def test_a_role_without_a_cancel_is_refused_with_the_counts(spark, tmp_path):
    stays = [event(day, user=user) for user in ("a", "b") for day in range(60)]
    path = written(tmp_path, [*stays, event(45, user="c"), *cancel(55, "c")])
    with pytest.raises(InvalidLog, match=r"training 0 of .*, calibration 0 of .*, test 1 of"):
        train(spark, path, Settings(), NOW)


def test_the_command_publishes_the_same_model_again_and_shows_all_learners(spark, log, trained, tmp_path, capsys):
    train_command(log, str(tmp_path / "models"), 10, 0.05, 42, None)
    registry = Registry(spark, str(tmp_path / "models"))
    card = registry.load(registry.current_version()).card
    said = capsys.readouterr().out
    assert (card.learner, card.data) == (trained[0].card.learner, trained[0].card.data)
    assert card.threshold == pytest.approx(trained[0].card.threshold, rel=1e-6)
    assert card.version in said.replace("\n", "")
    assert all(name in said for name in ("majority", *ALL_LEARNERS))
    assert "chosen by AP val." in said


def test_a_damaged_log_is_named(spark, complaint, tmp_path):
    text = "\n".join(lines([event(day / 100) for day in range(6000)]))
    (tmp_path / "log.json.gz").write_bytes(gzip.compress(text.encode())[:-500])
    line = complaint("train", tmp_path / "log.json.gz", "--models", tmp_path / "models")
    assert "a file in it cannot be read" in line
    assert "EOFException" in line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no log there; wanted is a file or a folder of JSON lines or Parquet"),
        ("", "no usable event in 0 lines"),
        ("\n".join(lines([event(day) for day in range(60)])), "nobody cancels in 60 events of 1 users"),
    ],
    ids=["missing", "empty", "without a cancel"],
)
def test_a_log_that_cannot_teach(spark, complaint, tmp_path, content, said):
    log = tmp_path / "log.json"
    if content is not None:
        log.write_text(content)
    line = complaint("train", log, "--models", tmp_path / "models")
    assert line.startswith(f"error: {log}: ")
    assert said in line
    assert not (tmp_path / "models").exists()
