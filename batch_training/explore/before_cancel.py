"""The two weeks before a cancel, day by day, against users of the same level who were active that day and stay."""

from dataclasses import dataclass

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from churn.state import DAY_MS

BEFORE_DAYS = 14
STAYS_DAYS = 10  # a comparable user does not cancel on the day or in so many after it
MEASURES = {  # name of the measure -> what is summed of a user's day
    "active": "share of the users who are active",
    "songs": "songs a user",
    "thumbs_up": "thumbs up a user",
    "thumbs_down": "thumbs down a user",
    "adverts": "adverts a user",
    "account_visits": "visits to Downgrade, Settings, Help a user",
}


@dataclass(frozen=True)
class Curve:
    """A measure's mean per user from BEFORE_DAYS days before to 1 day before, and that mean's standard error."""

    mean: list[float]
    error: list[float]


@dataclass(frozen=True)
class Comparison:
    """How many cancels are compared, with how many user-days of others, and each measure's two curves."""

    cancels: int
    others: int
    before_cancel: dict[str, Curve]
    comparable: dict[str, Curve]


def user_days(partials: DataFrame) -> DataFrame:
    """Daily partial states -> a row per user and day with an event: level, cancel, the measures."""
    is_paid = F.max("level_code") % 2 == 1  # null on a day that holds nothing but the cancel
    return partials.groupBy("user_id", "day_ms").agg(
        is_paid.alias("is_paid"),
        F.max("cancelled_ms").isNotNull().alias("cancels"),
        F.lit(1).alias("active"),
        F.sum("n_song").alias("songs"),
        F.sum("n_thumbs_up").alias("thumbs_up"),
        F.sum("n_thumbs_down").alias("thumbs_down"),
        F.sum("n_roll_advert").alias("adverts"),
        F.sum(F.col("n_downgrade") + F.col("n_settings") + F.col("n_help")).alias("account_visits"),
    )


def index_days(days: DataFrame) -> DataFrame:
    """User days -> user_id, index_ms, cancels, weight: the days that are compared.

    Of each user who was seen BEFORE_DAYS before: the day of the cancel; and the active days of those who stay, weighed
    so that each day and level counts as often as cancels fall on it.
    """
    whole = Window.partitionBy("user_id")
    seen_before = F.min("day_ms").over(whole) <= F.col("day_ms") - BEFORE_DAYS * DAY_MS
    cancel_ms = F.min(F.when(F.col("cancels"), F.col("day_ms"))).over(whole)
    stays = cancel_ms.isNull() | (cancel_ms > F.col("day_ms") + STAYS_DAYS * DAY_MS)
    known = days.select("*", seen_before.alias("seen_before"), stays.alias("stays"))
    candidates = known.where(F.col("seen_before") & F.col("is_paid").isNotNull() & (F.col("cancels") | F.col("stays")))
    stratum = Window.partitionBy("day_ms", "is_paid")
    numbers = candidates.select(
        "user_id",
        F.col("day_ms").alias("index_ms"),
        "cancels",
        F.count_if("cancels").over(stratum).alias("leave"),
        F.count_if(~F.col("cancels")).over(stratum).alias("others"),
    )
    weight = F.when(F.col("cancels"), F.lit(1.0)).otherwise(F.col("leave") / F.col("others"))
    return numbers.where("leave > 0 AND others > 0").select("user_id", "index_ms", "cancels", weight.alias("weight"))


def comparison(days: DataFrame) -> Comparison | None:
    """User days -> the curves; None when no cancel can be compared."""
    index = index_days(days).localCheckpoint()
    sizes = {row["cancels"]: row["n"] for row in index.groupBy("cancels").agg(F.count(F.lit(1)).alias("n")).collect()}
    if not sizes:
        return None
    offsets = F.explode(F.sequence(F.lit(1), F.lit(BEFORE_DAYS))).alias("back")
    before = days.select("user_id", "day_ms", *MEASURES, offsets).select(
        "user_id", (F.col("day_ms") + F.col("back") * DAY_MS).alias("index_ms"), "back", *MEASURES
    )
    sums = (
        before.join(index, on=["user_id", "index_ms"], how="inner")
        .groupBy("cancels", "back")
        .agg(
            *(F.sum(F.col(name) * F.col("weight")).alias(name) for name in MEASURES),
            *(F.sum(F.col(name) ** 2 * F.col("weight")).alias(f"{name}_squared") for name in MEASURES),
        )
    )
    found = {(row["cancels"], row["back"]): row.asDict() for row in sums.collect()}
    leave, others = (
        {back: found.get((kind, back), {}) for back in range(1, BEFORE_DAYS + 1)} for kind in (True, False)
    )
    return Comparison(
        cancels=sizes[True],
        others=sizes[False],
        before_cancel={name: curve(name, leave, sizes[True], sizes[True]) for name in MEASURES},
        comparable={name: curve(name, others, sizes[True], sizes[False]) for name in MEASURES},
    )


def curve(name: str, sums: dict[int, dict[str, float]], weight: float, users: int) -> Curve:
    """A measure's sums by day -> its means, the earliest day first; a day without a row is a day of zeros."""
    mean, error = [], []
    for back in range(BEFORE_DAYS, 0, -1):
        average = sums[back].get(name, 0.0) / weight
        variance = max(0.0, sums[back].get(f"{name}_squared", 0.0) / weight - average**2)
        mean.append(average)
        error.append((variance / users) ** 0.5)
    return Curve(mean, error)
