"""What the page says of those who cancel: who, what before, and what the features can tell."""

from collections.abc import Sequence

import numpy as np

from batch_training.explore import feature_plots, plots, users
from batch_training.explore.before_cancel import BEFORE_DAYS, STAYS_DAYS
from batch_training.explore.job import Findings
from batch_training.explore.sections import missing_block
from batch_training.explore.snapshot import HORIZON_DAYS, Snapshot
from batch_training.explore.users import Churn, Group
from batch_training.pages import Block, Section, Table, picture, shortened
from batch_training.report import iso
from churn.features import NAMES, words
from churn.labels import HISTORY_DAYS

FIELD_OF = {users.GENDER: "gender", users.DEVICE: "userAgent", users.METRO: "location"}
NO_CANCEL = "Nobody reaches Cancellation Confirmation in this log: there is nothing to compare."
PAIRS_SHOWN = 10
TEXT_SHOWN = 60


def churn(found: Churn) -> Section:
    """Who cancels, by group."""
    title = "Who cancels"
    if not found.everybody.cancelled:
        return Section(title, (Block((NO_CANCEL,)),))
    kinds = {kind: groups for kind, groups in found.groups.items() if groups and kind != users.METRO}
    gone = [kind for kind, groups in found.groups.items() if not groups]
    return Section(
        title,
        (
            overall(found, kinds),
            as_numbers(kinds),
            *(missing_block(FIELD_OF[kind]) for kind in gone if kind != users.METRO),
            metros(found),
        ),
    )


def as_numbers(kinds: dict[str, list[Group]]) -> Block:
    """The groups as a table; a kind is named once."""
    rows = [
        in_row("" if position else kind, each) for kind, groups in kinds.items() for position, each in enumerate(groups)
    ]
    headings = ("group", "value", "users", "cancel", "share", "95% interval", "in 100 weeks")
    sentence = (
        "The same as numbers. The last column is cancels in 100 weeks of watching a user, which end with the cancel "
        "or the log."
    )
    trap = (
        "A share is only as good as the time behind it: who came late had less time to cancel. Compare the last column."
    )
    return Block((sentence,), trap, table=Table(headings, rows, texts=2))


def overall(found: Churn, kinds: dict[str, list[Group]]) -> Block:
    """The share of all users, and of the groups beside it."""
    whole = found.everybody
    low, high = whole.interval
    sentences = [
        f"{whole.cancelled:,} of {whole.users:,} users reach Cancellation Confirmation: {whole.share:.1%} "
        f"(95% interval {low:.1%} to {high:.1%}). That is over the whole log; the chance within days is far less.",
        "Points are shares, bars their 95% intervals (Wilson), the dashed line is everybody; in brackets the users. "
        "Groups whose bars reach the line may differ from it by chance.",
    ]
    if found.back_after_cancel:
        sentences.append(f"{found.back_after_cancel:,} users have events after their cancel.")
    trap = (
        "“Ever seen as paid” looks back from the log's end. The level at the first event and the days since "
        "registration then are known in time."
    )
    drawn = picture("groups", "Share of users who cancel, by group", lambda: plots.shares(kinds, whole.share))
    return Block(tuple(sentences), trap, drawn)


def metros(found: Churn) -> Block:
    """The largest metros."""
    largest = found.groups[users.METRO]
    if not largest:
        return missing_block("location")
    sentences = (f"The {len(largest)} metropolitan areas with the most users.",)
    trap = (
        "Of many groups one in 20 lies outside its interval by luck. The highest point of a list "
        "is mostly the smallest group: read the bars, not the order."
    )
    kinds = {users.METRO: largest}
    drawn = picture("metros", "Share who cancel, by metro", lambda: plots.shares(kinds, found.everybody.share, 1))
    return Block(sentences, trap, drawn)


def in_row(kind: str, each: Group) -> tuple[str, ...]:
    """A group as a table's row."""
    low, high = each.interval
    value = shortened(each.value, TEXT_SHOWN)
    interval = f"{low:.1%} – {high:.1%}"
    return (
        kind,
        value,
        f"{each.users:,}",
        f"{each.cancelled:,}",
        f"{each.share:.1%}",
        interval,
        f"{each.per_100_weeks:.2f}",
    )


def totals(found: Churn) -> Section:
    """The leak that most published figures rest on."""
    title = "Totals leak"
    if not found.everybody.cancelled:
        return Section(title, (Block((NO_CANCEL,)),))
    stay, cancel = found.stay, found.cancel
    sentences = (
        f"In the whole log those who stay have {stay.median_events:,.0f} events (median), those who cancel "
        f"{cancel.median_events:,.0f}. From first to last event it is {stay.median_days:,.0f} and "
        f"{cancel.median_days:,.0f} days.",
    )
    trap = (
        "Who cancels has no rows after it, so the log holds fewer days of them, whatever they did before. Totals, days "
        "seen, days since the last event at the log's end: all tell that a user has left, none that a user will leave. "
        "A model that reads them looks good and forecasts nothing."
    )
    drawn = picture("totals", "Events and days by user", lambda: plots.leak(found, users.EVENT_EDGES, users.SPAN_DAYS))
    return Section(title, (Block(sentences, trap, drawn),))


