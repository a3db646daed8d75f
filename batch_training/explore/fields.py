"""All fields of a log, slim: the rules' verdict on every line, and only what the page counts, short enough to keep."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from batch_training.logs import Counts, account, event_metrics, line_metrics
from churn.events import SONG, accepted, is_accepted, judged, parsed

FIELDS = (
    "artist", "auth", "firstName", "gender", "itemInSession", "lastName", "length", "level", "location", "method",
    "page", "registration", "sessionId", "song", "status", "ts", "userAgent", "userId",
)  # fmt: skip
TEXT_LENGTH = 120  # characters kept of a free text: enough to tell songs apart
PAGES_NAMED = 8  # of the unknown ones
DEVICES = {  # what a user agent contains -> its coarse class; the first that fits
    "iPad": "iPad", "iPhone": "iPhone", "Android": "Android",
    "Windows": "Windows", "Macintosh": "Mac", "Linux": "Linux",
}  # fmt: skip

SLIM_COLUMNS = (
    "reason", "without_user", "is_json", "absent",
    "user_id", "page", "ts_ms", "level", "registered",
    "session_id", "artist", "song", "length_s", "gender", "location", "device",
)  # fmt: skip


@dataclass(frozen=True)
class Absence:
    """A field, and the share of lines without it: of all JSON lines, of users' events, of users' songs."""

    field: str
    of_lines: float
    of_events: float
    of_songs: float


def slim(records: DataFrame) -> DataFrame:
    """`value` and `recorded_ms` -> SLIM_COLUMNS, a row a line; `absent` is a map of bits (`absent_bits`)."""
    schema = ", ".join(f"{name} STRING" for name in FIELDS)
    lines = records.withColumn("fields", F.from_json(F.col("value").cast("string"), schema))
    return (
        lines.transform(parsed)
        .transform(judged)
        .withColumns(
            {
                "is_json": ~F.col("empty") & F.col("corrupt").isNull(),
                "absent": absent_bits(),
                "session_id": F.col("fields.sessionId"),
                "artist": short("artist"),
                "song": short("song"),
                "length_s": F.expr("try_cast(fields.length AS DOUBLE)"),
                "gender": short("gender"),
                "location": short("location"),
                "device": device(F.col("fields.userAgent")),
            }
        )
        .select(*SLIM_COLUMNS)
    )


def absent_bits() -> Column:
    """A bit per field, set when it is null or an empty text."""
    bits = F.lit(0)
    for position, name in enumerate(FIELDS):
        is_absent = F.coalesce(F.col(f"fields.{name}") == "", F.lit(True))
        bits += F.when(is_absent, F.lit(1 << position)).otherwise(F.lit(0))
    return bits


def short(name: str) -> Column:
    """The beginning of a field's text."""
    return F.substring(F.col(f"fields.{name}"), 1, TEXT_LENGTH)


def device(user_agent: Column) -> Column:
    """The coarse class of a user agent; null where there is none."""
    chosen = F.when(user_agent.isNull(), F.lit(None))
    for word, name in DEVICES.items():
        chosen = chosen.when(user_agent.contains(word), F.lit(name))
    return chosen.otherwise(F.lit("other"))


def users_events(lines: DataFrame) -> DataFrame:
    """Slim lines -> the accepted ones with all that an event tells, times in epoch ms."""
    return lines.where(is_accepted()).select(
        "user_id",
        "page",
        "ts_ms",
        (F.col("level") == "paid").alias("is_paid"),
        F.col("registered").cast("long").alias("registered_ms"),
        "session_id",
        "artist",
        "song",
        "length_s",
        "gender",
        "location",
        "device",
    )


def counted(path: str, lines: DataFrame) -> Counts:
    """Where the slim lines went; raises InvalidLog when no event was accepted."""
    of_lines = lines.agg(*line_metrics()).first()
    of_events = lines.transform(accepted).agg(*event_metrics()).first()
    return account(path, of_lines.asDict(), of_events.asDict())


def unknown_pages(lines: DataFrame) -> list[tuple[str, int]]:
    """The most frequent page names that the rules refuse, and how often they come."""
    refused = lines.where(F.col("reason") == "page_unknown").groupBy(F.substring("page", 1, TEXT_LENGTH).alias("name"))
    rows = refused.agg(F.count(F.lit(1)).alias("n")).orderBy(F.desc("n"), "name").limit(PAGES_NAMED)
    return [(row["name"], row["n"]) for row in rows.collect()]


def absences(lines: DataFrame) -> list[Absence]:
    """Each field's absence."""
    kinds = lines.where("is_json").groupBy(
        "absent", is_accepted().alias("is_event"), (F.col("page") == SONG).alias("is_song")
    )
    rows = kinds.agg(F.count(F.lit(1)).alias("n")).collect()
    everything = [(row["absent"], row["n"]) for row in rows]
    events = [(row["absent"], row["n"]) for row in rows if row["is_event"]]
    songs = [(row["absent"], row["n"]) for row in rows if row["is_event"] and row["is_song"]]
    return [
        Absence(name, *(share_with_bit(kind, position) for kind in (everything, events, songs)))
        for position, name in enumerate(FIELDS)
    ]


def share_with_bit(counts: list[tuple[int, int]], position: int) -> float:
    """The share of rows whose map has the bit; 0 of nothing."""
    total = sum(n for _, n in counts)
    return sum(n for bits, n in counts if bits >> position & 1) / total if total else 0.0
