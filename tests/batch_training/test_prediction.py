"""One file with every live user's score as of a moment."""

import csv
import json

import pytest
import typer

from batch_training.commands import epoch_ms, predict
from batch_training.logs import accepted_events
from batch_training.prediction import predict as predict_users
from churn.errors import InvalidLog
from churn.features import NAMES
from churn_io.registry import Registry

AS_OF = "2018-11-20T00:00"
COLUMNS = ["user_id", "as_of", "probability", "above_threshold", "reasons", *NAMES]


@pytest.fixture(scope="module")
def models(spark, trained, tmp_path_factory):
    """A registry with the trained model."""
    root = str(tmp_path_factory.mktemp("models"))
    Registry(spark, root).publish(trained[0].card, trained[0].classifier)
    return root


def test_a_csv_file_has_a_row_per_live_user_and_the_reasons_as_json(log, trained, models, tmp_path, capsys):
    out = tmp_path / "scores.csv"
    predict(log, AS_OF, models, str(out), None)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    assert len(rows) == trained[1].results[0].test["users"] == len({row["user_id"] for row in rows})
    assert {row["as_of"] for row in rows} == {"2018-11-20T00:00:00.000Z"}
    probabilities = [float(row["probability"]) for row in rows]
    assert probabilities == sorted(probabilities, reverse=True)
    reasons = json.loads(rows[0]["reasons"])
    assert 1 <= len(reasons) <= 3
    assert {"feature", "value", "typical", "effect", "text"} == set(reasons[0])
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]
    assert f"{len(rows):,} live users" in capsys.readouterr().out


def test_a_parquet_file_from_a_versions_own_folder_has_the_same_columns(spark, log, trained, models, tmp_path):
    out = tmp_path / "scores.parquet"
    predict(log, AS_OF, f"{models}/{trained[0].card.version}", str(out), None)
    assert out.is_file()
    frame = spark.read.parquet(str(out))
    assert frame.columns == COLUMNS
    above = frame.where("above_threshold").count()
    assert above == frame.where(f"probability >= {trained[0].card.threshold!r}").count()


def test_the_scores_at_the_test_snapshot_are_those_of_training(spark, log, trained, models, tmp_path):
    out = str(tmp_path / "scores.parquet")
    predict(log, AS_OF, models, out, None)
    (chosen,) = (result for result in trained[1].results if result.learner == trained[1].chosen)
    mean = spark.read.parquet(out).agg({"probability": "avg"}).first()[0]
    assert mean == pytest.approx(chosen.test["mean_probability"], rel=1e-9)


def test_a_moment_before_the_log_has_nobody_to_score(spark, log, trained, tmp_path):
    events = accepted_events(spark, log, epoch_ms("2026-01-01"))
    with pytest.raises(InvalidLog, match="nobody is alive as of 2018-09-01"):
        predict_users(events, epoch_ms("2018-09-01"), trained[0], str(tmp_path / "scores.csv"))


def test_another_suffix_is_refused_before_spark_is_asked(log, tmp_path):
    with pytest.raises(typer.BadParameter, match=r"\.csv or \.parquet"):
        predict(log, AS_OF, str(tmp_path), str(tmp_path / "scores.xlsx"), None)


@pytest.mark.parametrize("text", ["2018-11-20", "2018-11-20T00:00:00Z", "2018-11-20T02:00:00+02:00"])
def test_a_time_is_utc_unless_it_names_an_offset(text):
    assert epoch_ms(text) == 1_542_672_000_000


def test_what_is_no_time_is_refused():
    with pytest.raises(typer.BadParameter, match="tomorrow"):
        epoch_ms("tomorrow")


def test_nothing_to_predict_with(spark, complaint, tmp_path):
    said = complaint(
        "predict", tmp_path, "--as-of", "2018-11-20", "--model", tmp_path / "none", "--out", tmp_path / "scores.csv"
    )
    assert "no model at" in said