def before(found: Findings) -> Section:
    """The two weeks before."""
    title = "The two weeks before a cancel"
    compared = found.comparison
    if not found.counts.cancels:
        return Section(title, (Block((NO_CANCEL,)),))
    if compared is None:
        why = (
            f"No cancel can be compared: wanted is one of a user first seen {BEFORE_DAYS} days earlier, and on the "
            "same day another such user of the same level who stays."
        )
        return Section(title, (Block((why,)),))
    sentences = (
        f"Compared are the cancels of users who were first seen at least {BEFORE_DAYS} days earlier "
        f"({compared.cancels:,}) with days of others ({compared.others:,}). Days without an event count as zeros.",
        "The others: on the day of the cancel they are active too, at the same level, were also first seen at least "
        f"{BEFORE_DAYS} days earlier, and do not cancel on it or in the {STAYS_DAYS} days after it, as far as the "
        "log goes. Each day and level counts as often as cancels fall on it. "
        "The band is the 95% interval of those who cancel; of a handful it is too narrow.",
        "Where the blue line is inside the band, the two do not differ by more than chance. One line that turns "
        "towards day 0 would be a warning; two that run side by side are a difference between users, not a sign "
        "of the time.",
    )
    trap = (
        "Compared with everybody, those who cancel look busy: they are active on the day by definition, and most "
        "users are not. Sessions run over midnight, so both lines may rise on the last day. Day 0 is left out: the "
        "cancel cuts it short."
    )
    drawn = picture("before", "Activity before a cancel", lambda: plots.before_cancel(compared))
    return Section(title, (Block(sentences, trap, drawn),))


def features(found: Snapshot | None) -> Section:
    """The features at one moment."""
    title = "Features at an honest moment"
    if found is None:
        return Section(title, (no_snapshot(),))
    sentences = [
        f"As of {iso(found.as_of_ms)}, {found.users:,} users are live; {found.positives:,} of them cancel within "
        f"{HORIZON_DAYS} days. It is the latest midnight whose horizon lies inside the log; the features know only "
        "what was before it.",
        "Areas are shares of users by value; the axis is the model's, log(1 + value), its ticks have the "
        "feature's unit.",
    ]
    if found.positives:
        sentences.append(
            "The number is the feature's own ROC AUC: the chance that one who cancels has a higher value than one who "
            "stays; under 0.50 a lower one is the sign. With so many cancels, chance alone strays up to "
            f"{found.auc_by_chance:.2f} from 0.50 (one time in 20 more)."
        )
    else:
        sentences.append("None of them cancels within the horizon: only those who stay are drawn.")
    trap = f"The best of {len(NAMES)} features is partly the luckiest: what looks best here may not on another moment."
    drawn = picture("features", "Distribution of each feature by label", lambda: feature_plots.distributions(found))
    return Section(title, (Block(tuple(sentences), trap, drawn),))


def together(found: Snapshot | None) -> Section:
    """How the features go together."""
    title = "Features that say the same"
    if found is None or found.correlations is None:
        return Section(title, (no_snapshot(),))
    matrix = found.correlations
    sentences = (
        "Pearson's correlation of each two, at the same moment and in the model's scale. Empty rows are constant.",
    )
    trap = (
        "Of two features that go together, a linear model may weigh one up and the other down: "
        "a single weight is no cause, and dropping one moves its weight to the other."
    )
    drawn = picture("together", "Correlation of the features", lambda: feature_plots.correlations(matrix, NAMES))
    return Section(
        title,
        (
            Block(sentences, trap, drawn),
            Block(
                ("The strongest pairs.",), table=Table(("feature", "and", "correlation"), strongest(matrix), texts=2)
            ),
        ),
    )


def strongest(matrix: Sequence[Sequence[float]] | np.ndarray) -> list[tuple[str, str, str]]:
    """The pairs of the largest correlations, in words."""
    values = np.nan_to_num(np.asarray(matrix))
    rows, columns = np.triu_indices(len(values), k=1)
    order = np.argsort(-np.abs(values[rows, columns]), kind="stable")[:PAIRS_SHOWN]
    pairs = [(NAMES[rows[each]], NAMES[columns[each]], float(values[rows[each], columns[each]])) for each in order]
    return [(words(one), words(other), f"{value:+.2f}") for one, other, value in pairs if value]


def no_snapshot() -> Block:
    """Why there is no snapshot."""
    return Block(
        (
            f"The log is too short for one: wanted is a midnight with {HISTORY_DAYS} days of history before it, "
            f"{HORIZON_DAYS} days of the log after it, and somebody alive.",
        )
    )
