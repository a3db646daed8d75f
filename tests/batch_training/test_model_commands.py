"""`sparkify models` at the command line, on a registry of cards alone; none of it may start Spark."""

import json

import pytest
from typer.testing import CliRunner

from batch_training import model_commands
from churn_io.registry import Registry
from sandbox.cli import app
from tests.builders import card

OLD, NEW = "20260101T000000Z-logistic", "20260201T000000Z-gbt"
DATA = {
    "log": "logs",
    "first_event": "2018-10-01T00:00:00Z",
    "last_event": "2018-11-30T23:59:00Z",
    "test_snapshot": "2018-11-20T00:00:00Z",
}
TEST = {"users": 1200, "positives": 48, "average_precision": 0.1234, "roc_auc": 0.7, "lift_at_budget": 2.0}


@pytest.fixture(autouse=True)
def no_spark(monkeypatch):
    """A list should not take the seconds that Spark takes to start."""
    monkeypatch.setattr(model_commands, "spark_session", lambda *_, **__: pytest.fail("Spark was started"))


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A registry with an old and a new model, the new one current."""
    monkeypatch.setenv("COLUMNS", "160")
    root = tmp_path / "models"
    write(root, card(OLD, data=DATA, metrics={"test": TEST}))
    write(root, card(NEW, learner="gbt", data=DATA, metrics={"test": TEST | {"average_precision": 0.2345}}))
    assert said("promote", OLD, root).startswith(f"{OLD} is the current model of")
    said("promote", NEW, root)
    return root


def write(root, model):
    """The card alone, which is all that these commands read."""
    (root / model.version).mkdir(parents=True)
    (root / model.version / "model.json").write_text(json.dumps(model.as_dict()))


def said(*arguments):
    """What `sparkify models ARGUMENTS --models ROOT` prints, ROOT being the last argument."""
    *words, root = map(str, arguments)
    done = CliRunner().invoke(app, ["models", *words, "--models", root])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_list_has_a_row_a_version_and_marks_the_current_one(models):
    shown = said("list", models)
    (old,) = (line.split() for line in shown.splitlines() if OLD in line)
    (new,) = (line.split() for line in shown.splitlines() if NEW in line)
    assert old == [OLD, "2018-11-30", "0.123", "0.700", "0.200"]
    assert new == ["*", NEW, "2018-11-30", "0.234", "0.700", "0.200"]
    assert "ECE" not in shown


def test_a_model_that_alerts_nobody_is_listed_so(models):
    write(models, card("20260301T000000Z-forest", data=DATA, metrics={"test": TEST}, threshold=1.1))
    (row,) = (line.split() for line in said("list", models).splitlines() if "forest" in line)
    assert row[-1] == "never"
    compared = said("compare", OLD, "20260301T000000Z-forest", models)
    (alerts,) = (line.split() for line in compared.splitlines() if "alerts at" in line)
    assert alerts == ["alerts", "at", "0.200", "never"]


def test_the_list_fits_into_eighty_columns(models, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    longest = "20260301T000000Z-perceptron-12"
    write(models, card(longest, data=DATA, metrics={"test": TEST | {"ece": 0.0123}}))
    said("shadow", longest, models)
    shown = said("list", models).splitlines()
    assert max(len(line) for line in shown) <= 80
    (row,) = (line.split() for line in shown if longest in line)
    assert row == ["s", longest, "2018-11-30", "0.123", "0.700", "0.012", "0.200"]
    assert sum(line.strip() != "" for line in shown) == 6  # two of head, three models, the caption: nothing wraps


def test_a_version_too_long_for_the_list_is_folded_not_cut(models, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    write(models, card("v" * 70, data=DATA))
    shown = said("list", models)
    assert shown.replace("version", "").count("v") == 70


@pytest.mark.parametrize("name", ["ece", "expected_calibration_error"])
def test_a_calibration_error_gets_a_column_once_a_card_has_one(models, name):
    write(models, card("20260301T000000Z-forest", metrics={"test": {name: 0.0123}}))
    shown = said("list", models)
    assert "ECE" in shown
    (row,) = (line.split() for line in shown.splitlines() if "forest" in line)
    assert row == ["20260301T000000Z-forest", "–", "–", "–", "0.012", "0.200"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "model.json: not JSON"),
        ("[]", "model.json: a JSON list, not a model card"),
        (json.dumps(card("x", features=["shoe_size"]).as_dict()), "trained on 1 features"),
        (None, "model.json is missing"),
    ],
    ids=["cut", "no card", "other features", "missing"],
)
def test_a_broken_card_is_a_row_with_its_reason(models, text, reason):
    path = models / OLD / "model.json"
    path.unlink()
    if text is not None:
        path.write_text(text)
    shown = said("list", models)
    assert next(line.split() for line in shown.splitlines() if OLD in line) == [OLD, "broken"]
    (complaint,) = (line for line in shown.splitlines() if line.startswith(f"{OLD} is broken: "))
    assert reason in complaint
    assert NEW in shown


def test_a_list_without_a_current_model_says_so(models):
    (models / "current").write_text("gone\n")
    shown = said("list", models)
    assert "points to 'gone'" in shown
    assert OLD in shown


def test_two_models_of_the_same_test_snapshot_compare(models):
    shown = said("compare", OLD, NEW, models)
    (precision,) = (line.split() for line in shown.splitlines() if "average precision" in line)
    assert precision == ["average", "precision", "0.123", "0.234"]
    assert "both were measured on the same test snapshot of the same log" in shown
    assert "caution" not in shown


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({"data": DATA | {"log": "others"}}, "do not compare: log logs and others"),
        (
            {"data": DATA | {"test_snapshot": "2018-12-20T00:00:00Z"}},
            "test snapshot 2018-11-20T00:00:00Z and 2018-12-20T00:00:00Z",
        ),
        ({"metrics": {"test": TEST | {"users": 900}}}, "live users 1200 and 900"),
        ({"horizon_days": 5}, "horizon in days 10 and 5"),
        ({"data": {}}, "a card does not say what it was measured on (log, test snapshot)"),
    ],
    ids=["log", "snapshot", "users", "horizon", "unknown"],
)
def test_models_that_were_measured_on_other_users_get_a_caution(models, fields, warning):
    write(models, card("other", **({"data": DATA, "metrics": {"test": TEST}} | fields)))
    shown = said("compare", OLD, "other", models)
    assert "caution: " in shown
    assert warning in shown


def test_a_promoted_model_is_what_a_running_stream_looks_up(models):
    running = Registry(lambda: pytest.fail("Spark was started"), str(models))
    assert running.current_version() == NEW
    assert said("promote", OLD, models) == f"{OLD} is the current model of {models}\n"
    assert running.current_version() == OLD


def marks(shown):
    """The marks in the list, by version."""
    rows = (line.split() for line in shown.splitlines())
    return {row[1]: row[0] for row in rows if row[:1] in (["*"], ["s"]) and row[1] in (OLD, NEW)}


def test_the_shadow_is_marked_until_it_is_off(models):
    running = Registry(lambda: pytest.fail("Spark was started"), str(models))
    assert said("shadow", OLD, models) == f"{OLD} scores in the shadow of {models}\n"
    assert (running.current_version(), running.shadow_version()) == (NEW, OLD)
    assert marks(said("list", models)) == {NEW: "*", OLD: "s"}
    assert said("shadow", "--off", models) == f"no model scores in the shadow of {models}\n"
    assert running.shadow_version() == ""
    assert marks(said("list", models)) == {NEW: "*"}
    said("shadow", "--off", models)


def test_a_promoted_shadow_is_a_shadow_no_longer(models):
    said("shadow", OLD, models)
    assert said("promote", OLD, models) == f"{OLD} is the current model of {models}, no longer its shadow\n"
    assert marks(said("list", models)) == {OLD: "*"}


def test_a_shadow_that_is_gone_is_said_in_the_list(models):
    (models / "shadow").write_text("gone\n")
    assert f"gone is to score in the shadow, and {models} holds no such model" in said("list", models)


def test_no_model_of_other_features_scores_in_the_shadow(models, complaint):
    write(models, card("other", features=["shoe_size"]))
    assert "trained on 1 features" in complaint("models", "shadow", "other", "--models", models)
    assert not (models / "shadow").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "wanted is either a version or --off"),
        ([OLD, "--off"], "wanted is either a version or --off"),
        ([NEW], f"{NEW} is the current model; wanted is another"),
    ],
    ids=["neither", "both", "the current one"],
)
def test_a_shadow_is_another_version_or_off(models, arguments, reason):
    done = CliRunner().invoke(app, ["models", "shadow", *arguments, "--models", str(models)])
    assert done.exit_code == 2
    assert reason in done.output
    assert not (models / "shadow").exists()


def test_a_rollback_returns_to_the_model_before(models, complaint):
    assert said("rollback", models) == f"{OLD} is the current model of {models} again\n"
    assert Registry(lambda: None, str(models)).current_version() == OLD
    line = complaint("models", "rollback", "--models", models)
    assert f"history: no version was in force before {OLD}" in line


def test_a_rollback_to_what_is_gone_is_refused(models, complaint):
    (models / OLD / "model.json").unlink()
    assert f"no model {OLD} at" in complaint("models", "rollback", "--models", models)
    assert Registry(lambda: None, str(models)).current_version() == NEW


@pytest.mark.parametrize("command", ["promote", "compare", "shadow"])
def test_an_unknown_version_is_one_line_that_says_where_to_look(models, complaint, command):
    versions = [OLD, "gone"] if command == "compare" else ["gone"]
    line = complaint("models", command, *versions, "--models", models)
    assert line.startswith(f"error: no model gone at {models}: ")
    assert f"`sparkify models list --models {models}` shows what is there" in line


def test_a_model_of_other_features_is_not_promoted(models, complaint):
    write(models, card("other", features=["shoe_size"]))
    assert "trained on 1 features" in complaint("models", "promote", "other", "--models", models)
    assert Registry(lambda: None, str(models)).current_version() == NEW


@pytest.mark.parametrize(
    "arguments", [("list",), ("promote", OLD), ("compare", OLD, NEW), ("rollback",), ("shadow", OLD)]
)
def test_an_empty_registry_is_one_line(tmp_path, complaint, arguments):
    line = complaint("models", *arguments, "--models", tmp_path / "none")
    assert str(tmp_path / "none") in line
    assert not (tmp_path / "none").exists()
