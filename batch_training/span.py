"""What span a log covers, stray days aside: a wrong clock dates an event to years before or after the rest."""

from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_training.logs import Counts
from churn.errors import InvalidLog
from churn.state import DAY_MS, HOP_DAYS

APART_DAYS = HOP_DAYS  # days without any event; a pause that a log may well have is shorter
STRAY_SHARE = 0.01  # of the events: what holds less, at either end and so far from the rest, is an accident


@dataclass(frozen=True)
class Stretch:
    """Days with events, none APART_DAYS from the next: midnights and times in epoch ms."""

    days_ms: tuple[int, ...]
    first_ms: int
    last_ms: int
    events: int

    def is_near(self, later: "Stretch") -> bool:
        """Whether a later one goes on with it."""
        return later.days_ms[0] - self.days_ms[-1] <= APART_DAYS * DAY_MS

    def with_next(self, later: "Stretch") -> "Stretch":
        """Both as one."""
        return Stretch(self.days_ms + later.days_ms, self.first_ms, later.last_ms, self.events + later.events)


def without_strays(counts: Counts, partials: DataFrame) -> Counts:
    """The counts of a log with the span, and the stray days, that its daily partials show.

    Stray events are accepted like all others; the span only decides at which moments snapshots are taken.
    """
    found = stretches(partials)
    lasting = [place for place, each in enumerate(found) if each.events >= STRAY_SHARE * counts.accepted]
    if not lasting:
        return counts
    first, last = lasting[0], lasting[-1]
    stray = [day for each in (*found[:first], *found[last + 1 :]) for day in each.days_ms]
    if not stray:
        return counts
    return replace(counts, first_ms=found[first].first_ms, last_ms=found[last].last_ms, stray_days_ms=tuple(stray))


def without_old(partials: DataFrame, counts: Counts, weeks: int) -> tuple[DataFrame, Counts]:
    """The daily partials of the log's newest weeks, and the counts with the span and the cancels that are left.

    Raises InvalidLog when nobody cancels in them.
    """
    first_ms = (counts.last_ms // DAY_MS + 1 - 7 * weeks) * DAY_MS
    kept = partials.where(F.col("day_ms") >= first_ms)
    cancels = kept.where(F.col("cancelled_ms").isNotNull()).select("user_id").distinct().count()
    if not cancels:
        raise InvalidLog(f"nobody cancels in the newest {weeks} weeks of the log; name more --weeks")
    return kept, replace(counts, first_ms=max(counts.first_ms, first_ms), cancels=cancels)


def stretches(partials: DataFrame) -> list[Stretch]:
    """The stretches of a log, the earliest first."""
    by_day = (
        partials.groupBy("day_ms")
        .agg(
            F.coalesce(F.min("first_ms"), "day_ms").alias("first_ms"),  # null: nothing but cancels
            F.coalesce(F.greatest(F.max("last_ms"), F.max("cancelled_ms")), "day_ms").alias("last_ms"),
            F.sum("n_events").alias("events"),
        )
        .orderBy("day_ms")
    )
    found: list[Stretch] = []
    for row in by_day.collect():
        day = Stretch((row["day_ms"],), row["first_ms"], row["last_ms"], row["events"])
        if found and found[-1].is_near(day):
            found[-1] = found[-1].with_next(day)
        else:
            found.append(day)
    return found
