"""What a training run found, and how it is shown."""

import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from batch_training.logs import Counts
from batch_training.span import APART_DAYS, STRAY_SHARE
from batch_training.split import Split
from batch_training.threshold import Goals, Rule, alerts_from

FORMATS = {  # metric -> how it is written
    "average_precision": ".3f",
    "roc_auc": ".3f",
    "brier": ".4f",
    "ece": ".4f",
    "f1": ".3f",
    "weighted_f1": ".3f",
    "weighted_f1_of_majority": ".3f",
    "recall_at_budget": ".1%",
    "lift_at_budget": ".2f",
    "lead_days": ".1f",
    "alerted_share": ".1%",
}
BELOW_ONE = re.compile(r"^([+-]?)0\.")
COLUMNS = {  # heading -> metric
    "AP": "average_precision",
    "AUC": "roc_auc",
    "Brier": "brier",
    "ECE": "ece",
    "F1": "f1",
    "recall": "recall_at_budget",
    "lift": "lift_at_budget",
}
WITH_INTERVAL = ("AP", "AUC")  # the others' stand on the model card: a line holds no more


@dataclass(frozen=True)
class Result:
    """One learner's figures: the average precision on held-out users, which chooses, and those of the later snapshots.

    The calibration snapshot sets the scale and the threshold; the test snapshot tells. `parameters` are those that
    the grid, of which each point was `tried`, put in the place of the learner's own. `thresholds`: a row a rule.
    """

    learner: str
    validation: float
    calibration: dict[str, Any]
    test: dict[str, Any]
    seconds: float
    parameters: dict[str, Any] = field(default_factory=dict)
    tried: tuple[dict[str, Any], ...] = ()
    thresholds: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Report:
    """All that a training run says."""

    log: str
    counts: Counts
    users: int
    split: Split
    training_rows: int
    training_positives: int
    goals: Goals
    horizon_days: int
    results: tuple[Result, ...]
    chosen: str

    @property
    def best(self) -> Result:
        """The chosen learner's figures."""
        (chosen,) = (result for result in self.results if result.learner == self.chosen)
        return chosen

    def metrics(self) -> dict[str, Any]:
        """For the model card: the chosen learner's test figures, and every learner's."""
        return {
            "test": self.best.test,
            "calibration": self.best.calibration,
            "learners": [asdict(result) for result in self.results],
            "goals": asdict(self.goals),
        }

    def data(self) -> dict[str, Any]:
        """For the model card: what was learnt from, times in ISO 8601."""
        return {
            "log": self.log,
            "first_event": iso(self.counts.first_ms),
            "last_event": iso(self.counts.last_ms),
            "stray_days": [date(day) for day in self.counts.stray_days_ms],
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


def date(epoch_ms: int) -> str:
    """The day (UTC) in ISO 8601."""
    return iso(epoch_ms)[:10]


def summary(counts: Counts) -> str:
    """Where every line of the log went; the parts add up to what was read."""
    rejected = sum(counts.rejected.values())
    line = (
        f"{counts.read:,} lines read = {counts.accepted:,} events "
        f"+ {counts.without_user:,} without a user + {rejected:,} rejected"
    )
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in counts.rejected.items())
    line = f"{line} ({reasons})" if reasons else line
    return f"{line}; {stray(counts)}" if counts.stray_days_ms else line


def stray(counts: Counts) -> str:
    """Which days the span leaves out, and why."""
    days = [date(day) for day in counts.stray_days_ms]
    which = days[0] if len(days) == 1 else f"{len(days):,} days from {days[0]} to {days[-1]}"
    return (
        f"the log's span, {date(counts.first_ms)} to {date(counts.last_ms)}, leaves out {which}: "
        f"more than {APART_DAYS} days from the rest, and less than {STRAY_SHARE:.0%} of the events"
    )


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
            short(result.validation, ".3f"),
            *(_cell(result.test, heading) for heading in COLUMNS),
            f"{result.seconds:.1f}",
            style="bold" if is_chosen else "",
        )
    return shown


def threshold_table(report: Report) -> Table:
    """A row a rule for the chosen learner's threshold, that in force bold: what each does on the test snapshot."""
    goals = report.goals
    shown = Table(title=f"Where {report.chosen} alerts", box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    shown.add_column("rule: aim on earlier users")
    for heading in ("alert\nfrom", "alerted", "who\ncancel", "recall", "profit a\nlive user"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in report.best.thresholds:
        rule, test = Rule(row["rule"]), row["test"]
        is_in_force = rule is goals.rule
        shown.add_row(
            f"{rule}: {goals.aim(rule)}{' *' if is_in_force else ''}",
            without_zero(alerts_from(row["threshold"], ".3f")),
            f"{test['alerted_share']:.1%}",
            "none" if test["precision"] is None else f"{test['precision']:.1%}",
            f"{test['recall']:.1%}",
            f"{test['profit_per_user']:+.3f}",
            style="bold" if is_in_force else "",
        )
    return shown


def _caption(report: Report) -> str:
    test = report.results[0].test
    return (
        "* chosen by AP val.: mean average precision on the training snapshots' held-out users, fold by fold. "
        f"All else is measured on the test snapshot, {iso(report.split.test_ms)[:10]}: {test['users']:,} live users, "
        f"{test['positives']:,} of whom cancel within {report.horizon_days} days ({test['base_rate']:.1%}). "
        "In brackets: 95% intervals, users resampled. "
        f"F1 is that of the churn class; recall and lift hold when the highest {report.goals.budget:.1%} are alerted."
    )


def _cell(test: dict[str, Any], heading: str) -> str:
    """A figure as text, with its interval where the table has one and the figure has one."""
    name = COLUMNS[heading]
    form = FORMATS[name]
    figure = short(test[name], form)
    if heading not in WITH_INTERVAL or name not in test["intervals"]:
        return figure
    low, high = (short(end, form) for end in test["intervals"][name])
    return f"{figure} ({low} {high})"


def short(figure: float, form: str) -> str:
    """`.132` for 0.132 and `-.132`, as statisticians write what is below one; percentages as they are."""
    text = format(figure, form)
    return text if form.endswith("%") else without_zero(text)


def without_zero(text: str) -> str:
    """A number's text without the zero before its point."""
    return BELOW_ONE.sub(r"\1.", text)
