"""The study: its arithmetic by hand, and each part on small populations for real."""

import json
from functools import partial
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from batch_training.settings import Settings
from churn.errors import BadSetup
from churn.state import DAY_MS, by_day, state_columns
from sandbox.study import cost, engines, forecast, job, sql
from sandbox.study.forecast_tables import means, table
from sandbox.study.measures import MIB, Stopwatch, forget_peaks, peaks
from sandbox.study.run import Plan, Run
from tests.batch_training.conftest import ALL_LEARNERS
from tests.builders import START_MS

COLUMNS = (
    "user_id STRING, page_code INT, ts_ms LONG, is_paid BOOLEAN, registered_ms LONG, metro_code INT, "
    "is_night BOOLEAN, is_weekend BOOLEAN, is_holiday BOOLEAN"
)
ENDS = {"average_precision": [0.05, 0.2], "roc_auc": [0.6, 0.8]}


def row(learner, seed, ap, chosen=False, **fields):
    figures = {"base_rate": 0.04, "average_precision": ap, "roc_auc": 0.7, "brier": 0.03, "ece": 0.01, "lead_days": 5.0}
    cost_of_it = {"rows": 10, "train_seconds": 60.0, "driver_mib": None, "heap_mib": 900.0, "fit_seconds": 1.0}
    of = {"users": 2500, "seed": seed, "learner": learner, "chosen": chosen, "brier_of_base_rate": 0.0384}
    return {**of, **figures, **cost_of_it, "intervals": ENDS, **fields}


def refused(seed):
    return {"users": 225, "seed": seed, "code": "c", "refused": "users who cancel: test 0 of 200; give a longer log"}


@pytest.fixture
def said():
    return []


@pytest.fixture
def run(spark, tmp_path, said):
    """A function that gives a run over small populations in the test's folder."""

    def given(**fields):
        return Run(
            spark, Plan(**{"folder": tmp_path, "sizes": [400], "seeds": [1], "cost_sizes": [400]} | fields), said.append
        )

    return given


def shown(renderable, width=200):
    """What a person sees of it."""
    console = Console(width=width)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def report_of(folder):
    return json.loads((folder / "report.json").read_text())


def test_means_over_seeds_and_the_share_of_the_oracles_gain():
    rows = [
        row("logistic", 1, 0.10, chosen=True), row("gbt", 1, 0.08), row("oracle", 1, 0.14),
        row("logistic", 2, 0.12), row("gbt", 2, 0.10, chosen=True), row("oracle", 2, 0.16),
    ]  # fmt: skip
    found = {each["learner"]: each for each in means(rows)}
    assert list(found) == ["logistic", "gbt", "oracle", "chosen"]
    assert found["logistic"]["average_precision"] == pytest.approx(0.11)
    assert found["logistic"]["ends"]["average_precision"] == [0.10, 0.12]  # of the seeds
    assert found["logistic"]["of_oracle"] == pytest.approx(0.07 / 0.11)
    assert found["chosen"]["of_oracle"] == pytest.approx(0.06 / 0.11)
    assert found["oracle"]["of_oracle"] == pytest.approx(1)
    assert found["oracle"]["seeds"] == 2


def test_a_single_seed_has_the_interval_of_its_resampled_users():
    rows = [row("logistic", 1, 0.10, chosen=True), row("oracle", 1, 0.14)]
    assert means(rows)[0]["ends"] == ENDS
    assert ".100 (.050 .200)" in shown(table(rows))
    assert "…" not in shown(table(rows), width=80)


def test_a_lead_that_no_seed_has_stays_none_and_others_are_means_of_those_that_have_one():
    rows = [row("logistic", 1, 0.1, lead_days=None), row("logistic", 2, 0.1, lead_days=4.0)]
    ceiling = [row("oracle", seed, 0.2, chosen=True, lead_days=None) for seed in (1, 2)]
    found = {each["learner"]: each["lead_days"] for each in means(rows + ceiling)}
    assert found == {"logistic": 4.0, "oracle": None, "chosen": None}


def test_a_population_that_is_too_small_is_told_and_enters_no_mean():
    rows = [refused(1), row("logistic", 1, 0.1, chosen=True), row("oracle", 1, 0.2)]
    assert {each["users"] for each in means(rows)} == {2500}
    assert "225 users, seed 1: too small. users who cancel: test 0 of 200" in shown(table(rows))
    assert "too small" in shown(table([refused(1), refused(2)]))


