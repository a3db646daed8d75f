"""What the page says of the forecast: what it is, what it stands on, and how good it is."""

from typing import Any

from batch_training.model_report import figures, plots
from batch_training.model_report.facts import Facts
from batch_training.pages import Block, Section, Table, picture
from batch_training.report import FORMATS, iso, summary
from churn.state import DAY_MS

FIGURES = {  # in the table's order: heading -> metric
    "average precision": "average_precision",
    "ROC AUC": "roc_auc",
    "Brier score": "brier",
    "calibration error (ECE)": "ece",
    "F1 of churn": "f1",
    "weighted F1": "weighted_f1",
    "weighted F1 of the majority": "weighted_f1_of_majority",
    "recall at the budget": "recall_at_budget",
    "lift at the budget": "lift_at_budget",
    "lead time, days": "lead_days",
    "share alerted": "alerted_share",
}


def forecast(facts: Facts) -> Section:
    """The terms, the split and the log's account."""
    report, test = facts.report, facts.test
    terms = (
        ("churn", "a row of page Cancellation Confirmation; a visit to Cancel or Downgrade is none, nor is silence"),
        ("snapshot", "a midnight (UTC) as of which every live user is described by what came before it, nothing else"),
        ("horizon", f"the label is 1 when the cancel falls within {report.horizon_days} days after the snapshot"),
        ("alive", "seen in the 28 to 56 days before the snapshot, and not cancelled: who can still leave"),
        (
            "base rate",
            f"the share of the live users who cancel within the horizon: {test['base_rate']:.1%} at the test",
        ),
    )
    words = (
        f"The chance that a live user cancels within {report.horizon_days} days. A user is a row at a snapshot.",
        "The terms are those of docs/metrics.md, which also has the formula of each figure.",
    )
    return Section(
        "What is forecast",
        (Block(words, table=Table(("term", "meaning"), terms, texts=2)), split(facts), account(facts)),
    )


def split(facts: Facts) -> Block:
    """What each part of the log is for."""
    report, test = facts.report, facts.test
    words = (
        f"{len(report.split.training_ms)} training snapshots ({report.training_rows:,} rows, "
        f"{report.training_positives:,} of which cancel) teach and, on held-out users, choose the learner. The "
        f"calibration snapshot sets scale and threshold. The test snapshot, {iso(report.split.test_ms)[:10]}, picks "
        f"nothing: {test['users']:,} live users, {test['positives']:,} of whom cancel.",
        "Points are snapshots, bars their horizons. No horizon reaches into the next role's, or past the log's end.",
    )
    drawn = picture("split", "What each part of the log is for", lambda: plots.timeline(report))
    return Block(words, picture=drawn)


def account(facts: Facts) -> Block:
    """Where the log's lines went."""
    counts = facts.report.counts
    lines = [("events", counts.accepted), ("without a user", counts.without_user), *counts.rejected.items()]
    words = (
        f"{summary(counts)}.",
        f"They cover {iso(counts.first_ms)[:10]} to {iso(counts.last_ms)[:10]}, "
        f"{(counts.last_ms - counts.first_ms) / DAY_MS:.1f} days: {facts.report.users:,} users, "
        f"{counts.cancels:,} cancels.",
    )
    rows = [(name, f"{number:,}", f"{number / counts.read:.1%}") for name, number in lines]
    return Block(words, table=Table(("lines", "number", "share"), rows))


def learners(facts: Facts) -> Section:
    """Every learner's figures on the test snapshot, a column a learner."""
    results = facts.report.results
    names = (f"{each.learner} *" if each.learner == facts.report.chosen else each.learner for each in results)
    rows = [
        ("held-out average precision", *(f"{each.validation:.3f}" for each in results)),
        *((heading, *(figure(each.test, name) for each in results)) for heading, name in FIGURES.items()),
        ("seconds to fit", *(f"{each.seconds:.1f}" for each in results)),
    ]
    words = (
        told(facts),
        "* is chosen: the highest mean average precision on the training snapshots' held-out users. All else is "
        "measured on the test snapshot; in brackets 95% intervals, users resampled.",
    )
    trap = (
        "Two learners whose intervals overlap widely are not told apart by this test. A weighted F1 is to be read "
        "beside that of “nobody cancels”, which alerts no one."
    )
    table = Table(("figure", *names), rows)
    return Section("All learners", (Block(words, trap, table=table, wide=True),))


