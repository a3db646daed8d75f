"""The page beside a model: its curves are those of a count by hand, what it says of features holds, and it shows."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from pyspark.ml.classification import DecisionTreeClassifier
from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as F

from batch_training.champion import Comparison, Verdict
from batch_training.evaluation import Outcome, average_precision, expected_calibration_error
from batch_training.model_report import figures, importance, model_sections
from batch_training.model_report.facts import command, gathered
from batch_training.model_report.page import html, page
from batch_training.model_report.writing import PAGE, written
from batch_training.settings import Settings
from batch_training.threshold import Goals, Rule
from churn.features import NAMES
from churn.labels import LABEL
from churn.model import INPUTS, Model
from churn.scoring import HABITS
from churn_io.registry import Registry
from tests.batch_training.pages import HOSTILE, harmless
from tests.conftest import missing

NAN = float("nan")
TEN = Outcome(  # two users share a probability, one of whom cancels
    np.array([0.9, 0.8, 0.7, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]),
    np.array([1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]),
    np.array([1.5, NAN, 9.9, NAN, NAN, 3.2, NAN, NAN, NAN, NAN]),
)
TITLES = (
    "What is forecast", "All learners", "Ranking", "Probabilities", "Time left to act", "Threshold",
    "What the model looks at", "Classes of users", "Against the current model", "To repeat it",
)  # fmt: skip
VERDICT = Verdict("old", False, f"old is better {HOSTILE}", Comparison(0.1, 0.2, -0.1, (-0.2, 0.01), 0.96, 500))
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# what a reader would stumble over: labels of a figure that touch, and anything wider than the window
MEASURE = """<script>addEventListener("load", () => {
  const touching = [];
  for (const svg of document.querySelectorAll("svg")) {
    const texts = [...svg.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect()]);
    texts.forEach(([one, a], place) => texts.slice(place + 1).forEach(([other, b]) => {
      if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3)
        touching.push([one, other]);
    }));
  }
  const rows = [...document.querySelectorAll("#all-learners tr")].map(row => row.getBoundingClientRect().height);
  const window = document.documentElement;
  const found = {touching, highest: Math.max(...rows), wide: window.scrollWidth - window.clientWidth,
                 titles: [...document.querySelectorAll("h2")].map(title => title.textContent),
                 heights: [...document.querySelectorAll("svg")].map(svg => svg.getBoundingClientRect().height)};
  const text = document.createElement("pre");
  text.id = "measured";
  text.textContent = JSON.stringify(found);
  document.body.append(text);
});</script>"""


def points(line):
    """A line's points as pairs."""
    return list(zip(line.x.tolist(), line.y.tolist(), strict=True))


def test_the_roc_goes_from_tie_to_tie():
    third, seventh = 1 / 3, 1 / 7
    expected = [
        (0, 0), (0, third), (seventh, third), (2 * seventh, 2 * third), (3 * seventh, 2 * third), (3 * seventh, 1),
        (4 * seventh, 1), (5 * seventh, 1), (6 * seventh, 1), (1, 1),
    ]  # fmt: skip
    assert points(figures.roc(TEN)) == [pytest.approx(point) for point in expected]


def test_the_area_under_the_steps_of_precision_is_the_average_precision():
    line = figures.precision_recall(TEN)
    assert line.x == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 1, 1, 1, 1, 1])
    assert line.y == pytest.approx([1, 1, 1 / 2, 2 / 4, 2 / 5, 3 / 6, 3 / 7, 3 / 8, 3 / 9, 3 / 10])
    assert float(np.sum(np.diff(line.x) * line.y[1:])) == pytest.approx(average_precision(TEN)) == pytest.approx(2 / 3)


def test_the_gain_is_the_share_of_cancels_among_the_highest_scores():
    line = figures.gain(TEN)
    assert line.x == pytest.approx([0, 0.1, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
    assert line.y == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 1, 1, 1, 1, 1])


def test_bins_have_equal_counts_and_their_distances_make_the_calibration_error():
    bins = figures.reliability(TEN)
    assert [each.users for each in bins] == [1.0] * 10
    assert [each.mean_probability for each in bins] == pytest.approx(TEN.probability[::-1])
    assert [each.share for each in bins] == pytest.approx([0, 0, 0, 0, 1, 0, 0.5, 0.5, 0, 1])
    distances = [abs(each.mean_probability - each.share) for each in bins]
    assert np.mean(distances) == pytest.approx(expected_calibration_error(TEN))
    assert bins[9].interval == pytest.approx((0.2065, 1.0), abs=1e-4)
    assert bins[0].interval == pytest.approx((0.0, 0.7935), abs=1e-4)


