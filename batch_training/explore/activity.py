"""When users do what: events by page, level, hour, weekday and day (UTC)."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from churn.state import DAY_MS

HOUR_MS = 3600 * 1000


@dataclass(frozen=True)
class PageCount:
    """How often a page was seen, in all and by paying users."""

    page: str
    rows: int
    paid_rows: int


@dataclass(frozen=True)
class Day:
    """A day (its start in epoch ms, UTC) and what happened on it."""

    day_ms: int
    rows: int
    paid_rows: int
    users: int
    paid_users: int
    cancels: int


@dataclass(frozen=True)
class Activity:
    """The log by page, by day, and by hour of the week: week[weekday][hour], Monday first, in rows."""

    pages: list[PageCount]
    days: list[Day]
    week: list[list[int]]

    def rows(self, page: str) -> int:
        """How often `page` was seen."""
        return next((each.rows for each in self.pages if each.page == page), 0)


def hourly(events: DataFrame) -> DataFrame:
    """Users' events -> hour_ms, page, is_paid, n: small whatever the number of users."""
    hour_ms = (F.col("ts_ms") - F.col("ts_ms") % HOUR_MS).alias("hour_ms")
    return events.groupBy(hour_ms, "page", "is_paid").agg(F.count(F.lit(1)).alias("n"))


def activity(hours: DataFrame, user_days: DataFrame) -> Activity:
    """Hourly counts and user days -> what is drawn of them."""
    return Activity(pages(hours), days(hours, user_days), week(hours))


def pages(hours: DataFrame) -> list[PageCount]:
    """The pages, the most frequent first."""
    rows = hours.groupBy("page").agg(
        F.sum("n").alias("n"), F.sum(F.col("n") * F.col("is_paid").cast("long")).alias("paid")
    )
    return [PageCount(row["page"], row["n"], row["paid"]) for row in rows.orderBy(F.desc("n"), "page").collect()]


def days(hours: DataFrame, user_days: DataFrame) -> list[Day]:
    """The days with an event, in order."""
    day_ms = (F.col("hour_ms") - F.col("hour_ms") % DAY_MS).alias("day_ms")
    by_hours = hours.groupBy(day_ms).agg(
        F.sum("n").alias("rows"), F.sum(F.col("n") * F.col("is_paid").cast("long")).alias("paid_rows")
    )
    by_users = user_days.groupBy("day_ms").agg(
        F.count(F.lit(1)).alias("users"),
        F.count_if("is_paid").alias("paid_users"),
        F.count_if("cancels").alias("cancels"),
    )
    joined = by_hours.join(by_users, on="day_ms", how="inner").orderBy("day_ms")
    names = ("day_ms", "rows", "paid_rows", "users", "paid_users", "cancels")
    return [Day(*(row[name] for name in names)) for row in joined.select(*names).collect()]


def week(hours: DataFrame) -> list[list[int]]:
    """Rows by weekday and hour."""
    hour = F.floor(F.col("hour_ms") / HOUR_MS)
    weekday = ((F.floor(hour / 24) + 3) % 7).alias("weekday")  # 1970-01-01 was a Thursday
    counts = [[0] * 24 for _ in range(7)]
    for row in hours.groupBy(weekday, (hour % 24).alias("hour")).agg(F.sum("n").alias("n")).collect():
        counts[row["weekday"]][row["hour"]] = row["n"]
    return counts
