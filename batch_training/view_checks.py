"""Checks of an audit that alter a log: what a model sees of its users must not change.

Each takes as an argument how the log is seen, so that a test can hand it a view that leaks.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from batch_training.alterations import cut_off, with_permuted_futures, without_pages
from batch_training.fitting import with_scores
from batch_training.report import iso
from batch_training.snapshots import snapshots
from churn.events import CANCEL_PAGES, CANCELLED, has_code
from churn.features import NAMES
from churn.model import Model
from churn.state import daily

ALLOWED = 1e-9  # sums of the same numbers in another order differ by less

Seen = Callable[[DataFrame], DataFrame]  # accepted events -> user_id, probability and NAMES of the users alive


@dataclass(frozen=True)
class Check:
    """What was done and which figure came of it; None: a figure to read, which cannot fail."""

    done: str
    figure: str
    passed: bool | None


@dataclass(frozen=True)
class Subject:
    """A log, how it is seen as of a moment, and what is seen of it when nothing is altered."""

    events: DataFrame
    seen: Seen
    moment_ms: int
    whole: DataFrame


@dataclass(frozen=True)
class Difference:
    """Between two views: users in both, users in one only, and how far scores and features are apart at most.

    Features in parts of their value, where that is over one.
    """

    users: int
    only_in_one: int
    score: float
    feature: float

    @property
    def is_none(self) -> bool:
        """Whether the same users have the same numbers, and there are some."""
        are_near = self.score <= ALLOWED and self.feature <= ALLOWED  # false for what is not a number
        return self.users > 0 and not self.only_in_one and are_near

    def in_words(self) -> str:
        """The figures as a phrase."""
        alone = f"{self.only_in_one:,} in one view only; " if self.only_in_one else ""
        return (
            f"{self.users:,} users, {alone}scores differ by at most {self.score:.2g}, "
            f"features by {self.feature:.2g} (allowed: {ALLOWED})"
        )


def seen_by(model: Model, moment_ms: int) -> Seen:
    """How the model sees a log as of a moment: by the snapshot that training takes."""

    def seen(events: DataFrame) -> DataFrame:
        frame = snapshots(daily(events), [moment_ms], model.card.horizon_days)
        return with_scores(frame, model).select("user_id", "probability", *NAMES)

    return seen


def subject(events: DataFrame, seen: Seen, moment_ms: int) -> Subject:
    """The log and its view, which is computed here once for all checks."""
    return Subject(events, seen, moment_ms, seen(events).localCheckpoint())


def difference(one: DataFrame, other: DataFrame) -> Difference:
    """How far two views are apart."""

    def distance(name: str) -> Column:
        one, other = F.col(name), F.col(f"other_{name}")
        of_missing = F.when(~one.eqNullSafe(other), F.lit(math.inf)).otherwise(F.lit(0.0))
        return F.coalesce(F.abs(one - other), of_missing)

    names = ("probability", *NAMES)
    others = other.select("user_id", *(F.col(name).alias(f"other_{name}") for name in names))
    relative = (distance(name) / F.greatest(F.lit(1.0), F.abs(F.col(name))) for name in NAMES)
    is_pair = F.col("probability").isNotNull() & F.col("other_probability").isNotNull()
    found = (
        one.join(others, on="user_id", how="full")
        .agg(
            F.count_if(is_pair).alias("users"),
            F.count_if(~is_pair).alias("alone"),
            F.max(F.when(is_pair, distance("probability"))).alias("score"),
            F.max(F.when(is_pair, F.greatest(*relative))).alias("feature"),
        )
        .first()
    )
    return Difference(found["users"], found["alone"], found["score"] or 0.0, found["feature"] or 0.0)


def cut(view: Subject) -> Check:
    """Whether nothing from after the moment enters: the log ends there."""
    found = difference(view.whole, view.seen(cut_off(view.events, view.moment_ms)))
    return Check(f"events after {iso(view.moment_ms)} removed", found.in_words(), found.is_none)


def permuted(view: Subject, seed: int) -> Check:
    """Whether nothing from after the moment enters: there the users exchange their futures."""
    found = difference(view.whole, view.seen(with_permuted_futures(view.events, view.moment_ms, seed)))
    return Check(f"events after {iso(view.moment_ms)} given to other users", found.in_words(), found.is_none)


def label_rows(view: Subject) -> Check:
    """Whether the rows that make and announce the label leave those alive alone; whoever else lives on is not asked."""
    without = view.seen(without_pages(view.events, *CANCEL_PAGES)).join(view.whole, on="user_id", how="left_semi")
    found = difference(view.whole, without)
    return Check(f"all rows of {' and '.join(CANCEL_PAGES)} removed", found.in_words(), found.is_none)


def pages_that_announce(view: Subject) -> Check:
    """Whether a row that announces a cancel enters: few have one and are alive, so here the gone live on."""
    announced = view.seen(without_pages(view.events, CANCELLED)).localCheckpoint()
    found = difference(announced, view.seen(without_pages(view.events, *CANCEL_PAGES)))
    before = cut_off(view.events, view.moment_ms).where(has_code(*CANCEL_PAGES)).select("user_id").distinct()
    concerned = announced.join(before, on="user_id", how="left_semi").count()
    figure = f"{found.in_words()}; {concerned:,} of them had such a row"
    return Check("users who are gone counted as alive, with and without their rows of Cancel", figure, found.is_none)