def test_lead_times_are_counted_by_day_of_those_alerted_and_of_all():
    found, everybody = figures.lead_times(TEN, 0.7, 10)
    assert found.tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert everybody.tolist() == [0, 1, 0, 1, 0, 0, 0, 0, 0, 1]


def test_each_user_is_in_one_bin_of_the_scores_even_when_all_have_the_same():
    spread = figures.scores(TEN)
    assert (spread.stay.sum(), spread.cancel.sum()) == (7, 3)
    same = figures.scores(Outcome(np.full(10, 0.04), TEN.label))
    assert (same.stay.max(), same.cancel.max()) == (7, 3)


def test_the_table_of_thresholds_has_each_rule_on_both_snapshots(training):
    table = model_sections.rules(training.report)
    assert [(row[0].partition(":")[0], row[1]) for row in table.rows] == [
        (rule, snapshot) for rule in ("budget", "precision", "profit") for snapshot in ("calibration", "test")
    ]
    (budget, *_) = training.report.best.thresholds
    assert table.rows[1][3] == f"{budget['test']['alerted']:,}"


def test_the_command_repeats_every_option_of_the_run():
    settings = Settings(7, Goals(budget=0.1, rule=Rule.PROFIT), ("gbt", "forest"), tune=True, seed=3)
    said = command("my log.json", "models", settings)
    assert said == (
        "sparkify train 'my log.json' --models models --horizon-days 7 --budget 0.1 --precision 0.15 "
        "--customer-value 200.0 --offer-cost 10.0 --offer-success 0.3 --threshold profit --seed 3 "
        "--learner gbt --learner forest --tune"
    )


@pytest.fixture(scope="module")
def users(training):
    """The test snapshot's users with their inputs."""
    return importance.sampled(training.test, training.model.card, seed=1)


def stump(training, users, position):
    """A model that asks a single question, of one input, which says who cancels."""
    card = replace(training.model.card, calibration=(1.0, 0.0), coefficients=[])
    middle = users.select(F.median(F.col(INPUTS)[position])).first()[0]
    rows = users.select(
        (F.col(INPUTS)[position] > middle).cast("double").alias(LABEL), array_to_vector(INPUTS).alias("features")
    )
    return Model(card, DecisionTreeClassifier(labelCol=LABEL, maxDepth=1, seed=1).fit(rows))


@pytest.mark.parametrize("position", [0, len(NAMES) + 1], ids=["a feature", "an input of the classes"])
def test_only_what_the_model_uses_is_important(training, users, position):
    model = stump(training, users, position)
    used = NAMES[position] if position < len(NAMES) else HABITS
    middle = users.select(F.median(F.col(INPUTS)[position])).first()[0]
    knows = users.withColumn(LABEL, (F.col(INPUTS)[position] > middle).cast("double"))
    found = importance.permutation_importance(knows, model, seed=1)
    assert found.drops[0].name == used
    assert min(found.drops[0].values) > 0.1
    assert len(set(found.drops[0].values)) > 1
    assert [drop.name for drop in found.drops if any(drop.values)] == [used]
    effects = dict(importance.contributions(users, model).by_name)
    assert [name for name, effect in effects.items() if effect] == [used]


def test_every_feature_is_shuffled_as_often_and_the_seed_repeats_it(training, users):
    found = importance.permutation_importance(users, training.model, seed=1)
    assert {drop.name for drop in found.drops} == {*NAMES, HABITS}
    assert {len(drop.values) for drop in found.drops} == {importance.REPEATS}
    assert found.users == users.count() == training.report.results[0].test["users"]
    chosen = next(result for result in training.report.results if result.learner == training.report.chosen)
    assert found.average_precision == pytest.approx(chosen.test["average_precision"])
    assert importance.permutation_importance(users, training.model, seed=1) == found
    assert importance.permutation_importance(users, training.model, seed=2) != found


def test_partners_are_a_permutation_of_the_users(users):
    rows = importance.with_partners(users, seed=1).collect()
    everybody = sorted(row[INPUTS] for row in users.collect())
    orders = [[row["partner"] for row in sorted(rows) if row["repeat"] == repeat] for repeat in range(2)]
    assert [sorted(order) for order in orders] == [everybody, everybody]
    assert orders[0] != orders[1]


def test_average_precision_in_spark_is_that_of_the_evaluation(spark):
    rows = [(0, 0, float(score), float(label)) for score, label in zip(TEN.probability, TEN.label, strict=True)]
    frame = spark.createDataFrame(rows, "hidden INT, repeat INT, probability DOUBLE, label DOUBLE")
    (found,) = importance.average_precisions(frame).collect()
    assert (found["users"], found["average_precision"]) == (10, pytest.approx(average_precision(TEN)))