def test_a_stopwatch_sums_the_seconds_by_phase():
    watch = Stopwatch(iter([0.0, 2.0, 2.0, 5.0, 5.0, 9.0, 9.0, 10.0]).__next__)
    for phase in ("reading the log", "taking 5 snapshots of 9 users", "training logistic", "training gbt"):
        watch(phase)
    watch.stop()
    assert watch.seconds == {"reading": 2.0, "snapshots": 3.0, "learners": 5.0}
    assert watch.total == 10.0


def test_peaks_see_what_the_driver_held_for_a_while(spark):
    forget_peaks(spark)
    before = peaks(spark)
    held = bytearray(b"x" * 400 * MIB)
    del held
    after = peaks(spark)
    assert after["driver_mib"] - before["driver_mib"] > 300
    forget_peaks(spark)
    assert peaks(spark)["driver_mib"] < after["driver_mib"] - 300
    assert 0 < after["heap_mib"] < 3 * 1024


def test_a_population_is_simulated_learnt_and_compared_with_the_oracle(run, said, tmp_path):
    rows = forecast.rows(run())
    assert said == ["400 users, seed 1"]
    assert [each["learner"] for each in rows] == ["majority", *ALL_LEARNERS, "oracle"]
    assert len({each["base_rate"] for each in rows}) == 1  # all forecast for the same users
    assert sum(each["chosen"] for each in rows) == 1
    for each in rows[1:]:
        low, high = each["intervals"]["average_precision"]
        assert low <= each["average_precision"] <= high
        assert each["brier_of_base_rate"] == pytest.approx(each["base_rate"] * (1 - each["base_rate"]))
        assert 0 < each["brier"] < 0.2
        assert 0 < each["ece"] < 0.2
        assert each["rows"] > 200_000
        assert each["train_seconds"] > 0
    assert rows[-1]["roc_auc"] > 0.6
    assert report_of(tmp_path)["forecast"] == {"rows": rows, "means": means(rows)}
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_population_of_too_few_cancels_is_a_row_and_is_not_tried_again(run, said, tmp_path):
    (only,) = forecast.rows(run(sizes=[3]))
    assert only["users"] == 3
    assert str(tmp_path) not in only["refused"]
    assert forecast.rows(run(sizes=[3])) == [only]
    assert said == ["3 users, seed 1"]


def test_what_the_report_holds_of_the_same_code_is_taken_and_the_rest_measured(run, said, tmp_path):
    code = forecast.code_version()
    here, elsewhere, stale = ({**row("oracle", 7, 0.1, True), "users": users, "code": code} for users in (5, 6, 3))
    stale["seed"], stale["code"] = 1, "older"
    run().keep("forecast", rows=[here, elsewhere, stale])
    found = forecast.rows(run(sizes=[5], seeds=[7]))
    assert (found, said) == ([here], [])
    (measured,) = forecast.rows(run(sizes=[3]))
    assert "refused" in measured
    assert said == ["3 users, seed 1"]
    assert report_of(tmp_path)["forecast"]["rows"] == [here, elsewhere, measured]


def test_another_heap_is_another_version(monkeypatch):
    before = forecast.code_version()
    assert forecast.code_version() == before
    monkeypatch.setenv("SPARKIFY_DRIVER_MEMORY", "7g")
    assert forecast.code_version() != before


def test_a_part_leaves_the_others_in_the_report(run, tmp_path):
    run().keep("cost", rows=[{"rows": 1}])
    run().keep("duckdb", rows=[{"step": "daily"}])
    assert report_of(tmp_path) == {"cost": {"rows": [{"rows": 1}]}, "duckdb": {"rows": [{"step": "daily"}]}}


def test_a_report_that_is_none_is_refused(run, tmp_path):
    (tmp_path / "report.json").write_text("{")
    with pytest.raises(BadSetup, match=r"report\.json is no report of a study .*; delete it"):
        run().kept()


def test_moments_are_midnights_with_history_before_and_a_horizon_after():
    first_ms, last_ms = START_MS + 1000, START_MS + 61 * DAY_MS - 1000
    found = cost.moments(first_ms, last_ms, 12)
    assert len(set(found)) == 12
    assert (found[0], found[-1]) == (START_MS + 8 * DAY_MS, START_MS + 50 * DAY_MS)
    assert not any(moment % DAY_MS for moment in found)


