"""The spread of the usual protocol's figures over simulated sets."""

import pytest

from sandbox.study.capstone import FIGURES, Sets, distribution, of_sets, table
from tests.batch_training.conftest import ALL_LEARNERS


def row(seed, learner, f1):
    rest = {"weighted_f1": 0.7, "weighted_f1_of_majority": 0.68, "roc_auc": 0.6, "average_precision": 0.3}
    return {"seed": seed, "test_users": 45, "test_cancels": 10, "learner": learner, "f1": f1, **rest}


def test_the_distribution_has_the_ends_and_quartiles_of_each_learner_and_figure():
    rows = [row(seed, name, f1 + shift) for name, shift in (("a", 0), ("b", 0.1)) for seed, f1 in enumerate(
        [0.5, 0.1, 0.3, 0.2, 0.4]
    )]  # fmt: skip
    found = distribution(rows)
    assert [(each["learner"], each["figure"]) for each in found] == [(name, f) for name in "ab" for f in FIGURES]
    assert found[0] == {
        "learner": "a",
        "figure": "f1",
        "sets": 5,
        "min": pytest.approx(0.1),
        "lower quartile": pytest.approx(0.2),
        "median": pytest.approx(0.3),
        "upper quartile": pytest.approx(0.4),
        "max": pytest.approx(0.5),
    }
    assert found[len(FIGURES)]["min"] == pytest.approx(0.2)
    assert table(rows).title == "The usual protocol on 5 sets of simulated users"
    assert table(rows).row_count == 2 * len(FIGURES)


def test_as_many_sets_as_seeds_are_simulated_measured_and_deleted(spark, tmp_path):
    said = []
    rows = of_sets(spark, Sets(tmp_path, (1, 2), users=100), said.append)
    assert said == ["usual protocol, 100 users, seed 1", "usual protocol, 100 users, seed 2"]
    assert [each["learner"] for each in rows] == 2 * ["majority", *ALL_LEARNERS]
    assert {each["sets"] for each in distribution(rows)} == {2}
    first, second = (next(each for each in rows if each["seed"] == seed) for seed in (1, 2))
    assert first["test_cancels"] > 0
    assert first != {**second, "seed": 1}
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_gives_the_same_figures(spark, tmp_path):
    once, again = (of_sets(spark, Sets(tmp_path, (3,), users=100)) for _ in range(2))
    assert once == again


def test_unless_told_otherwise_there_are_twenty_sets_of_the_small_public_sets_size(tmp_path):
    sets = Sets(tmp_path)
    assert (len(set(sets.seeds)), sets.users) == (20, 225)
