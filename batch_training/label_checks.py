"""Checks of an audit that alter labels: shuffled, they teach nothing; moved in time, they tell what is foreseen."""

from collections.abc import Callable

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_training.alterations import with_shuffled_labels
from batch_training.bootstrap import intervals
from batch_training.evaluation import Floats, Outcome, average_precision, roc_auc
from batch_training.fitting import fitted, of_vectors, outcome
from batch_training.learners import Learner
from batch_training.report import iso
from batch_training.roles import Roles, vectors
from batch_training.threshold import NEVER, Goals
from batch_training.view_checks import Check
from churn.events import CANCELLED, has_code
from churn.labels import LABEL, is_within_horizon
from churn.model import Model, ModelCard, uncalibrated
from churn.state import DAY_MS

SHUFFLES = 8  # one shuffle has skill by luck: a random direction among features that go together ranks well or badly
T_99 = 3.499  # Student's t at 99%, two-sided, for the mean of SHUFFLES figures


def shuffled(
    learner: Learner, roles: Roles, card: ModelCard, seed: int, shuffle: Callable[..., DataFrame] = with_shuffled_labels
) -> list[Check]:
    """Whether the learner has skill where there is nothing to learn; and, to read beside it, its skill otherwise."""
    test = vectors(roles.test, card, LABEL)
    blind = [forecast(learner, shuffle(roles.training, number), card, test) for number in range(seed, seed + SHUFFLES)]
    sighted = forecast(learner, roles.training, card, test)
    base_rate = intervals(sighted, NEVER, Goals.budget, seed)["base_rate"]
    done = f"{learner.name} trained {SHUFFLES} times on labels shuffled within each training snapshot"
    true_figure = f"AUC {roc_auc(sighted):.3f}, average precision {average_precision(sighted):.3f}"
    return [
        without_skill(done, np.array([(roc_auc(each), average_precision(each)) for each in blind]), base_rate),
        Check(f"{learner.name} trained on the true labels", true_figure, None),
    ]


def forecast(learner: Learner, training: DataFrame, card: ModelCard, test: DataFrame) -> Outcome:
    """What the learner, fitted on the rows with the card's inputs, says of the test's vectors; not calibrated."""
    classifier = fitted(learner, vectors(training, card, LABEL))
    return outcome(of_vectors(test, Model(uncalibrated(card), classifier)))


def without_skill(done: str, figures: Floats, base_rate: list[float]) -> Check:
    """The rule, for AUC and average precision a shuffle: their means are not surely other than chance gives.

    The interval (99%) of the mean AUC holds .5, and that of the mean average precision meets the base rate's (95%).
    """
    mean = figures.mean(axis=0)
    margin = T_99 * figures.std(axis=0, ddof=1) / np.sqrt(len(figures))
    (auc_low, ap_low), (auc_high, ap_high) = mean - margin, mean + margin
    figure = (
        f"mean AUC {mean[0]:.3f} ({auc_low:.3f} to {auc_high:.3f} must hold .5), "
        f"mean average precision {mean[1]:.3f} ({ap_low:.3f} to {ap_high:.3f} must meet the base rate's "
        f"{base_rate[0]:.3f} to {base_rate[1]:.3f})"
    )
    is_chance = auc_low <= 0.5 <= auc_high and ap_low <= base_rate[1] and ap_high >= base_rate[0]
    return Check(done, figure, bool(is_chance))


def gone_before(frame: DataFrame, events: DataFrame, horizon_days: int) -> Check:
    """Whether nobody is scored who has cancelled in the horizon before."""
    cancels = events.where(has_code(CANCELLED)).select("user_id", F.col("ts_ms").alias("cancelled_ms"))
    before_ms = F.col("as_of_ms") - horizon_days * DAY_MS
    is_before = is_within_horizon(F.col("cancelled_ms"), before_ms, horizon_days)
    scored = frame.select("user_id", "as_of_ms")
    gone = scored.join(cancels, on="user_id", how="inner").where(is_before).select(*scored.columns).distinct()
    found, rows = gone.count(), scored.count()
    done = f"labels moved to the {horizon_days} days before each snapshot"
    return Check(done, f"{found:,} of {rows:,} rows are of users who had cancelled (allowed: 0)", not found)


def later_windows(twice: Outcome, moment_ms: int, horizon_days: int) -> Check:
    """How skill fades with distance, from an outcome of twice the horizon; those who cancel before a window are out."""
    days = np.full_like(twice.label, np.nan) if twice.cancel_days is None else twice.cancel_days

    def window(first: int, last: int) -> str:
        still = ~(days <= first)
        seen = Outcome(twice.probability[still], ((days > first) & (days <= last))[still].astype(np.float64))
        return (
            f"days {first} to {last}: average precision {average_precision(seen):.3f} "
            f"(base rate {seen.label.mean():.3f}), AUC {roc_auc(seen):.3f}"
        )

    spans = ((0, horizon_days), (1, horizon_days), (horizon_days, 2 * horizon_days))
    told = "; ".join(window(*span) for span in spans)
    return Check(f"the scores of {iso(moment_ms)} held to later labels", told, None)
