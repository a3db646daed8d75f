"""What an event is: the fields that the product reads, and the rules that a record must keep to count."""

from dataclasses import dataclass
from functools import reduce
from operator import and_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from churn.metros import metro_code

SONG = "NextSong"
CANCEL_PAGES = ("Cancel", "Cancellation Confirmation")
CANCELLED = "Cancellation Confirmation"  # churn is this row; Cancel only announces it

# The position is the page's integer code: comparing integers after the window expansion is what keeps it fast.
# Ordered by how often a page occurs, so that most rows need one comparison. Append only: states hold no codes,
# but two versions that run side by side must agree.
PAGES = (
    SONG, "Thumbs Up", "Home", "Add to Playlist", "Add Friend", "Roll Advert", "Logout", "Thumbs Down",
    "Downgrade", "Settings", "Help", "Upgrade", "About", "Save Settings", "Error", "Submit Upgrade",
    "Submit Downgrade", "Cancel", CANCELLED, "Login", "Register", "Submit Registration",
)  # fmt: skip

# userId: a number in some exports. registration: a float in some, null on rows without a user.
# Only what the state needs: each further field costs parse time.
FIELDS = "userId STRING, page STRING, ts LONG, level STRING, registration DOUBLE, location STRING"
# Spark's default; but where options are given, Spark does not take the parse apart into one for each field.
ONE_PARSE = {"mode": "PERMISSIVE"}
CORRUPT = "corrupt"  # from_json puts the text of a record here that it could not read as FIELDS

EVENT_COLUMNS = ("user_id", "page_code", "ts_ms", "is_paid", "registered_ms", "metro_code")

MAX_USER_ID = 64  # characters; longer is not an id but an accident, and every key is kept in the state
LATEST_REGISTRATION_MS = 2**53  # a double is exact up to here; NaN and the infinities compare as larger
MAX_AHEAD_MS = 24 * 3600 * 1000  # an event may be a day ahead of its record, a registration of its event: clocks, zones
EARLIEST_MS = 946_684_800_000  # 2000-01-01T00:00Z; before lies what is in seconds, or from a clock that was never set

# JSON where a text should be; characters that nobody sees; and what two ids that were damaged look alike by: U+FFFD for
# bytes that are no UTF-8, a question mark for half a surrogate pair.
NOT_IN_AN_ID = r"^[{\[]|[\p{Cc}\p{Cf}\p{Cs}\x{FFFD}?]"


@dataclass(frozen=True)
class Rule:
    """A reason to refuse a record, and when it applies."""

    reason: str
    broken: Column


def page_code(page: str) -> int:
    """The integer that stands for `page` after parsing."""
    return PAGES.index(page)


def parsed(records: DataFrame) -> DataFrame:
    """`value` (JSON text or bytes) and `recorded_ms` (the record's own time) -> the event's columns beside them.

    A value that is not one JSON object of the wanted types has `corrupt` set; nothing is dropped.
    """
    text = F.col("value").cast("string")
    read = records.select("*", text.alias("text"), F.from_json(text, FIELDS, ONE_PARSE).alias("event"))
    is_clean = F.when(has_all_fields(), is_one_object(F.col("text"))).otherwise(F.lit(False))
    return read.select(
        *records.columns,
        F.col("event").isNull().alias("empty"),
        F.when(~is_clean, what_is_corrupt(F.col("text"))).alias(CORRUPT),
        F.col("event.userId").alias("user_id"),
        F.col("event.page").alias("page"),
        F.col("event.ts").alias("ts_ms"),
        F.col("event.level").alias("level"),
        F.col("event.registration").alias("registered"),
        F.col("event.location").alias("location"),
    )


def has_all_fields() -> Column:
    """Whether the column `event` lacks nothing: then the text was JSON, and each field of the wanted type."""
    are_there = [F.col(f"event.{field.split()[0]}").isNotNull() for field in FIELDS.split(", ")]
    return reduce(and_, are_there)


def what_is_corrupt(text: Column) -> Column:
    """The text again if it is not one JSON object of the wanted types, else null.

    Spark's parser keeps a faulty text only at a price for all others, so that it reads for the second time the few
    in which a field is missing.
    """
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": CORRUPT}
    again = F.from_json(text, f"{FIELDS}, {CORRUPT} STRING", options)
    return F.coalesce(again[CORRUPT], F.when(~is_one_object(text), text))


