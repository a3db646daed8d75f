"""Facts -> figures, in the pages' style: the chosen learner strong, the others thin beside it."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from batch_training.evaluation import Outcome
from batch_training.explore.plots import CANCEL, NEUTRAL, STAY, WIDTH, dates, thousands
from batch_training.model_report import figures
from batch_training.model_report.facts import Facts
from batch_training.model_report.figures import Line
from batch_training.model_report.importance import Contributions, Importance
from batch_training.pages import panels
from batch_training.report import Report
from batch_training.threshold import can_alert
from churn.state import DAY_MS

CHOSEN = STAY
OTHERS = ("#8f6bb8", "#4f9d69", "#b08a2e", NEUTRAL)  # legible on white and on black
BAR = 0.23  # inches a row


def timeline(report: Report) -> Figure:
    """What each part of the log is for: snapshots as points, their horizons as bars."""
    split = report.split
    roles = {"training": split.training_ms, "calibration": (split.calibration_ms,), "test": (split.test_ms,)}
    figure, (panel,) = panels(1, 1, WIDTH, 1.9)
    span = np.array([report.counts.first_ms, report.counts.last_ms], dtype="datetime64[ms]")
    panel.plot(span, (0, 0), color=NEUTRAL, linewidth=6, solid_capstyle="butt")
    for row, (moments_ms, colour) in enumerate(zip(roles.values(), (STAY, OTHERS[0], CANCEL), strict=True), 1):
        for number, moment_ms in enumerate(moments_ms):
            place = row + (number % 2 - 0.5) * 0.26 * (
                len(moments_ms) > 1
            )  # neighbours overlap: a step up, a step down
            ends = np.array([moment_ms, moment_ms + report.horizon_days * DAY_MS], dtype="datetime64[ms]")
            panel.plot(ends, (place, place), color=colour, linewidth=4, alpha=0.4, solid_capstyle="butt")
            panel.plot(ends[:1], (place,), "o", color=colour, markersize=5)
    panel.set_yticks(range(len(roles) + 1), ("the log", *roles))
    panel.set_ylim(len(roles) + 0.5, -0.5)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    panel.grid(axis="x")
    dates(panel)
    return figure


def ranking(facts: Facts) -> Figure:
    """ROC and precision by recall."""
    figure, (left, right) = panels(1, 2, WIDTH, 3.9)
    curves(left, facts, figures.roc)
    left.plot((0, 1), (0, 1), color=NEUTRAL, linewidth=1, linestyle="--")
    left.set(title="ROC", xlabel="of those who stay, alerted", ylabel="of those who cancel, alerted")
    for name, outcome, strong in learners(facts):
        line = figures.precision_recall(outcome)
        right.step(line.x, line.y, where="pre", **style(facts, name, strong))
    base_rate = float(facts.chosen.label.mean())
    right.axhline(base_rate, color=NEUTRAL, linewidth=1, linestyle="--")
    right.set(title=f"precision by recall (base rate {base_rate:.1%})", xlabel="recall", ylabel="precision")
    right.set_ylim(0, readable_top(figures.precision_recall(facts.chosen), base_rate))
    for panel in (left, right):
        in_percent(panel)
    left.set_ylim(0, 1.01)
    left.legend(loc="lower right")
    return figure


def readable_top(line: Line, base_rate: float) -> float:
    """The upper end of a precision axis: the first few of a ranking may be all hits, and would flatten the rest."""
    later = line.y[line.x >= 0.05]
    return float(min(1.02, max(4 * base_rate, 1.25 * later.max(initial=0.0))))


def gain(facts: Facts) -> Figure:
    """The share of the cancels found by the share alerted; the budget is marked."""
    figure, (panel,) = panels(1, 1, WIDTH, 3.4)
    curves(panel, facts, figures.gain)
    panel.plot((0, 1), (0, 1), color=NEUTRAL, linewidth=1, linestyle="--", label="anybody")
    budget = facts.report.goals.budget
    panel.axvline(budget, color=CANCEL, linewidth=1.2)
    panel.annotate(
        f"budget {budget:.1%}: recall {facts.test['recall_at_budget']:.1%}",
        (budget, 0.97),
        xytext=(6, 0),
        textcoords="offset points",
        color=CANCEL,
        va="top",
    )
    panel.set(xlabel="of the live users, alerted", ylabel="of those who cancel, found")
    in_percent(panel)
    panel.set_ylim(0, 1.01)
    panel.legend(loc="lower right")
    return figure


def reliability(facts: Facts) -> Figure:
    """What was said against what came: ten bins of equal count, with their 95% intervals."""
    figure, (panel,) = panels(1, 1, WIDTH, 3.9)
    for name, outcome, strong in learners(facts):
        bins = figures.reliability(outcome)
        panel.plot(
            [each.mean_probability for each in bins], [each.share for each in bins], **style(facts, name, strong)
        )
    bins = figures.reliability(facts.chosen)
    for each in bins:
        panel.plot((each.mean_probability,) * 2, each.interval, color=CHOSEN, linewidth=2, alpha=0.4)
        panel.plot(each.mean_probability, each.share, "o", color=CHOSEN, markersize=4.5)
    end = 1.05 * max(each.interval[1] for each in bins)
    right = 1.08 * max(figures.reliability(outcome)[-1].mean_probability for outcome in facts.outcomes.values())
    panel.plot((0, end), (0, end), color=NEUTRAL, linewidth=1, linestyle="--", label="as said")
    panel.set(xlabel="mean probability of the bin", ylabel="share who cancel", xlim=(0, right), ylim=(0, end))
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    panel.legend(loc="upper left")
    return figure


def scores(facts: Facts) -> Figure:
    """The probabilities of those who stay and of those who cancel, and the threshold."""
    spread = figures.scores(facts.chosen)
    figure, (panel,) = panels(1, 1, WIDTH, 2.8)
    for counts, colour, name in ((spread.stay, STAY, "stay"), (spread.cancel, CANCEL, "cancel")):
        shares = counts / max(counts.sum(), 1.0)
        panel.stairs(shares, spread.edges, color=colour, fill=True, alpha=0.22)
        panel.stairs(shares, spread.edges, color=colour, linewidth=1.2, label=f"{name} ({counts.sum():,.0f})")
    threshold = facts.card.threshold
    if can_alert(threshold):
        panel.axvline(threshold, color=NEUTRAL, linewidth=1.4, linestyle="--", label=f"threshold {threshold:.1%}")
    panel.set_xscale("log")
    panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _position: f"{100 * value:g}%"))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panel.set(xlabel="probability", ylabel="share of the users of a kind")
    panel.legend(loc="upper left")
    return figure


def lead_times(facts: Facts) -> Figure:
    """Cancels by day after the snapshot: of those alerted, and of everybody."""
    found, everybody = figures.lead_times(facts.chosen, facts.card.threshold, facts.report.horizon_days)
    days = np.arange(1, len(found) + 1)
    figure, (panel,) = panels(1, 1, WIDTH, 2.4)
    panel.bar(days, everybody, width=0.86, color=NEUTRAL, alpha=0.35, label="all who cancel")
    panel.bar(days, found, width=0.86, color=CANCEL, label="alerted among them")
    panel.set_xticks(days)
    panel.set(xlabel="day after the snapshot", ylabel="cancels")
    panel.set_ylim(0, 1.3 * max(everybody.max(), 1.0))
    thousands(panel)
    panel.legend(loc="upper right", ncols=2)
    return figure


def importance(found: Importance) -> Figure:
    """A feature a row: the mean drop in average precision as a bar, each shuffle as a point."""
    figure, (panel,) = panels(1, 1, WIDTH, 0.7 + BAR * len(found.drops))
    rows = np.arange(len(found.drops))
    panel.barh(rows, [drop.mean for drop in found.drops], height=0.7, color=STAY, alpha=0.75)
    for row, drop in enumerate(found.drops):
        panel.plot(drop.values, np.full(len(drop.values), row), "|", color=CANCEL, markersize=7)
    panel.axvline(0, color=NEUTRAL, linewidth=0.8)
    panel.set_xlabel(f"drop in average precision, from {found.average_precision:.3f}")
    named(panel, [drop.name for drop in found.drops])
    return figure


def contributions(found: Contributions) -> Figure:
    """An input or a feature a row: its weight, or its mean effect."""
    shown = [(name, value) for name, value in found.by_name if value]
    figure, (panel,) = panels(1, 1, WIDTH, 0.7 + BAR * max(len(shown), 1))
    colours = [CANCEL if found.is_linear and value > 0 else STAY for _, value in shown]
    drawn = panel.barh(range(len(shown)), [value for _, value in shown], height=0.7, color=colours)
    form = "{:+.3f}" if found.is_linear else "{:.2%}"
    panel.bar_label(drawn, [form.format(value) for _, value in shown], padding=3, fontsize=8)
    panel.axvline(0, color=NEUTRAL, linewidth=0.8)
    panel.margins(x=0.1)
    if found.is_linear:
        panel.set_xlabel("change of the log odds for one standard deviation more")
    else:
        panel.set_xlabel("mean absolute change of the probability")
        panel.xaxis.set_major_formatter(PercentFormatter(1.0))
    named(panel, [name for name, _ in shown])
    return figure


def named(panel: Axes, names: list[str]) -> None:
    """A name a row, the first on top."""
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)
    panel.grid(axis="x")
    panel.set_axisbelow(True)


def curves(panel: Axes, facts: Facts, curve: Callable[[Outcome], Line]) -> None:
    """The curve of each learner."""
    for name, outcome, strong in learners(facts):
        line = curve(outcome)
        panel.plot(line.x, line.y, **style(facts, name, strong))


def learners(facts: Facts) -> Iterator[tuple[str, Outcome, bool]]:
    """Name, outcome and whether it is the chosen one, which comes last, on top."""
    chosen = facts.report.chosen
    for name in sorted(facts.outcomes, key=lambda each: each == chosen):
        yield name, facts.outcomes[name], name == chosen


def style(facts: Facts, name: str, strong: bool) -> dict[str, Any]:
    """How a learner's line looks, the same in every figure."""
    if strong:
        return {"label": name, "color": CHOSEN, "linewidth": 2.2}
    others = [each for each in facts.outcomes if each != facts.report.chosen]
    return {"label": name, "color": OTHERS[others.index(name) % len(OTHERS)], "linewidth": 0.9}


def in_percent(panel: Axes) -> None:
    """Both axes in percent, the lower one from 0 to 100."""
    panel.set_xlim(-0.005, 1.005)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
