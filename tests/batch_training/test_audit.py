"""An audit passes an honest model, and fails what looks ahead, counts the label's rows or learns from the test."""

from dataclasses import replace

import numpy as np
import pytest
import typer
from pyspark.sql import functions as F

from batch_training.alterations import with_permuted_futures, with_shuffled_labels
from batch_training.audit import in_words, learner_of
from batch_training.audit_command import audit as audit_command
from batch_training.audit_command import show
from batch_training.evaluation import Outcome
from batch_training.fitting import with_scores
from batch_training.label_checks import SHUFFLES, gone_before, later_windows, shuffled, without_skill
from batch_training.learners import learners
from batch_training.logs import accepted_events
from batch_training.roles import by_role
from batch_training.snapshots import snapshots
from batch_training.view_checks import (
    Check,
    Difference,
    cut,
    label_rows,
    pages_that_announce,
    permuted,
    seen_by,
    subject,
)
from churn.errors import ModelMismatch
from churn.events import CANCEL_PAGES, EVENT_COLUMNS, has_code
from churn.features import NAMES
from churn.state import DAY_MS, daily, states_at
from churn_io.registry import Registry
from tests.batch_training.conftest import NOW
from tests.builders import card

HORIZON_DAYS = 10


@pytest.fixture(scope="module")
def events(spark, log):
    """The accepted events of the log."""
    return accepted_events(spark, log, round(NOW.timestamp() * 1000)).events.localCheckpoint()


@pytest.fixture(scope="module")
def moment_ms(training):
    """The test snapshot's moment."""
    return training.report.split.test_ms


@pytest.fixture(scope="module")
def honest(training, events, moment_ms):
    """The log as the model sees it."""
    return subject(events, seen_by(training.model, moment_ms), moment_ms)


@pytest.fixture(scope="module")
def leaking(honest, events, moment_ms):
    """A function from what leaks (events -> user_id, leak) to the log as seen with that added to a feature."""

    def view(leak):
        def seen(log):
            known = honest.seen(log).join(leak(log), on="user_id", how="left")
            return known.withColumn("songs", F.col("songs") + F.coalesce("leak", F.lit(0.0))).drop("leak")

        return subject(events, seen, moment_ms)

    return view


def all_events(log):
    """How often a user is seen, whenever that is."""
    return log.groupBy("user_id").agg(F.count(F.lit(1)).cast("double").alias("leak"))


def test_no_check_of_the_views_finds_a_leak_in_an_honest_model(honest):
    for check in (cut(honest), permuted(honest, 1), label_rows(honest), pages_that_announce(honest)):
        assert check.passed, in_words(check)
    concerned = pages_that_announce(honest).figure.split("; ")[-1]
    assert int(concerned.split()[0]) > 0, "nobody had visited Cancel: the check would see nothing"


def test_a_feature_that_counts_what_comes_later_is_found(leaking):
    view = leaking(all_events)
    assert cut(view).passed is False
    assert permuted(view, 1).passed is False


def test_a_feature_made_from_the_label_is_found(leaking, moment_ms):
    def label(log):
        taken = snapshots(daily(log), [moment_ms], HORIZON_DAYS)
        return taken.select("user_id", F.col("label").alias("leak"))

    view = leaking(label)
    assert cut(view).passed is False
    assert permuted(view, 1).passed is False


def test_snapshots_that_include_later_events_are_found(training, events, moment_ms):
    view = subject(events, seen_by(training.model, moment_ms + 3 * DAY_MS), moment_ms)
    assert cut(view).passed is False
    assert permuted(view, 1).passed is False


def test_a_page_that_announces_the_cancel_and_counts_as_a_habit_is_found(leaking, moment_ms):
    def visits_to_cancel(log):
        return all_events(log.where(has_code("Cancel") & (F.col("ts_ms") <= moment_ms)))

    view = leaking(visits_to_cancel)
    assert cut(view).passed
    assert pages_that_announce(view).passed is False


def test_a_feature_that_knows_how_many_have_left_is_found(leaking, moment_ms):
    def left_so_far(log):
        gone = log.where(has_code(*CANCEL_PAGES) & (F.col("ts_ms") <= moment_ms)).select(F.count(F.lit(1)).alias("n"))
        return (
            log.select("user_id").distinct().crossJoin(gone).select("user_id", F.col("n").cast("double").alias("leak"))
        )

    view = leaking(left_so_far)
    assert cut(view).passed
    assert label_rows(view).passed is False


@pytest.mark.parametrize(
    ("difference", "is_none"),
    [
        (Difference(10, 0, 0.0, 1e-12), True),
        (Difference(0, 0, 0.0, 0.0), False),
        (Difference(10, 1, 0.0, 0.0), False),
        (Difference(10, 0, 1e-8, 0.0), False),
        (Difference(10, 0, 0.0, float("nan")), False),
        (Difference(10, 0, float("nan"), 0.0), False),
    ],
)
def test_views_are_equal_only_if_they_have_the_same_users_and_numbers(difference, is_none):
    assert difference.is_none is is_none