def figure(test: dict[str, Any], name: str) -> str:
    """A figure with its interval, if it has one; a dash where there is none."""
    if test[name] is None:
        return "–"
    ends, form = test["intervals"].get(name), FORMATS[name]
    interval = f" ({ends[0]:{form}} {ends[1]:{form}})" if ends else ""
    return f"{test[name]:{form}}{interval}"


def told(facts: Facts) -> str:
    """The chosen learner's main figures, as a sentence."""
    test = facts.test
    low, high = test["intervals"]["average_precision"]
    return (
        f"{facts.report.chosen} has an average precision of {test['average_precision']:.3f} ({low:.3f} to {high:.3f}) "
        f"at a base rate of {test['base_rate']:.3f}: {test['average_precision'] / test['base_rate']:.1f} times chance."
    )


def ranking(facts: Facts) -> Section:
    """Who comes before whom."""
    words = (
        "Left: at every threshold, the share of those who cancel that is alerted by the share of those who stay that "
        "is. Right: the share of the alerted who cancel. Dashed is chance.",
        "The steps' area on the right is the average precision.",
    )
    trap = "The left side of the right plot stands on a handful of users, and may be cut off above: read its middle."
    found = (
        "The same ranking from the alerts' side: alert so many users, the highest scores first, and so many of the "
        "cancels are among them.",
    )
    return Section(
        "Ranking",
        (
            Block(words, trap, picture("ranking", "ROC and precision by recall", lambda: plots.ranking(facts))),
            Block(found, picture=picture("gain", "Cancels found by share alerted", lambda: plots.gain(facts))),
        ),
    )


def probabilities(facts: Facts) -> Section:
    """Whether 8% means 8%, and what is said to whom."""
    users = len(facts.chosen.label)
    words = (
        f"Ten bins of {users / 10:,.1f} users each, by probability: the mean of what was said, and the share who "
        "cancel, with its 95% interval (Wilson). Bars that reach the dashed line may differ from it by chance.",
        "The mean distance from that line, over the bins, is the calibration error (ECE). A tie across an edge is "
        "divided, hence the parts of users.",
        f"On a weekend day or a holiday users do {facts.card.free_day_activity:.2f} times as much as on another day: "
        "what the horizon has of either is in every probability.",
    )
    drawn = picture("reliability", "What was said and what came", lambda: plots.reliability(facts))
    by_label = (
        "What is said to those who cancel and to those who stay, on a logarithmic axis. At or over the threshold is "
        "an alert.",
    )
    trap = "Both areas are shares of their own kind. As heads, the few who cancel would not be seen at all."
    return Section(
        "Probabilities",
        (
            Block(words, picture=drawn, table=bins(facts)),
            Block(by_label, trap, picture("scores", "Probabilities by label", lambda: plots.scores(facts))),
        ),
    )


def bins(facts: Facts) -> Table:
    """The chosen learner's reliability, as numbers."""
    rows = [
        (
            str(number),
            f"{each.users:,.1f}",
            f"{each.mean_probability:.2%}",
            f"{each.users * each.share:,.1f}",
            f"{each.share:.2%}",
            f"{each.interval[0]:.2%} – {each.interval[1]:.2%}",
        )
        for number, each in enumerate(figures.reliability(facts.chosen), 1)
    ]
    return Table(("bin", "users", "said", "cancels", "share", "95% interval"), rows)


def lead(facts: Facts) -> Section:
    """How long before the cancel the alert comes."""
    low_high, days = facts.test["intervals"].get("lead_days"), facts.test["lead_days"]
    if days is None:
        found = "None of the alerted cancels: there is no lead time."
    else:
        interval = f" (95% interval {low_high[0]:.1f} to {low_high[1]:.1f})" if low_high else ""
        found = f"The alerted who cancel do so {days:.1f} days after the snapshot (median{interval})."
    trap = (
        "A model that cannot tell sooner from later has half the horizon. In the stream a user is scored whenever "
        "something happens, so alerts may come sooner or later than at a midnight."
    )
    drawn = picture("lead", "Cancels by day after the snapshot", lambda: plots.lead_times(facts))
    return Section("Time left to act", (Block((found,), trap, drawn),))
