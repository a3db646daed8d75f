"""The usual protocol: whole histories that end before the cancel, figures beside the majority's, and no model."""

import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from batch_training.capstone import FEATURES, figures, histories, split, usual, whole_log
from batch_training.capstone_report import reasons
from batch_training.evaluation import Outcome
from batch_training.logs import accepted_events
from churn.errors import InvalidLog
from sandbox.cli import app
from tests.batch_training.conftest import ALL_LEARNERS
from tests.builders import START_MS, by_time, cancel, event, lines, listener
from tests.conftest import missing

PRESENT_MS = START_MS + 3000 * 24 * 3600 * 1000
DATA = Path(os.environ.get("SPARKIFY_REAL_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
SEED = 42


@pytest.fixture(scope="module")
def found(spark, log):
    """What the protocol gives on the package's simulated log."""
    return usual(spark, log, SEED, PRESENT_MS)


def written(tmp_path, events):
    """The events as a log."""
    path = tmp_path / "log.json"
    path.write_text("\n".join(lines(events)))
    return str(path)


def rows(spark, tmp_path, events):
    """User -> the row of the protocol."""
    frame = histories(accepted_events(spark, written(tmp_path, events), PRESENT_MS).events)
    return {row["user_id"]: row.asDict() for row in frame.collect()}


def test_the_features_are_totals_and_ratios_of_the_whole_history(spark, tmp_path):
    pages = ["NextSong", "Thumbs Down", "NextSong", "Thumbs Up", "Add Friend", "Home", "Roll Advert", "Add to Playlist"]
    events = [event(day, page, level="paid" if day < 2 else "free") for day, page in enumerate(pages)]
    assert rows(spark, tmp_path, events)["u1"] == {
        "user_id": "u1",
        "tenure_days": 37.0,  # registered 30 days before the log begins
        "n_song": 2.0,
        "n_thumbs_up": 1.0,
        "n_thumbs_down": 1.0,
        "n_add_to_playlist": 1.0,
        "n_add_friend": 1.0,
        "n_roll_advert": 1.0,
        "songs_per_active_day": 0.25,
        "thumbs_down_per_song": 0.5,
        "paid_share": 0.25,
        "label": 0.0,
    }


def test_rows_from_cancel_on_change_no_feature_but_make_the_label(spark, tmp_path):
    before = listener("u1", [1, 2, 3.5])
    left = rows(spark, tmp_path, [*before, *cancel(4), event(4.5, "Thumbs Down"), event(9, level="paid")])["u1"]
    stayed = rows(spark, tmp_path, before)["u1"]
    assert (left.pop("label"), stayed.pop("label")) == (1.0, 0.0)
    assert left == stayed


def test_each_user_is_one_row_even_one_of_whom_only_the_cancel_was_seen(spark, tmp_path):
    events = by_time(listener("a", range(5)), listener("b", range(3)), cancel(4, "b"), cancel(2, "c"))
    found = rows(spark, tmp_path, [*events, event(1, user="")])
    assert {user: row["label"] for user, row in found.items()} == {"a": 0.0, "b": 1.0, "c": 1.0}
    assert [found["c"][name] for name in FEATURES] == [0.0] * len(FEATURES)


def test_each_user_of_a_log_lies_in_one_part_and_one_in_five_tests(spark, log):
    users, counts = whole_log(accepted_events(spark, log, PRESENT_MS))
    n = accepted_events(spark, log, PRESENT_MS).events.select("user_id").distinct().count()
    learnt, tested = ([row["user_id"] for row in part.select("user_id").collect()] for part in split(users, SEED))
    assert len(learnt) + len(tested) == len({*learnt, *tested}) == n
    assert 0.1 < len(tested) / n < 0.3
    assert users.where("label = 1").count() == counts.cancels
    (_, others) = split(users, SEED + 1)
    assert {row["user_id"] for row in others.collect()} != set(tested)


def test_the_figures_by_hand():
    told = Outcome(np.array([0.9, 0.6, 0.5, 0.1]), np.array([1.0, 0.0, 1.0, 0.0]))
    assert figures("some", told) == {
        "learner": "some",
        "f1": pytest.approx(4 / 5),  # three called, two of them and of two rightly
        "weighted_f1": pytest.approx((4 / 5 + 2 / 3) / 2),
        "weighted_f1_of_majority": pytest.approx(1 / 3),
        "roc_auc": pytest.approx(3 / 4),
        "average_precision": pytest.approx((1 + 2 / 3) / 2),
    }


def test_users_of_the_same_habits_are_told_apart_by_the_cancel_alone(spark, tmp_path):
    """Why the protocol flatters: nothing but the length of the history sets these users apart."""
    stay = [listener(f"s{n}", range(60)) for n in range(40)]
    leave = [[*listener(f"c{n}", range(20)), *cancel(20, f"c{n}")] for n in range(40)]
    found = usual(spark, written(tmp_path, by_time(*stay, *leave)), SEED, PRESENT_MS)
    by_name = {result["learner"]: result for result in found.results}
    assert by_name["logistic"]["f1"] == by_name["logistic"]["roc_auc"] == 1.0
    assert by_name["majority"]["roc_auc"] == 0.5
    assert found.typical["tenure_days"] == (89.0, 49.0)


def test_each_learner_is_measured_and_the_reasons_name_what_the_majority_reaches(found):
    assert [result["learner"] for result in found.results] == ["majority", *ALL_LEARNERS]
    majority = found.results[0]
    assert {result["weighted_f1_of_majority"] for result in found.results} == {majority["weighted_f1"]}
    assert majority["f1"] == 0.0
    text = " ".join(reasons(found))
    assert f"nobody cancels has {majority['weighted_f1']:.3f} here" in text
    assert "ends at the cancel" in text
    assert f"{found.test.cancels} users who cancel are all that the test has" in text


def test_the_command_gives_the_same_figures_again_and_registers_nothing(found, log, tmp_path):
    arguments = ["train", log, "--protocol", "capstone", "--models", str(tmp_path / "models")]
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
    assert done.exit_code == 0, done.output
    for result in found.results:
        (line,) = (line.split() for line in done.output.splitlines() if line.split()[:1] == [result["learner"]])
        assert line[1:] == [f"{value:.3f}" for name, value in result.items() if name != "learner"]
    said = " ".join(done.output.split())
    assert f"No model is registered at {tmp_path / 'models'}" in said
    assert f"nobody cancels has {found.results[0]['weighted_f1']:.3f}" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", [["--promote"], ["--shadow"], ["--tune"], ["--ablation"], ["--learner", "gbt"]])
def test_options_that_need_a_model_are_refused(option):
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["train", "log.json", "--protocol", "capstone", *option])
    assert done.exit_code == 2
    assert f"makes no model to tune, promote or shadow; leave {option[0]} out" in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("leavers", "said"),
    [(0, r"0 of \d+ cancel, .* 0 of \d+; each part needs at least one who cancels"), (30, r"(\d+) of \1 cancel")],
    ids=["nobody", "everybody"],
)
def test_a_part_without_both_kinds_of_users_is_refused_with_the_counts(spark, tmp_path, leavers, said):
    users = [[*listener(f"u{n}", [1, 2]), *(cancel(3, f"u{n}") if n < leavers else [])] for n in range(30)]
    with pytest.raises(InvalidLog, match=said):
        usual(spark, written(tmp_path, by_time(*users)), SEED, PRESENT_MS)


def test_a_log_without_events_of_users_is_refused(spark, tmp_path):
    with pytest.raises(InvalidLog, match="no usable event in 1 lines"):
        usual(spark, written(tmp_path, [event(1, user="")]), SEED, PRESENT_MS)


def test_a_missing_log_is_named(complaint, tmp_path):
    assert "no log there" in complaint("train", tmp_path / "none.json", "--protocol", "capstone")


def test_real_users_are_a_row_each_and_five_are_too_few(spark):
    log = DATA / "sparkify_mini_5_users"
    if not log.is_dir():
        missing(f"no real events at {log}: set SPARKIFY_REAL_DATA to a folder that holds sparkify_mini_5_users")
    users = {row["user_id"]: row for row in histories(accepted_events(spark, str(log), PRESENT_MS).events).collect()}
    assert (len(users), sum(row["label"] for row in users.values())) == (5, 2)
    assert all(row["tenure_days"] > 0 and row["n_song"] > 0 for row in users.values())
    with pytest.raises(InvalidLog, match="each part needs at least one who cancels"):
        usual(spark, str(log), SEED, PRESENT_MS)
