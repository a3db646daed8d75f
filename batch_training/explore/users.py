"""Users, a row each, and what share of each group reaches the cancel."""

import math
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from batch_training.explore.listening import bin_of, binned
from churn.events import CANCELLED, SONG
from churn.state import DAY_MS

WEEK_MS = 7 * DAY_MS
Z_95 = 1.959964  # the normal quantile of a two-sided 95 % interval
TENURE_DAYS = (1, 7, 30, 60, 120)  # where a class of the days since registration ends
TENURES = ("under 1 day", "1 to 7 days", "7 to 30 days", "30 to 60 days", "60 to 120 days", "120 days and more")
EVENT_EDGES = (10, 30, 100, 300, 1000, 3000, 10_000)
SPAN_DAYS = (1, 7, 14, 21, 28, 35, 42, 49, 56)
LARGEST = 15  # groups of a kind that are shown, by users
LEVEL, EVER_PAID, GENDER = "level at the first event", "ever seen as paid", "gender"
TENURE, DEVICE, METRO = "days since registration at the first event", "device", "metro"


@dataclass(frozen=True)
class Group:
    """Users who share a value, how many of them cancel, and for how long all were watched, in weeks."""

    value: str
    users: int
    cancelled: int
    weeks: float

    @property
    def share(self) -> float:
        """The share who cancel."""
        return self.cancelled / self.users

    @property
    def interval(self) -> tuple[float, float]:
        """The share's 95 % interval."""
        return wilson(self.cancelled, self.users)

    @property
    def per_100_weeks(self) -> float:
        """Cancels in 100 weeks of a user: short and long watching made comparable."""
        return 100 * self.cancelled / self.weeks if self.weeks else 0.0


@dataclass(frozen=True)
class Totals:
    """Those who cancel or those who stay: how many, and how much of them the log holds in all."""

    users: int
    median_events: float
    median_days: float
    events: list[int]
    days: list[int]


@dataclass(frozen=True)
class Churn:
    """The users of a log: all, by kind of group, and their totals (stay, cancel)."""

    everybody: Group
    groups: dict[str, list[Group]]
    stay: Totals
    cancel: Totals
    back_after_cancel: int


def wilson(hits: float, trials: float) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927): right for small numbers, inside 0 and 1.

    >>> [round(bound, 3) for bound in wilson(1, 10)]
    [0.018, 0.404]
    """
    share, z2 = hits / trials, Z_95**2
    centre = share + z2 / (2 * trials)
    spread = Z_95 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    scale = 1 + z2 / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def users(events: DataFrame, end_ms: int) -> DataFrame:
    """Users' events -> a row a user: what they are, when they were seen, whether and when they cancel.

    A field that is constant for a user is read as its maximum; `watched_ms` ends at the cancel or at `end_ms`.
    """
    paid = F.col("is_paid").cast("int")
    cancelled_ms = F.min(F.when(F.col("page") == CANCELLED, F.col("ts_ms")))
    return events.groupBy("user_id").agg(
        F.min("ts_ms").alias("first_ms"),
        F.max("ts_ms").alias("last_ms"),
        F.count(F.lit(1)).alias("events"),
        F.count_if(F.col("page") == SONG).alias("songs"),
        F.max("registered_ms").alias("registered_ms"),
        (F.min(F.col("ts_ms") * 2 + paid) % 2 == 1).alias("begins_paid"),
        F.max("is_paid").alias("ever_paid"),
        F.max("gender").alias("gender"),
        F.max("device").alias("device"),
        F.max("location").alias("location"),
        cancelled_ms.alias("cancelled_ms"),
        (F.coalesce(cancelled_ms, F.lit(end_ms)) - F.min("ts_ms")).alias("watched_ms"),
    )


def churn(frame: DataFrame) -> Churn:
    """The rows of users -> shares by group, and totals."""
    whole = frame.agg(*of_group(), F.count_if(F.col("last_ms") > F.col("cancelled_ms")).alias("back")).first()
    stay, cancel = (totals(frame.where(F.col("cancelled_ms").isNotNull() == left)) for left in (False, True))
    return Churn(group("everybody", whole), groups(frame), stay, cancel, whole["back"])


def of_group() -> list[Column]:
    """What is counted of the users of a group."""
    return [
        F.count(F.lit(1)).alias("users"),
        F.count("cancelled_ms").alias("cancelled"),
        (F.sum("watched_ms") / WEEK_MS).alias("weeks"),
    ]


def group(value: str, row: Any) -> Group:
    """A counted row as a Group."""
    return Group(value, row["users"], row["cancelled"], row["weeks"])


def groups(frame: DataFrame) -> dict[str, list[Group]]:
    """Kind -> its largest groups, by users; a kind of which the log says nothing has none."""
    values = {
        LEVEL: F.when(F.col("begins_paid"), "paid").otherwise("free"),
        EVER_PAID: F.when(F.col("ever_paid"), "yes").otherwise("no"),
        GENDER: F.col("gender"),
        TENURE: tenure(),
        DEVICE: F.col("device"),
        METRO: F.col("location"),
    }
    pairs = [F.struct(F.lit(kind).alias("kind"), value.alias("value")) for kind, value in values.items()]
    counted = (
        frame.select("*", F.explode(F.array(*pairs)).alias("group"))
        .where(F.col("group.value").isNotNull())
        .groupBy("group")
        .agg(*of_group())
        .select("group.kind", "group.value", "users", "cancelled", "weeks")
    )
    rank = F.row_number().over(Window.partitionBy("kind").orderBy(F.desc("users"), "value"))
    found = counted.withColumn("rank", rank).where(F.col("rank") <= LARGEST).orderBy("kind", "rank").collect()
    by_kind = {kind: [group(row["value"], row) for row in found if row["kind"] == kind] for kind in values}
    by_kind[TENURE].sort(key=lambda each: TENURES.index(each.value))
    return by_kind


def tenure() -> Column:
    """The class of the days from registration to the first event."""
    days = (F.col("first_ms") - F.col("registered_ms")) / DAY_MS
    return F.array(*map(F.lit, TENURES))[bin_of(days, TENURE_DAYS)]


def totals(frame: DataFrame) -> Totals:
    """What the whole log holds of these users."""
    spans = frame.select("events", ((F.col("last_ms") - F.col("first_ms")) / DAY_MS).alias("days"))
    medians = spans.agg(F.median("events").alias("events"), F.median("days").alias("days")).first()
    bins = binned(spans, {"events": EVENT_EDGES, "days": SPAN_DAYS})
    return Totals(sum(bins["events"]), medians["events"] or 0.0, medians["days"] or 0.0, bins["events"], bins["days"])