def test_of_many_users_the_seed_draws_some(training, monkeypatch):
    monkeypatch.setattr(importance, "MOST_USERS", 20)
    drawn = [
        {row["user_id"] for row in importance.sampled(training.test, training.model.card, seed).collect()}
        for seed in (1, 1, 2)
    ]
    assert [len(each) for each in drawn] == [20, 20, 20]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_linear_models_contributions_are_its_calibrated_weights(training, users):
    linear = next(each.model for each in training.candidates if each.result.learner == "logistic")
    steep = replace(linear, card=replace(linear.card, calibration=(2.0, 0.0)))
    found = importance.contributions(users, steep)
    weights = [2.0 * weight for weight in linear.card.coefficients]
    assert found.is_linear
    assert [dict(found.by_name)[name] for name in importance.input_names(linear.card)] == weights
    assert abs(found.by_name[0][1]) == max(map(abs, weights))


@pytest.fixture(scope="module")
def facts(training):
    """The facts on the trained model, from a log whose path does harm."""
    hostile = replace(training, report=replace(training.report, log=HOSTILE))
    return gathered(hostile, VERDICT, Settings(), "models")


@pytest.fixture(scope="module")
def text(facts):
    """The page as text."""
    return html(facts)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """A function from a page to the document that a browser makes of it."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        missing(f"no browser: wanted is one of {', '.join(BROWSERS)}")

    def run(content, width=1280):
        folder = tmp_path_factory.mktemp("browser")
        (folder / "page.html").write_text(content)
        flags = ("--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},2000")
        shown = subprocess.run(
            [browser, *flags, f"--user-data-dir={folder}/profile", "--dump-dom", f"file://{folder}/page.html"],
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        return shown.stdout

    return run


@pytest.mark.parametrize("width", [1280, 500])
def test_the_page_shows_every_section_in_a_browser_and_nothing_overlaps(text, rendered, width):
    document = rendered(text.replace("</body>", f"{MEASURE}</body>"), width)
    (measured,) = re.findall(r'<pre id="measured">(.*?)</pre>', document, re.S)
    found = json.loads(measured)
    assert tuple(found["titles"]) == TITLES
    assert len(found["heights"]) == 8
    assert min(found["heights"]) > 100
    assert (found["touching"], found["wide"]) == ([], 0)
    assert found["highest"] < 150


def test_a_browser_runs_nothing_that_the_log_or_the_verdict_says(text, rendered):
    document = rendered(text)
    elements = harmless(document)
    assert "alert(2)" in elements.text
    assert elements.text.count("<script>alert(1)</script>") >= 4  # origin, verdict, command, log


def test_the_page_says_all_that_repeats_the_run(facts, text):
    said = harmless(text).text
    for name in ("Python", "PySpark", "numpy", "Java", "sparkify-churn", "--seed 42", "--budget 0.05", "numTrees=60"):
        assert name in said
    assert facts.report.log.partition("\u0007")[0] in said
    assert html(facts) == text


def test_each_learner_stands_with_each_figure_and_its_interval(facts):
    learners = next(section for section in page(facts).sections if section.title == "All learners")
    table = learners.blocks[0].table
    assert len(table.headings) == 1 + len(facts.report.results)
    assert f"{facts.report.chosen} *" in table.headings
    (row,) = (row for row in table.rows if row[0] == "average precision")
    result = facts.report.results[1]
    low, high = result.test["intervals"]["average_precision"]
    assert row[2] == f"{result.test['average_precision']:.3f} ({low:.3f} {high:.3f})"


def test_the_page_lies_beside_its_model(spark, training, tmp_path):
    registry = Registry(spark, str(tmp_path / "models"))
    registry.publish(training.model.card, training.model.classifier)
    card = replace(training.model.card)
    path = written(registry, card, training, VERDICT, Settings())
    assert path == f"{registry.root}/{card.version}/{PAGE}"
    assert sorted(entry.name for entry in (tmp_path / "models" / card.version).iterdir()) == [
        "model.json",
        "pipeline",
        "report.html",
    ]
    assert registry.load(card.version).card.version == card.version
    assert f"<title>Model {card.version}</title>" in registry.storage.read(path)


@pytest.mark.parametrize("name", ["matplotlib", "jinja2"])
def test_without_the_libraries_that_draw_the_model_stays_and_the_reason_is_said(
    spark, training, tmp_path, monkeypatch, name
):
    for module in ("batch_training.model_report.page", "batch_training.pages"):
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    registry = Registry(spark, str(tmp_path / "models"))
    registry.publish(training.model.card, training.model.classifier)
    said = written(registry, training.model.card, training, VERDICT, Settings())
    assert said.startswith(f"no {PAGE}: {name} is not installed; `pip install")
    assert registry.current_version() == training.model.card.version
