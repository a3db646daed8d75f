"""A group that is left out says nothing, and what it brought is measured on the same users."""

from dataclasses import replace

import pytest
from rich.console import Console

from batch_training.ablation import ablation, table, with_ablation
from batch_training.groups import CLASSES, GROUPS, UNHELPFUL, WIDE_DEVIATION, without
from batch_training.settings import Settings
from churn.features import NAMES
from churn.model import INPUTS, with_inputs


@pytest.fixture(scope="module")
def rows(training):
    """The logistic regression with everything, and without two sets of groups."""
    return ablation(training, Settings(), left_out=((CLASSES,), UNHELPFUL))


def test_every_feature_is_in_one_group():
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(NAMES)


def test_an_input_that_is_left_out_is_the_same_for_all_users(training):
    card = without(training.model.card, ("metro", CLASSES))
    resting = [*(NAMES.index(name) for name in GROUPS["metro"]), *range(len(NAMES), len(card.mean))]
    users = [row[INPUTS] for row in with_inputs(training.test, card).select(INPUTS).collect()]
    assert {abs(inputs[position]) < 1e-9 for inputs in users for position in resting} == {True}
    varying = [position for position in range(len(card.mean)) if len({inputs[position] for inputs in users}) > 1]
    assert not set(varying) & set(resting)
    assert NAMES.index("songs") in varying


def test_the_first_row_has_all_features_and_the_others_are_held_against_it(rows, training):
    assert [row["without"] for row in rows] == [[], [CLASSES], list(UNHELPFUL)]
    whole, *lacking = rows
    assert whole["held_out_positives"] == training.report.training_positives
    for on in ("held_out", "test"):
        assert whole[f"{on}_difference"] == 0
        for row in lacking:
            found = row[f"{on}_average_precision"] - whole[f"{on}_average_precision"]
            assert row[f"{on}_difference"] == pytest.approx(found)
            low, high = row[f"{on}_difference_95"]
            assert low <= high


def test_the_rows_are_on_the_card_and_in_a_table(rows, training):
    assert with_ablation(training, rows).model.card.metrics["ablation"] == rows
    console = Console(width=160, record=True)
    console.print(table(rows))
    said = console.export_text()
    assert "calendar and metro" in said
    assert f"held-out users: {rows[0]['held_out_positives']} cancels" in said


def test_on_a_narrow_screen_no_figure_is_cut():
    figures = {"positives": 367, "average_precision": 0.189, "roc_auc": 0.717, "difference": -0.0281}
    ends = {f"{on}_difference_95": [-0.0542, -0.0061] for on in ("held_out", "test")}
    named = {f"{on}_{name}": value for on in ("held_out", "test") for name, value in figures.items()}
    rows = [{"learner": "perceptron", "without": groups, **named, **ends} for groups in ([], list(UNHELPFUL))]
    console = Console(width=80, record=True)
    console.print(table(rows))
    said = console.export_text()
    assert "…" not in said
    assert said.count("(-.054 -.006)") == 2
    assert said.count("-.028") == 2


@pytest.mark.parametrize(("group", "resting"), [("level", "×paid"), ("activity", "×activity")])
def test_what_is_left_out_does_not_come_back_by_the_classes(training, group, resting):
    card = training.model.card
    k = card.classes.size
    block = {"×paid": slice(-2 * k, -k), "×activity": slice(-k, None)}[resting]
    widths = without(replace(card, deviation=[1.0] * len(card.deviation)), (group,)).deviation
    assert set(widths[block]) == {WIDE_DEVIATION}
    assert sum(width == WIDE_DEVIATION for width in widths) == k + len(GROUPS[group])
