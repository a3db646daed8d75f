"""Model cards as tables: a registry's models, and two of them side by side."""

from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from batch_training.threshold import alerts_from
from churn.model import ModelCard

NOTHING = "–"
DATE = len("2018-10-01")
NOT_FIGURES = ("users", "positives", "intervals")  # the first two are shown with what a model was measured on
ECE = ("ece", "expected_calibration_error")


@dataclass(frozen=True)
class Row:
    """A version in the registry: its card, or the complaint about it."""

    version: str
    card: ModelCard | None
    complaint: str = ""


def registry_table(rows: list[Row], current: str, shadow: str) -> Table:
    """A row a version, which ends with its learner; the calibration error only where a card has one. 80 columns."""
    with_error = any(row.card and calibration_error(row.card) is not None for row in rows)
    shown = Table(
        caption="* current, s shadow; each model's figures are those on its own test snapshot",
        caption_justify="left",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
        show_edge=False,
    )
    shown.add_column("")
    shown.add_column("version", overflow="fold")
    shown.add_column("log until", no_wrap=True)
    for heading in ("AP", "AUC", *(["ECE"] if with_error else []), "alerts at"):
        shown.add_column(heading, justify="right", no_wrap=True)
    marks = {shadow: "s", current: "*"}
    for row in rows:
        cells = figures(row.card, with_error) if row.card else ["broken"]
        mark = marks.get(row.version, "")
        shown.add_row(mark, row.version, *cells, style="bold" if mark == "*" else "")
    return shown


def figures(card: ModelCard, with_error: bool) -> list[str]:
    """A card's cells in the registry's table."""
    test = test_metrics(card)
    error = [shown_figure(calibration_error(card))] if with_error else []
    ranks = [shown_figure(test.get(name)) for name in ("average_precision", "roc_auc")]
    return [str(card.data.get("last_event", NOTHING))[:DATE], *ranks, *error, alerts_from(card.threshold, ".3f")]


def comparison_table(first: ModelCard, second: ModelCard) -> Table:
    """A row a figure that one of the cards has, a column a model."""
    shown = Table(box=SIMPLE_HEAD)
    shown.add_column("")
    for card in (first, second):
        shown.add_column(card.version, justify="right", overflow="fold")
    origins = origin(first), origin(second)
    for name in origins[0]:
        shown.add_row(name, *(str(each[name]) for each in origins))
    shown.add_section()
    metrics = test_metrics(first), test_metrics(second)
    for name in (name for name in {**metrics[0], **metrics[1]} if name not in NOT_FIGURES):
        shown.add_row(name.replace("_", " "), *(shown_figure(each.get(name)) for each in metrics))
    return shown


def origin(card: ModelCard) -> dict[str, object]:
    """What a model is and comes from, in words."""
    return {
        "learner": card.learner,
        "trained on": " to ".join(str(card.data.get(name, NOTHING))[:DATE] for name in ("first_event", "last_event")),
        "alerts at": alerts_from(card.threshold, ".3f"),
        "code": card.code_version or NOTHING,
        **measured_on(card),
    }


def measured_on(card: ModelCard) -> dict[str, object]:
    """What must agree for two models' figures to be comparable."""
    return {
        "log": card.data.get("log", NOTHING),
        "test snapshot": card.data.get("test_snapshot", NOTHING),
        "live users": test_metrics(card).get("users", NOTHING),
        "who cancel": test_metrics(card).get("positives", NOTHING),
        "horizon in days": card.horizon_days,
    }


def caution(first: ModelCard, second: ModelCard) -> str:
    """Whether both were measured on the same test snapshot of the same log, or else where they differ."""
    pairs = {name: (value, measured_on(second)[name]) for name, value in measured_on(first).items()}
    unknown = [name for name, pair in pairs.items() if NOTHING in pair]
    if unknown:
        return f"caution: a card does not say what it was measured on ({', '.join(unknown)})"
    differ = [f"{name} {one} and {other}" for name, (one, other) in pairs.items() if one != other]
    if differ:
        return f"caution: not measured on the same users, so that the figures do not compare: {'; '.join(differ)}"
    return "both were measured on the same test snapshot of the same log"


def calibration_error(card: ModelCard) -> Any:
    """The expected calibration error, under whichever name the card has it; None when it has none."""
    test = test_metrics(card)
    return next((test[name] for name in ECE if name in test), None)


def test_metrics(card: ModelCard) -> dict[str, Any]:
    """The figures on the test snapshot; none on a card that was written by hand."""
    found = card.metrics.get("test")
    return found if isinstance(found, dict) else {}


def shown_figure(value: object) -> str:
    """A number, or several, as a table shows it."""
    if isinstance(value, list | tuple):
        return " to ".join(shown_figure(each) for each in value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" if isinstance(value, float) else NOTHING