def is_one_object(text: Column) -> Column:
    """Whether nothing follows the JSON object that `text` begins with: Spark's parser would read it and stop there.

    A flat object ends at its first closing brace. Any other text is parsed again, as the only item of a list and as
    the first of two: a bracket of its own that closed the list too early would make both equally long.
    """
    before_last = text.cast("binary").substr(F.lit(1), F.octet_length(text) - 1)  # searching bytes is fast
    is_flat = text.endswith("}") & ~before_last.cast("string").contains("}")
    alone = F.json_array_length(F.concat(F.lit("["), text, F.lit("]")))  # null: no list
    followed = F.json_array_length(F.concat(F.lit("["), text, F.lit(",0]")))
    is_only = F.coalesce((alone == 1) & (followed == 2), F.lit(False))
    # a condition, not `|`: what both its sides share with other columns Spark computes beforehand, for every row
    return F.when(is_flat, F.lit(True)).otherwise(is_only)


def rules() -> tuple[Rule, ...]:
    """The rules in the order in which the first broken one names the reason."""
    is_known_page = F.col("page").isin(*PAGES)
    a_day_before_ms = F.col("ts_ms") - MAX_AHEAD_MS  # never a sum with a time that may lie near a long's end
    return (
        Rule("empty", F.col("value").isNull() | F.col("empty")),
        Rule("not_the_wanted_json", F.col(CORRUPT).isNotNull()),
        Rule("ts_missing", F.col("ts_ms").isNull()),
        Rule("ts_not_positive", F.col("ts_ms") <= 0),
        Rule("ts_too_early", F.col("ts_ms") < EARLIEST_MS),
        Rule("ts_in_the_future", a_day_before_ms > F.col("recorded_ms")),
        Rule("page_missing", F.col("page").isNull()),
        Rule("page_unknown", ~is_known_page),
        Rule("level_unknown", F.col("level").isNull() | ~F.col("level").isin("free", "paid")),
        Rule("registration_not_a_time", ~F.col("registered").between(0, LATEST_REGISTRATION_MS)),
        Rule("registration_in_the_future", F.col("registered") - MAX_AHEAD_MS > F.col("ts_ms")),
        Rule("user_id_not_an_id", F.length("user_id") > MAX_USER_ID),
        Rule("user_id_not_an_id", F.when(~is_a_number("user_id"), F.col("user_id").rlike(NOT_IN_AN_ID))),
    )


def is_a_number(column: str) -> Column:
    """Whether the id is a whole number written the usual way, as most are: found sooner than by an expression."""
    # in SQL: Spark 3.5 has it, but no method of a column's for it
    return F.coalesce(F.expr(f"try_cast({column} AS BIGINT)").cast("string") == F.col(column), F.lit(False))


def judged(events: DataFrame) -> DataFrame:
    """Parsed events with `reason` (null: no rule is broken) and `without_user`."""
    reason = F.coalesce(*(F.when(rule.broken, F.lit(rule.reason)) for rule in rules()))
    # the full set writes one pseudo id on rows of logged-out visitors; only their null registration tells
    has_user = (F.col("user_id") != "") & F.col("registered").isNotNull()
    return events.select("*", reason.alias("reason"), (~F.coalesce(has_user, F.lit(False))).alias("without_user"))


def is_accepted() -> Column:
    """Whether a judged event breaks no rule and belongs to a user."""
    return F.col("reason").isNull() & ~F.col("without_user")


def accepted(events: DataFrame, *others: Column) -> DataFrame:
    """Judged events that break no rule and belong to a user: EVENT_COLUMNS (times in epoch ms, UTC), and `others`."""
    return events.where(is_accepted()).select(
        "user_id",
        coded(F.col("page")).alias("page_code"),
        "ts_ms",
        (F.col("level") == "paid").alias("is_paid"),
        F.col("registered").cast("long").alias("registered_ms"),
        metro_code(F.col("location")).alias("metro_code"),
        *others,
    )


def coded(page: Column) -> Column:
    """The page's integer code; null for an unknown page."""
    code = F.when(page == PAGES[0], F.lit(0))
    for position, name in enumerate(PAGES[1:], start=1):
        code = code.when(page == name, F.lit(position))
    return code


def has_code(*pages: str) -> Column:
    """Whether the event is of one of `pages`."""
    codes = [page_code(page) for page in pages]
    return F.col("page_code") == codes[0] if len(codes) == 1 else F.col("page_code").isin(codes)
