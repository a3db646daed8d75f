"""The state: mergeable sums over a user's events, said once as aggregates and run by both batch and stream.

An aggregate is anchored: its sums are relative to a moment, the window's start in the stream and the day's start
in the batch job's partial sums, which are then rebased to the window's start and merged.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from churn.events import CANCEL_PAGES, CANCELLED, SONG, has_code
from churn.free_days import is_holiday, is_weekend
from churn.metros import local_ms

DAY_MS = 24 * 3600 * 1000
NIGHT_MS = 6 * 3600 * 1000  # from midnight: few are awake then
HOP_DAYS = 28  # a new window every 28 days; the older of the two open ones holds 28 to 56 days of history
WINDOW_DAYS = 2 * HOP_DAYS  # one day a bit of a long: at most 62
HOP_MS = HOP_DAYS * DAY_MS

# Pages whose frequency tells users apart: play, approval, disapproval, money, and the doors to a cancel.
COUNTED_PAGES = (
    SONG, "Thumbs Up", "Thumbs Down", "Add to Playlist", "Add Friend", "Roll Advert", "Home", "Help",
    "Downgrade", "Settings", "Upgrade", "Logout",
)  # fmt: skip
DECAYED_PAGES = (SONG, "Thumbs Down", "Roll Advert")
TAUS_DAYS = (1, 7, 28)  # today, this week, this month
LOCAL_TIMES = ("night", "weekend", "holiday")  # songs are counted by what the clock where the user lives shows

# Raised whenever the aggregates or the windows change: a checkpoint is bound to it.
STATE_VERSION = "3"

STATE_KEYS = ("user_id", "window_start_ms", "as_of_ms", "log_start_ms")  # of a state as of a moment

Rebase = Callable[[Column, Column], Column]  # (value, days from the new anchor to the old one) -> value


@dataclass(frozen=True)
class Aggregate:
    """One commuting aggregate: what an event adds, how values combine, and how a value moves to an earlier anchor."""

    name: str
    of_event: Column
    combine: Callable[[Column], Column]
    rebase: Rebase = lambda value, _days: value


def snake(page: str) -> str:
    """'Thumbs Up' -> 'thumbs_up': the page in the names of aggregates."""
    return "song" if page == SONG else page.lower().replace(" ", "_")


def growth(tau_days: int) -> str:
    """The column that holds exp((ts - anchor) / tau)."""
    return f"growth_{tau_days}d"


def anchored(events: DataFrame, anchor_ms: Column) -> DataFrame:
    """Events with each exponential once a row, and the day's number, relative to the anchor."""
    days = (F.col("ts_ms") - anchor_ms) / F.lit(float(DAY_MS))
    return events.select(
        "*",
        F.floor(days).cast("int").alias("day"),
        *(F.exp(days / F.lit(float(tau))).alias(growth(tau)) for tau in TAUS_DAYS),
    )


def with_local_time(events: DataFrame) -> DataFrame:
    """Accepted events -> with LOCAL_TIMES, by the clock where the user lives; once, before an event enters windows."""
    timed = events.withColumn("local_ms", local_ms(F.col("ts_ms"), F.col("metro_code")))
    day = F.floor(F.col("local_ms") / F.lit(DAY_MS)).cast("int")
    return timed.withColumn("local_day", day).select(
        *events.columns,
        (F.pmod("local_ms", F.lit(DAY_MS)) < NIGHT_MS).alias("is_night"),
        is_weekend(F.col("local_day")).alias("is_weekend"),
        is_holiday(F.col("local_day")).alias("is_holiday"),
    )


def hop_start_ms() -> Column:
    """Start (epoch ms) of the newest window that holds the event."""
    return (F.floor(F.col("ts_ms") / F.lit(HOP_MS)) * HOP_MS).cast("long")


def reanchored(events: DataFrame) -> DataFrame:
    """Events anchored to their newest window -> anchored `hops_back` (0 or 1) windows earlier, without a new exp."""
    is_newest = F.col("hops_back") == 0
    grown = {
        growth(tau): F.col(growth(tau)) * F.when(is_newest, F.lit(1.0)).otherwise(F.lit(math.exp(HOP_DAYS / tau)))
        for tau in TAUS_DAYS
    }
    return events.withColumns({"day": F.col("day") + F.col("hops_back") * HOP_DAYS, **grown})


def n_of(page: str) -> str:
    """The aggregate that counts the page."""
    return f"n_{snake(page)}"


def n_paid_of(page: str) -> str:
    """The aggregate that counts the page while the user paid."""
    return f"n_paid_{snake(page)}"


def _count(name: str, is_counted: Column) -> Aggregate:
    return Aggregate(name, F.when(is_counted, F.lit(1)).otherwise(F.lit(0)), F.sum)


def _decayed(page: str, tau_days: int) -> Aggregate:
    def earlier(value: Column, days: Column) -> Column:
        return value * F.exp(days / F.lit(float(tau_days)))

    grown = F.when(has_code(page), F.col(growth(tau_days))).otherwise(F.lit(0.0))
    return Aggregate(f"s_{snake(page)}_{tau_days}d", grown, F.sum, earlier)


def _shifted(bits: Column, days: Column) -> Column:
    return F.call_function("shiftleft", bits.cast("long"), days.cast("int"))


