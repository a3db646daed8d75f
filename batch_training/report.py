"""What a training run found, and how it is shown."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from batch_training.logs import Counts
from batch_training.split import Split

COLUMNS = {  # heading -> the metric and its format
    "AP": ("average_precision", ".3f"),
    "AUC": ("roc_auc", ".3f"),
    "Brier": ("brier", ".4f"),
    "ECE": ("ece", ".4f"),
    "F1": ("f1", ".3f"),
    "recall": ("recall_at_budget", ".1%"),
    "lift": ("lift_at_budget", ".2f"),
}
WITH_INTERVAL = ("AP", "AUC")  # the others' stand on the model card: a line holds no more


@dataclass(frozen=True)
class Result:
    """One learner's figures: the average precision on held-out users, which chooses, and those of the later snapshots.

    The calibration snapshot sets the scale and the threshold; the test snapshot tells.
    """

    learner: str
    validation: float
    calibration: dict[str, Any]
    test: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class Report:
    """All that a training run says."""

    log: str
    counts: Counts
    users: int
    split: Split
    training_rows: int
    training_positives: int
    budget: float
    horizon_days: int
    results: tuple[Result, ...]
    chosen: str

    def metrics(self) -> dict[str, Any]:
        """For the model card: the chosen learner's test figures, and every learner's."""
        (chosen,) = (result for result in self.results if result.learner == self.chosen)
        return {
            "test": chosen.test,
            "calibration": chosen.calibration,
            "learners": [asdict(result) for result in self.results],
            "budget": self.budget,
        }

    def data(self) -> dict[str, Any]:
        """For the model card: what was learnt from, times in ISO 8601."""
        return {
            "log": self.log,
            "first_event": iso(self.counts.first_ms),
            "last_event": iso(self.counts.last_ms),
            "lines_read": self.counts.read,
            "events": self.counts.accepted,
            "without_user": self.counts.without_user,
            "rejected": self.counts.rejected,
            "users": self.users,
            "cancels": self.counts.cancels,
            "training_snapshots": [iso(moment) for moment in self.split.training_ms],
            "calibration_snapshot": iso(self.split.calibration_ms),
            "test_snapshot": iso(self.split.test_ms),
            "training_rows": self.training_rows,
            "training_positives": self.training_positives,
        }


def iso(epoch_ms: int) -> str:
    """The moment in ISO 8601, UTC."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def summary(counts: Counts) -> str:
    """Where every line of the log went; the parts add up to what was read."""
    rejected = sum(counts.rejected.values())
    line = (
        f"{counts.read:,} lines read = {counts.accepted:,} events "
        f"+ {counts.without_user:,} without a user + {rejected:,} rejected"
    )
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in counts.rejected.items())
    return f"{line} ({reasons})" if reasons else line


def table(report: Report) -> Table:
    """A row a learner, the chosen one bold; fits into 100 columns, and into 80 with intervals below."""
    shown = Table(
        title=f"Who cancels within {report.horizon_days} days",
        caption=_caption(report),
        caption_justify="left",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
        show_edge=False,
    )
    shown.add_column("learner", no_wrap=True)
    for heading in ("AP\nval.", *COLUMNS, "fit s"):
        shown.add_column(heading, justify="right", no_wrap=heading not in WITH_INTERVAL)
    for result in report.results:
        is_chosen = result.learner == report.chosen
        shown.add_row(
            f"{result.learner} *" if is_chosen else result.learner,
            _short(result.validation, ".3f"),
            *(_cell(result.test, heading) for heading in COLUMNS),
            f"{result.seconds:.1f}",
            style="bold" if is_chosen else "",
        )
    return shown


def _caption(report: Report) -> str:
    test = report.results[0].test
    return (
        "* chosen by AP val.: mean average precision on the training snapshots' held-out users, fold by fold. "
        f"All else is measured on the test snapshot, {iso(report.split.test_ms)[:10]}: {test['users']:,} live users, "
        f"{test['positives']:,} of whom cancel within {report.horizon_days} days ({test['base_rate']:.1%}). "
        "In brackets: 95% intervals, users resampled. "
        f"F1 is that of the churn class; recall and lift hold when the highest {report.budget:.1%} are alerted."
    )


def _cell(test: dict[str, Any], heading: str) -> str:
    """A figure as text, with its interval where the table has one and the figure has one."""
    name, form = COLUMNS[heading]
    figure = _short(test[name], form)
    if heading not in WITH_INTERVAL or name not in test["intervals"]:
        return figure
    low, high = (_short(end, form) for end in test["intervals"][name])
    return f"{figure} ({low} {high})"


def _short(figure: float, form: str) -> str:
    """`.132` for 0.132, as statisticians write what is below one; percentages as they are."""
    text = format(figure, form)
    return text if form.endswith("%") else text.removeprefix("0")