def test_ratios_are_to_the_first_row():
    assert [each["s_ratio"] for each in cost.with_ratio([{"s": 2.0}, {"s": 3.0}], "s")] == [1.0, 1.5]


def test_the_cost_of_training_is_told_by_length_and_by_snapshots(run, tmp_path, monkeypatch):
    monkeypatch.setattr(cost, "ROUNDS", 1)
    monkeypatch.setattr(cost, "Settings", partial(Settings, learners=("logistic",)))  # all take minutes
    rows = cost.rows(run())
    (by_length,) = (each for each in rows if each["kind"] == "length")
    phases = sum(by_length[f"{phase}_seconds"] for phase in ("reading", "snapshots", "classes", "learners"))
    assert by_length["seconds"] == pytest.approx(phases)
    assert by_length["seconds_per_million_rows"] == pytest.approx(phases / by_length["rows"] * 1e6)
    assert by_length["heap_mib"] > 50
    taken = [each for each in rows if each["kind"] == "snapshots"]
    assert [each["snapshots"] for each in taken] == [2, 6, 12]
    assert taken[0]["snapshot_rows"] * 3 < taken[2]["snapshot_rows"] < taken[0]["snapshot_rows"] * 9
    assert report_of(tmp_path)["cost"]["rows"] == rows
    assert "Training against the log's length" in shown(cost.table(rows))
    assert "…" not in shown(cost.table(rows), width=80)
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_engines_are_compared_on_the_middle_log_and_on_the_full_set(tmp_path):
    assert Plan(tmp_path).compared_sizes == [2_600, 22_277]
    assert Plan(tmp_path, sizes=[400], cost_sizes=[400]).compared_sizes == [400]


def test_duckdb_and_spark_compute_the_same_state(run, tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "ROUNDS", 1)
    rows = engines.rows(run())
    assert [each["step"] for each in rows] == ["daily", "states", "both"]
    for each in rows:
        assert each["difference"] <= 1e-9
        assert each["spark_by_duckdb"] == pytest.approx(each["spark_seconds"] / each["duckdb_seconds"])
    assert report_of(tmp_path)["duckdb"]["rows"] == rows
    assert "yes" in shown(engines.table(rows))
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("(1, 5, 2.0), (2, 6, NULL)", 0.0),
        ("(1, 5, 2.5), (2, 6, NULL)", 0.25),
        ("(1, 4, 2.0), (2, 6, NULL)", float("inf")),  # a whole number may not differ at all
        ("(1, 5, 2.0), (2, 6, 0.0)", float("inf")),  # nothing is not 0
        ("(1, 5, 2.0)", float("inf")),
        ("(1, 5, 2.0), (2, 6, NULL), (3, 1, 1.0)", float("inf")),
    ],
)
def test_results_that_differ_are_seen(other, expected):
    relation = "(SELECT k, n::BIGINT AS n, s::DOUBLE AS s FROM (VALUES {}) AS v(k, n, s))"
    one = relation.format("(1, 5, 2.0), (2, 6, NULL)")
    query = sql.of_difference(one, relation.format(other), ("k",), {"n": "BIGINT", "s": "DOUBLE"})
    assert duckdb.connect().execute(query).fetchone()[0] == pytest.approx(expected)


def test_the_sql_has_each_aggregate_of_the_state(spark):
    events = spark.createDataFrame([], COLUMNS)
    for query in (sql.of_daily(events, "events"), sql.of_states(by_day(events), [START_MS], "partials")):
        for name in state_columns():
            assert f"AS {name}" in query
    with pytest.raises(ValueError, match="only selects and aggregates"):
        sql.of_daily(events.distinct().where("page_code > 0"), "events")


def test_the_study_runs_the_parts_that_were_named(run, monkeypatch):
    class Fake:
        """A part that measures its name."""

        def __init__(self, name):
            self.name = name

        def rows(self, _run):
            return [{"name": self.name}]

        def table(self, rows):
            return rows[0]["name"]

    monkeypatch.setattr(job, "PARTS", {name: Fake(name) for name in ("first", "second", "third")})
    assert list(job.measured(run(), ["third", "first"])) == ["third", "first"]
    assert Path(run().report).parent == run().plan.folder