def aggregates() -> tuple[Aggregate, ...]:
    """The state's columns, in order. Needs an active session, as every column expression does."""
    is_behaviour = ~has_code(*CANCEL_PAGES)  # what tells that a user cancels must never enter a feature
    ts = F.col("ts_ms")

    def behaviour(value: Column) -> Column:
        return F.when(is_behaviour, value)

    return (
        Aggregate("n_events", F.when(is_behaviour, F.lit(1)).otherwise(F.lit(0)), F.sum),
        Aggregate("first_ms", behaviour(ts), F.min),
        Aggregate("last_ms", behaviour(ts), F.max),
        Aggregate("level_code", behaviour(ts * 2 + F.col("is_paid").cast("long")), F.max),
        Aggregate("registered_ms", F.col("registered_ms"), F.max),
        Aggregate("cancelled_ms", F.when(has_code(CANCELLED), ts), F.max),
        Aggregate("active_days", behaviour(_shifted(F.lit(1), F.col("day"))), F.bit_or, _shifted),
        *(_count(n_of(page), has_code(page)) for page in COUNTED_PAGES),
        *(_count(n_paid_of(page), has_code(page) & F.col("is_paid")) for page in COUNTED_PAGES),
        *(_decayed(page, tau) for page in DECAYED_PAGES for tau in TAUS_DAYS),
        Aggregate("metro_code", F.col("metro_code"), F.max),
        *(_count(f"n_song_{kind}", has_code(SONG) & F.col(f"is_{kind}")) for kind in LOCAL_TIMES),
    )


def state_columns() -> list[str]:
    """The names of the aggregates, in the order in which a state store keeps them."""
    return [aggregate.name for aggregate in aggregates()]


def older_window_ms(as_of_ms: Column | int) -> Column:
    """Start (epoch ms) of the window that scores as of then: the older of the two that are open."""
    as_of = F.lit(as_of_ms) if isinstance(as_of_ms, int) else as_of_ms
    hops = F.floor(as_of / F.lit(HOP_MS)) - 1
    return (hops * HOP_MS).cast("long")


def window_start_ms(as_of_ms: int) -> int:
    """`older_window_ms` for a moment that is known before the query is built."""
    return (as_of_ms // HOP_MS - 1) * HOP_MS


def summed(events: DataFrame, keys: list[str | Column]) -> DataFrame:
    """Anchored events -> one row per `keys` with the aggregates."""
    return events.groupBy(*keys).agg(*(a.combine(a.of_event).alias(a.name) for a in aggregates()))


def state_at(events: DataFrame, as_of_ms: int) -> DataFrame:
    """Accepted events -> the state of every user as of a moment: STATE_KEYS and the aggregates.

    Events at the moment itself count, later ones do not.
    """
    start_ms = window_start_ms(as_of_ms)
    in_window = F.col("ts_ms").between(start_ms, as_of_ms)
    state = summed(anchored(events.where(in_window).transform(with_local_time), F.lit(start_ms)), ["user_id"])
    return with_log_start(
        state.select(
            "user_id",
            F.lit(start_ms).cast("long").alias("window_start_ms"),
            F.lit(as_of_ms).cast("long").alias("as_of_ms"),
            *state_columns(),
        )
    )


def with_log_start(states: DataFrame) -> DataFrame:
    """States of any number of moments -> with `log_start_ms`, the first event (epoch ms) that a window has of anybody.

    It says since when a silent user would have been seen: a window may reach back to before there was a log.
    """
    everybody = Window.partitionBy("as_of_ms").rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    starts = F.min("first_ms").over(everybody).alias("log_start_ms")
    return states.select("*", starts).select(*STATE_KEYS, *state_columns())


def daily(events: DataFrame) -> DataFrame:
    """Accepted events -> partial states by user and day: the one pass over the log that all snapshots share."""
    return events.transform(with_local_time).transform(by_day)


def by_day(events: DataFrame) -> DataFrame:
    """Accepted events with LOCAL_TIMES -> partial states by user and day.

    An event at midnight sharp belongs to the moment that ends a day and to the window that begins there, so it has
    a partial of its own.
    """
    day_ms = (F.col("ts_ms") - F.col("ts_ms") % DAY_MS).alias("day_ms")
    is_midnight = (F.col("ts_ms") % DAY_MS == 0).alias("is_midnight")
    dated = events.select("*", day_ms, is_midnight)
    return summed(anchored(dated, F.col("day_ms")), ["user_id", "day_ms", "is_midnight"])


def states_at(partials: DataFrame, moments_ms: list[int]) -> DataFrame:
    """Daily partials -> the columns of `state_at` for each of `moments_ms`, which must be midnights (UTC)."""
    uneven = [moment for moment in moments_ms if moment % DAY_MS]
    if uneven:
        raise ValueError(f"moments must be midnights, epoch ms; found {uneven}")
    counts = F.expr(
        f"filter(array({', '.join(f'{moment}L' for moment in moments_ms)}), m -> "
        f"day_ms >= (m div {HOP_MS} - 1) * {HOP_MS} AND (day_ms < m OR (day_ms = m AND is_midnight)))"
    )
    spread = partials.select("*", F.explode(counts).alias("as_of_ms")).withColumn(
        "window_start_ms", older_window_ms(F.col("as_of_ms"))
    )
    days = (F.col("day_ms") - F.col("window_start_ms")) / F.lit(float(DAY_MS))
    merged = (a.combine(a.rebase(F.col(a.name), days)).alias(a.name) for a in aggregates())
    return with_log_start(spread.groupBy("user_id", "as_of_ms", "window_start_ms").agg(*merged))


def alive(state: DataFrame) -> DataFrame:
    """The users that can still cancel: seen in the window, and not gone."""
    return state.where(F.col("cancelled_ms").isNull() & F.col("last_ms").isNotNull())
