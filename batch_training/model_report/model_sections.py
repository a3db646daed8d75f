"""What the page says of the model: what it looks at, when it alerts, whether it is in force, how to make it again."""

import math
from typing import Any

from batch_training.champion import Comparison
from batch_training.model_report import plots
from batch_training.model_report.facts import Facts
from batch_training.model_report.importance import MOST_USERS, REPEATS
from batch_training.pages import Block, Section, Table, picture
from batch_training.report import Report, iso
from batch_training.threshold import Rule, alerts_from, can_alert


def importance(facts: Facts) -> Section:
    """What the model needs, and what it does with it."""
    found = facts.importance
    part = f"the test snapshot's {found.users:,} users"
    if found.users == MOST_USERS < facts.test["users"]:
        part = f"{MOST_USERS:,} of the test snapshot's {facts.test['users']:,} users, drawn by the seed"
    words = (
        f"What the average precision loses when one feature's values are dealt out anew among {part}: the mean of "
        f"{REPEATS} shuffles, the thin marks. Habits are all inputs of the classes of users, shuffled together.",
        "Bars whose marks lie on both sides of zero may be nothing but chance.",
    )
    trap = (
        "Of two features that say the same, either can be shuffled without a loss as long as the other stays. Small is "
        "not useless; and none of it is a cause."
    )
    drawn = picture("importance", "Drop in average precision by feature", lambda: plots.importance(found))
    return Section("What the model looks at", (Block(words, trap, drawn), contributions(facts)))


def contributions(facts: Facts) -> Block:
    """The weights of a linear model, or the mean effects of the features of another."""
    found = facts.contributions
    drawn = picture("contributions", "What each input does to the score", lambda: plots.contributions(found))
    if not found.is_linear:
        effect = (
            "By how much the probability changes, up or down, when a feature becomes that of a typical user: the mean "
            "over the users. The reasons of an alert are these effects, for one user."
        )
        return Block((effect,), picture=drawn)
    zeros = sum(1 for _, value in found.by_name if not value)
    words = (
        "The weights: by how much the log odds of a cancel change when an input is one standard deviation higher, "
        f"calibration included. {zeros} of {len(found.by_name)} inputs have weight zero and are left out.",
        "The reasons of an alert are these weights times how far the user is from a typical one.",
    )
    trap = "Inputs that go together share a weight at will: one may be up and the other down. Read habits as a whole."
    return Block(words, trap, drawn)


def classes(facts: Facts) -> Section:
    """The classes of users on the card."""
    found = facts.card.classes
    rows = [
        (str(number), words, f"{math.exp(log_prior):.1%}", f"{rate:.1%}")
        for number, (words, log_prior, rate) in enumerate(
            zip(found.words, found.log_prior, found.cancel_rates, strict=True), 1
        )
    ]
    words = (
        "Users who spend their visits alike, found without labels from the pages that they visit. A user belongs to "
        "each with a probability.",
        f"The last column: of the training snapshots' users, how many cancel within {facts.report.horizon_days} days.",
    )
    table = Table(("class", "visits", "share of users", "cancel"), rows, texts=2)
    return Section("Classes of users", (Block(words, table=table),))


def threshold(facts: Facts) -> Section:
    """Where an alert begins, by each rule."""
    goals = facts.report.goals
    words = (
        f"{an_alert(facts.card.threshold)}, by the rule {goals.rule}. The rules look at the calibration "
        "snapshot, that of the budget at the week that ends with it; the test snapshot shows what they do later.",
        "Precision: of the alerted, who cancel. Recall: of those who cancel, who are alerted. Profit: of an offer to "
        "all who are alerted, divided by the live users.",
    )
    trap = (
        "More or fewer users may be over the threshold later than were when it was chosen. Precision and profit rest "
        "on the few cancels of one snapshot."
    )
    return Section("Threshold", (Block(words, trap, table=rules(facts.report)),))


def an_alert(threshold: float) -> str:
    """What makes an alert."""
    if can_alert(threshold):
        return f"An alert is a probability of {threshold:.4f} or over"
    return "Nobody is alerted, since no probability reached what is aimed at"


def rules(report: Report) -> Table:
    """A row a rule and snapshot."""
    headings = ("rule", "snapshot", "threshold", "alerts", "precision", "recall", "profit a live user")
    rows = []
    for row in report.best.thresholds:
        aim = report.goals.aim(Rule(row["rule"]))
        for snapshot in ("calibration", "test"):
            rows.append((f"{row['rule']}: {aim}", snapshot, alerts_from(row["threshold"], ".4f"), *done(row[snapshot])))
    return Table(headings, rows, texts=2)


def done(found: dict[str, Any]) -> tuple[str, ...]:
    """What a threshold did to a snapshot."""
    return (
        f"{found['alerted']:,}",
        _number(found["precision"], ".1%"),
        f"{found['recall']:.1%}",
        f"{found['profit_per_user']:+.3f}",
    )


def verdict(facts: Facts) -> Section:
    """Whether the model was put in force, and why."""
    found = facts.verdict
    fate = "The model was made current" if found.is_promoted else "The model was registered but not made current"
    words = (
        f"{fate}: {found.reason}.",
        "A new model takes the place of the current one unless that is surely better on the same users.",
    )
    table = compared(found.comparison) if found.comparison else None
    return Section("Against the current model", (Block(words, table=table),))


def compared(found: Comparison) -> Table:
    """The paired bootstrap's figures."""
    low, high = found.difference_95
    rows = (
        ("average precision, this model", f"{found.challenger_average_precision:.3f}"),
        ("average precision, the current one", f"{found.champion_average_precision:.3f}"),
        ("difference", f"{found.difference:+.3f}"),
        ("its 95% interval", f"{low:+.3f} to {high:+.3f}"),
        ("resamples in which the current one is better", f"{found.champion_better_share:.1%} of {found.resamples}"),
    )
    return Table(("figure", "value"), rows)


def repeat(facts: Facts) -> Section:
    """All that it takes to train the same model."""
    report, counts = facts.report, facts.report.counts
    log = (
        ("command", facts.origin.command),
        ("log", report.log),
        ("lines", f"{counts.read:,}"),
        ("first event", iso(counts.first_ms)),
        ("last event", iso(counts.last_ms)),
        *facts.origin.versions,
    )
    words = (
        "The same log, options and versions give the same figures on the same number of tasks.",
        "The command says every option of the training, also those that had their default.",
    )
    learners = ("The parameters with which each learner was fitted.",)
    return Section(
        "To repeat it",
        (
            Block(words, table=Table(("what", "value"), log, texts=2)),
            Block(learners, table=Table(("learner", "parameters"), facts.origin.parameters, texts=2)),
        ),
    )


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
