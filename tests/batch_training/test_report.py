"""The table of a training run: what it shows, and that it fits."""

import pytest
from rich.console import Console

from batch_training.logs import Counts
from batch_training.report import Report, Result, table
from batch_training.split import Split
from batch_training.threshold import Goals

DAY_MS = 24 * 3600 * 1000
TEST = {
    "users": 4_000,
    "positives": 164,
    "base_rate": 0.041,
    "average_precision": 0.132,
    "roc_auc": 0.7346,
    "brier": 0.0384,
    "ece": 0.0061,
    "f1": 0.144,
    "recall_at_budget": 0.123,
    "lift_at_budget": 2.46,
    "intervals": {"average_precision": [0.1182, 0.1493], "roc_auc": [0.7, 0.7654]},
}


@pytest.fixture
def shown():
    """A function from a width to the lines of a table with two learners."""
    results = tuple(Result(name, 0.1213, {}, TEST, 101.5) for name in ("majority", "perceptron"))
    counts = Counts(read=1, accepted=1, without_user=0, first_ms=0, last_ms=1, cancels=1, rejected={})
    split = Split((10 * DAY_MS,), 20 * DAY_MS, 30 * DAY_MS)
    report = Report("log", counts, 4_000, split, 9_000, 300, Goals(), 10, results, "perceptron")

    def lines(width):
        console = Console(width=width)
        with console.capture() as captured:
            console.print(table(report))
        return captured.get().splitlines()

    return lines


def test_a_row_shows_figures_with_their_intervals_in_a_hundred_columns(shown):
    (row,) = (line for line in shown(100) if line.strip().startswith("perceptron"))
    assert row.split() == [
        "perceptron", "*", ".121", ".132", "(.118", ".149)", ".735", "(.700", ".765)", ".0384", ".0061", ".144",
        "12.3%", "2.46", "101.5",
    ]  # fmt: skip


def test_on_a_narrow_screen_intervals_go_below_and_nothing_is_cut(shown):
    text = "\n".join(shown(80))
    assert all(part in text for part in (" .132 ", " (.118 ", " .149) ", " .765) ", " .0061 ", " 101.5"))
    assert "…" not in text


def test_an_interval_up_to_one_fits_too(shown, monkeypatch):
    monkeypatch.setitem(TEST["intervals"], "roc_auc", [0.7, 1.0])
    assert any(".735 (.700 1.000)" in line for line in shown(100))


def test_a_figure_without_an_interval_stands_alone(shown, monkeypatch):
    monkeypatch.setitem(TEST, "intervals", {})
    assert not any("(." in line for line in shown(100) if "perceptron" in line)