def test_futures_are_exchanged_and_the_past_is_not(events, moment_ms):
    altered = with_permuted_futures(events, moment_ms, 1).localCheckpoint()
    is_past = F.col("ts_ms") <= moment_ms
    columns = list(EVENT_COLUMNS)
    assert altered.where(is_past).select(columns).exceptAll(events.where(is_past).select(columns)).isEmpty()
    assert altered.count() == events.count()
    later = [frame.where(~is_past).select("user_id", "ts_ms", "page_code") for frame in (events, altered)]
    assert later[0].intersect(later[1]).count() < later[0].count() / 100


def test_shuffling_keeps_each_snapshots_users_and_cancels_and_parts_them(training):
    def cancelled(frame):
        return {(row.as_of_ms, row.user_id) for row in frame.where("label = 1").collect()}

    def counted(frame):
        rows = frame.groupBy("as_of_ms").agg(F.count_distinct("user_id"), F.count(F.lit(1)), F.sum("label")).collect()
        return sorted(tuple(row) for row in rows)

    blind, other = (with_shuffled_labels(training.snapshots, seed) for seed in (1, 2))
    assert counted(blind) == counted(training.snapshots)
    assert blind.columns == training.snapshots.columns
    assert len(cancelled(blind) & cancelled(training.snapshots)) < len(cancelled(blind)) / 2
    assert len(cancelled(blind) & cancelled(other)) < len(cancelled(blind)) / 2


@pytest.fixture(scope="module")
def logistic(training):
    """The fastest learner, and the snapshots by role."""
    split = training.report.split
    return learners(42)[0], by_role(training.snapshots, split, 10, 42)


def test_a_learner_has_no_skill_on_shuffled_labels(logistic, training):
    blind, sighted = shuffled(*logistic, training.model.card, seed=42)
    assert blind.passed, in_words(blind)
    assert sighted.passed is None
    assert sighted.figure.startswith("AUC ")


def test_labels_that_are_not_shuffled_have_skill_and_are_found(logistic, training):
    blind, _ = shuffled(*logistic, training.model.card, seed=42, shuffle=lambda training, _seed: training)
    assert blind.passed is False


@pytest.mark.parametrize(
    ("auc", "precision", "passed"),
    [(0.5, 0.04, True), (0.6, 0.04, False), (0.4, 0.04, False), (0.5, 0.2, False)],
)
def test_skill_is_what_the_mean_of_the_shuffles_surely_has(auc, precision, passed):
    spread = np.linspace(-0.05, 0.05, SHUFFLES)
    figures = np.column_stack([auc + spread, precision + spread / 10])
    assert without_skill("", figures, [0.03, 0.05]).passed is passed


def test_nobody_who_left_is_scored_and_who_would_be_is_found(training, events, moment_ms):
    assert gone_before(training.snapshots, events, HORIZON_DAYS).passed
    with_the_gone = states_at(daily(events), [moment_ms])
    check = gone_before(with_the_gone, events, HORIZON_DAYS)
    assert check.passed is False
    assert not check.figure.startswith("0 of")


def test_later_labels_are_held_to_those_who_are_still_there():
    days = np.array([0.5, 5.0, 15.0, np.nan, np.nan])
    twice = Outcome(np.array([0.9, 0.8, 0.1, 0.3, 0.2]), (~np.isnan(days)).astype(np.float64), days)
    near, after_a_day, later = later_windows(twice, 0, HORIZON_DAYS).figure.split("; ")
    assert near == "days 0 to 10: average precision 1.000 (base rate 0.400), AUC 1.000"
    assert after_a_day == "days 1 to 10: average precision 1.000 (base rate 0.250), AUC 1.000"
    assert later == "days 10 to 20: average precision 0.333 (base rate 0.333), AUC 0.000"


def test_a_model_of_a_learner_that_is_not_known_is_refused(spark):
    with pytest.raises(
        ModelMismatch, match=r"v1: learnt by 'oracle', this code has logistic, .*; run `sparkify train`"
    ):
        learner_of(card("v1", learner="oracle"), 42)


def test_a_failed_check_ends_with_exit_code_1(capsys):
    honest = Check("done", "figure", True)
    show([honest, Check("read", "figure", None)])
    with pytest.raises(typer.Exit) as left:
        show([honest, Check("altered", "other", False)])
    assert left.value.exit_code == 1
    assert capsys.readouterr().out.splitlines()[-1] == "FAIL  altered: other"


def test_the_command_audits_the_current_model_line_by_line(spark, log, training, tmp_path, capsys):
    model = training.candidates[0].model
    Registry(spark, str(tmp_path / "models")).publish(replace(model.card, version="v1"), model.classifier)
    audit_command(str(tmp_path / "models"), log, 42, None)
    words = [
        line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith(("pass", "told", "FAIL"))
    ]
    assert words == ["pass"] * 5 + ["told", "pass", "told"]


def test_the_views_hold_every_feature_and_the_score(honest, training):
    row = honest.whole.first()
    (same,) = with_scores(training.test.where(F.col("user_id") == row.user_id), training.model).collect()
    assert [row[name] for name in ("probability", *NAMES)] == pytest.approx(
        [same[name] for name in ("probability", *NAMES)]
    )
