"""The study: means by hand, and one small population for real."""

import json

import pytest

from sandbox.study import Plan, means, study, table


def row(learner, seed, ap, chosen=False):
    figures = {"base_rate": 0.04, "average_precision": ap, "roc_auc": 0.7}
    return {"users": 2500, "seed": seed, "learner": learner, "chosen": chosen, **figures}


def test_means_over_seeds_and_the_share_of_the_oracles_gain():
    rows = [
        row("logistic", 1, 0.10, chosen=True), row("gbt", 1, 0.08), row("oracle", 1, 0.14),
        row("logistic", 2, 0.12), row("gbt", 2, 0.10, chosen=True), row("oracle", 2, 0.16),
    ]  # fmt: skip
    found = {each["learner"]: each for each in means(rows)}
    assert list(found) == ["logistic", "gbt", "oracle", "chosen"]
    assert found["logistic"]["average_precision"] == pytest.approx(0.11)
    assert found["logistic"]["of_oracle"] == pytest.approx(0.07 / 0.11)
    assert found["chosen"]["of_oracle"] == pytest.approx(0.06 / 0.11)
    assert found["oracle"]["of_oracle"] == pytest.approx(1)
    assert table(rows).row_count == 4


def test_a_population_is_simulated_learnt_and_compared_with_the_oracle(spark, tmp_path):
    said = []
    rows = study(spark, Plan(tmp_path, [400], [1]), said.append)
    assert said == ["400 users, seed 1"]
    assert [each["learner"] for each in rows] == ["majority", "logistic", "forest", "gbt", "perceptron", "oracle"]
    assert len({each["base_rate"] for each in rows}) == 1  # all forecast for the same users
    assert sum(each["chosen"] for each in rows) == 1
    assert rows[-1]["roc_auc"] > 0.6
    assert json.loads((tmp_path / "report.json").read_text())["rows"] == rows
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
