"""From a simulated log to a published model."""

import gzip
import json
import math
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from pyspark.sql import functions as F

from batch_training.bootstrap import INTERVALS
from batch_training.candidates import in_any_week
from batch_training.cards import scale
from batch_training.fitting import highest_by_user, with_scores
from batch_training.folds import FOLD, require_both_in_folds
from batch_training.phases import Silence
from batch_training.report import summary
from batch_training.roles import by_role
from batch_training.settings import Settings
from batch_training.split import Split
from batch_training.train_command import train as train_command
from batch_training.training import train
from churn.errors import InvalidLog
from churn.features import NAMES
from churn.model import PER_CLASS
from churn.state import DAY_MS
from churn_io.registry import Registry
from tests.batch_training.conftest import ALL_LEARNERS, NOW
from tests.builders import cancel, event, lines


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
    roles = by_role(frame, Split((1,), 2, 3), 10, 42)
    assert "cancel_days" not in roles.training.columns
    assert "cancel_days" in roles.test.columns


def test_the_threshold_keeps_to_the_weeks_budget_where_it_was_chosen(training):
    split = training.report.split
    assert [(split.calibration_ms - moment) // DAY_MS for moment in split.week_ms] == [6, 5, 4, 3, 2, 1, 0]
    week = training.snapshots.where(F.col("as_of_ms").isin(*split.week_ms))
    alerted = []
    for candidate in training.candidates:
        highest = highest_by_user(with_scores(in_any_week(week), candidate.model))
        alerted.append((highest >= candidate.model.card.threshold).sum())
        assert alerted[-1] <= 0.05 * len(highest)  # none, where a tie is larger than the budget
        assert candidate.result.calibration["alerted_share"] * candidate.result.calibration["users"] <= alerted[-1]
    assert max(alerted) > 0


def test_the_report_shows_what_each_rule_would_do(training):
    rules = {row["rule"]: row for row in training.report.best.thresholds}
    assert list(rules) == ["budget", "precision", "profit"]
    assert rules["budget"]["threshold"] == training.model.card.threshold
    precise = rules["precision"]["calibration"]["precision"]
    assert precise is None or precise >= 0.15
    earned = [row["calibration"]["profit_per_user"] for row in rules.values()]
    assert max(earned) == rules["profit"]["calibration"]["profit_per_user"] >= 0


def test_a_tuned_learner_is_the_best_of_its_grid_on_held_out_users(spark, log):
    report = train(spark, log, Settings(tune=True, learners=("logistic",)), NOW).report
    assert [result.learner for result in report.results] == ["majority", "logistic"]
    tried = report.best.tried
    assert len(tried) == 10
    assert {} in [point["parameters"] for point in tried]
    best = max(tried, key=lambda point: point["validation"])
    assert report.best.parameters == best["parameters"]
    assert report.best.validation == best["validation"] >= tried[0]["validation"]


def test_an_unknown_learner_is_refused(complaint, log):
    assert "no learner is called oracle; there are logistic, forest" in complaint("train", log, "--learner", "oracle")


def test_progress_is_told_fit_by_fit(spark, log):
    class Listener(Silence):
        steps: ClassVar[list[tuple[int, int]]] = []

        def step(self, done, total):
            self.steps.append((done, total))

    train(spark, log, Settings(learners=("logistic",)), NOW, Listener())
    assert Listener.steps == [(1, 3), (2, 3), (3, 3)]


def test_free_days_are_as_quiet_as_the_simulator_has_them(training):
    # it lets half of the sessions of such days take place, but they go on from the days before
    assert all(0.4 < candidate.model.card.free_day_activity < 0.75 for candidate in training.candidates)


def test_calibrated_probabilities_have_the_calibration_snapshots_base_rate(trained):
    for result in trained[1].results[1:]:
        assert result.calibration["mean_probability"] == pytest.approx(result.calibration["base_rate"], rel=0.02)


def test_every_line_of_the_log_is_in_the_account(trained, log):
    counts = trained[1].counts
    with open(log) as file:
        assert counts.read == sum(1 for _ in file)
    assert counts.read == counts.accepted + counts.without_user + sum(counts.rejected.values())
    assert summary(counts).startswith(f"{counts.read:,} lines read = {counts.accepted:,} events")


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
    with pytest.raises(InvalidLog, match=r"training 0 of .*, calibration 0 of .*, test 1 of .* needs at least one"):
        train(spark, path, Settings(), NOW)


@pytest.mark.parametrize(
    ("cancels", "folds", "said"),
    [
        ((1, 0, 0), (4, 4, 4), "1 of 4, 0 of 4, 0 of 4"),
        ((1, 2, 4), (4, 4, 4), "1 of 4, 2 of 4, 4 of 4"),
        ((1, 1, 0), (4, 4, 0), "1 of 4, 1 of 4, 0 of 0"),
    ],
    ids=["nobody cancels in two", "everybody cancels in one", "one is empty"],
)
def test_a_fold_with_one_class_only_is_refused_with_the_counts(spark, cancels, folds, said):
    rows = [
        (fold, float(user < n))
        for fold, (n, users) in enumerate(zip(cancels, folds, strict=True))
        for user in range(users)
    ]
    with pytest.raises(InvalidLog, match=rf"by fold: {said}; each of the 3 folds needs at least one .* --seed"):
        require_both_in_folds(spark.createDataFrame(rows, f"{FOLD} INT, label DOUBLE"), 10)


def test_a_log_with_too_few_cancels_for_the_folds_is_refused(spark, tmp_path):
    stays = [event(day, user=user) for user in "abcdef" for day in range(60)]
    gone = [row for day in (25, 45, 55) for row in (event(day - 8, user=f"g{day}"), *cancel(day, f"g{day}"))]
    path = written(tmp_path, stays + gone)
    with pytest.raises(InvalidLog, match=r"by fold: .*0 of .*; each of the 3 folds needs at least one"):
        train(spark, path, Settings(), NOW)


def constant_log(users):
    """Users who do nothing but play one song a day, free: most features are the same for all. One in three cancels."""
    for number in range(users):
        user, last = f"u{number}", 12 + number * 47 / users
        yield from (event(day + number / 1000, user=user) for day in range(60 if number % 3 else int(last)))
        if number % 3 == 0:
            yield from cancel(last, user)


def test_features_that_are_the_same_for_all_train_and_score(spark, tmp_path):
    trained = train(spark, written(tmp_path, constant_log(120)), Settings(), NOW)
    card = trained.model.card
    is_paid = NAMES.index("is_paid")
    assert (card.mean[is_paid], card.deviation[is_paid]) == (0.0, 1.0)
    assert all(math.isfinite(number) for number in (*card.mean, *card.deviation, *card.calibration))
    for each in trained.candidates:
        assert np.isfinite(each.test.probability).all()


@pytest.mark.parametrize(
    ("mean", "deviation", "expected"),
    [(3.0, 0.0, 1.0), (1.7204, 4.4e-16, 1.0), (1e6, 1e-5, 1.0), (3.0, 1e-3, 1e-3), (0.0, 0.5, 0.5)],
)
def test_rounding_is_no_deviation(mean, deviation, expected):
    assert scale(mean, deviation) == expected


def test_the_command_publishes_the_same_model_again_and_shows_all_learners(spark, log, trained, tmp_path, capsys):
    train_command(log, models=str(tmp_path / "models"))
    registry = Registry(spark, str(tmp_path / "models"))
    card = registry.load(registry.current_version()).card
    said = capsys.readouterr().out
    assert (card.learner, card.data) == (trained[0].card.learner, trained[0].card.data)
    assert card.threshold == pytest.approx(trained[0].card.threshold, rel=1e-6)
    assert card.version in said.replace("\n", "")
    page = tmp_path / "models" / card.version / "report.html"
    assert f"\n{page}\n" in said
    assert f"Model {card.version}" in page.read_text()
    assert all(name in said for name in ("majority", *ALL_LEARNERS))
    assert "chosen by AP val." in said


def test_the_same_log_and_seed_make_the_same_models_to_the_last_bit(spark, log, training):
    again = train(spark, log, Settings(), NOW)
    for before, after in zip(training.candidates, again.candidates, strict=True):
        assert before.model.card == after.model.card
        for snapshot in ("calibration", "test"):
            one, other = getattr(before, snapshot), getattr(after, snapshot)
            assert one.probability.tolist() == other.probability.tolist()
            assert one.label.tolist() == other.label.tolist()
    untimed = [
        replace(report, results=[replace(result, seconds=0) for result in report.results])
        for report in (training.report, again.report)
    ]
    assert untimed[0] == untimed[1]
    assert again.model.card.coefficients == training.model.card.coefficients


def test_the_card_has_the_weights_of_a_linear_model_and_of_no_other(training):
    for each in training.candidates:
        card, classifier = each.model.card, each.model.classifier
        if card.learner == "logistic":
            assert card.coefficients == classifier.coefficients.toArray().tolist()
            assert card.intercept == classifier.intercept
        else:
            assert (card.coefficients, card.intercept) == ([], None)


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
