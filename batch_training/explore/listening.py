"""Sessions and songs: how long, how many, which."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from churn.events import SONG

MINUTE_MS = 60 * 1000
SESSION_MINUTES = (1, 5, 15, 30, 60, 120, 240, 480, 960)  # where a bin of the lengths ends and the next begins
SESSION_SONGS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
LENGTH_STEP_S = 15
LONGEST_S = 600  # longer songs share the last bin
TOP = 12


@dataclass(frozen=True)
class Sessions:
    """The sessions of a log; bins[i] counts those from edge i-1 up to edge i, the last those from the last edge on."""

    number: int
    shared_ids: int
    ids: int
    median_minutes: float
    longest_hours: float
    median_songs: float
    median_per_user: float
    most_per_user: int
    minutes: list[int]
    songs: list[int]


@dataclass(frozen=True)
class Songs:
    """What was played; titles are (artist, song, plays), lengths are (start of the bin in seconds, plays)."""

    plays: int
    artists: int
    titles: int
    played_once: int
    top_artists: list[tuple[str, int]]
    top_titles: list[tuple[str, str, int]]


@dataclass(frozen=True)
class Lengths:
    """How long songs last, play by play, in seconds; bins are (start, plays)."""

    mean_s: float
    deviation_s: float
    median_s: float
    longest_s: float
    bins: list[tuple[int, int]]


def sessions(events: DataFrame) -> Sessions | None:
    """The sessions, (userId, sessionId), of users' events; None when the log has no session ids."""
    named = events.where(F.col("session_id").isNotNull())
    each = (
        named.groupBy("user_id", "session_id")
        .agg(
            ((F.max("ts_ms") - F.min("ts_ms")) / MINUTE_MS).alias("minutes"),
            F.count_if(F.col("page") == SONG).alias("songs"),
        )
        .persist()
    )
    totals = each.agg(
        F.count(F.lit(1)).alias("number"),
        F.median("minutes").alias("median_minutes"),
        (F.max("minutes") / 60).alias("longest_hours"),
        F.median("songs").alias("median_songs"),
    ).first()
    of_ids = each.groupBy("session_id").agg(F.count(F.lit(1)).alias("users"))
    ids = of_ids.agg(F.count(F.lit(1)).alias("ids"), F.count_if(F.col("users") > 1).alias("shared_ids")).first()
    of_users = each.groupBy("user_id").agg(F.count(F.lit(1)).alias("n"))
    users = of_users.agg(F.median("n").alias("median_per_user"), F.max("n").alias("most_per_user")).first()
    bins = binned(each, {"minutes": SESSION_MINUTES, "songs": SESSION_SONGS})
    each.unpersist()
    if not totals["number"]:
        return None
    return Sessions(minutes=bins["minutes"], songs=bins["songs"], **totals.asDict(), **ids.asDict(), **users.asDict())


def binned(frame: DataFrame, edges: dict[str, tuple[int, ...]]) -> dict[str, list[int]]:
    """Column -> how many rows lie below its first edge, between each two, and from the last on; in one pass."""
    keys = [bin_of(F.col(name), cuts).alias(name) for name, cuts in edges.items()]
    counts = {name: [0] * (len(cuts) + 1) for name, cuts in edges.items()}
    for row in frame.groupBy(*keys).agg(F.count(F.lit(1)).alias("n")).collect():
        for name in edges:
            counts[name][row[name]] += row["n"]
    return counts


def bin_of(value: Column, edges: tuple[int, ...]) -> Column:
    """How many of the edges a value has reached."""
    reached = F.lit(0)
    for edge in edges:
        reached += (value >= edge).cast("int")
    return reached


def songs(events: DataFrame) -> Songs | None:
    """The most played artists and songs; None when the log names neither."""
    played = events.where((F.col("page") == SONG) & (F.col("artist").isNotNull() | F.col("song").isNotNull()))
    titles = played.groupBy("artist", "song").agg(F.count(F.lit(1)).alias("n")).persist()
    artists = titles.groupBy("artist").agg(F.sum("n").alias("n")).persist()
    totals = titles.agg(
        F.sum("n").alias("plays"), F.count(F.lit(1)).alias("titles"), F.count_if(F.col("n") == 1).alias("played_once")
    ).first()
    top_titles = titles.orderBy(F.desc("n"), "artist", "song").limit(TOP).collect()
    top_artists = artists.orderBy(F.desc("n"), "artist").limit(TOP).collect()
    known_artists = artists.where(F.col("artist").isNotNull()).count()
    artists.unpersist()
    titles.unpersist()
    if not totals["titles"]:
        return None
    return Songs(
        artists=known_artists,
        top_artists=[(named(row["artist"]), row["n"]) for row in top_artists],
        top_titles=[(named(row["artist"]), named(row["song"]), row["n"]) for row in top_titles],
        **totals.asDict(),
    )


def named(text: Any) -> str:
    """A text of the log, or that there is none."""
    return "(none)" if text is None else str(text)


def lengths(events: DataFrame) -> Lengths | None:
    """The lengths of the songs played; None when the log has none."""
    is_length = F.col("length_s").between(0.001, 86_400.0)  # not a number is larger than any
    played = events.where((F.col("page") == SONG) & is_length)
    totals = played.agg(
        F.avg("length_s").alias("mean_s"),
        F.stddev_pop("length_s").alias("deviation_s"),
        F.percentile_approx("length_s", 0.5).alias("median_s"),
        F.max("length_s").alias("longest_s"),
    ).first()
    if totals["mean_s"] is None:
        return None
    start = F.floor(F.least(F.col("length_s"), F.lit(float(LONGEST_S))) / LENGTH_STEP_S) * LENGTH_STEP_S
    rows = played.groupBy(start.cast("int").alias("start")).agg(F.count(F.lit(1)).alias("n")).collect()
    return Lengths(bins=sorted((row["start"], row["n"]) for row in rows), **totals.asDict())
