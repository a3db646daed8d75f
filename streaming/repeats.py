"""Events that were sent twice: the first counts, and is remembered for some hours of event time.

A repeat is a record of the same bytes. What is older than the hours cannot be told from a repeat, and is late.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from churn.state import HOP_DAYS

HOUR_MS = 3_600_000
MAX_HOURS = 24 * HOP_DAYS  # what is older may be late without this: its windows close

SEEN_UNTIL = "seen_until"
FINGERPRINT = "fingerprint"


def fingerprint() -> Column:
    """A hash of the record's bytes: 64 bits, which only events of the same millisecond share a chance to collide in."""
    return F.xxhash64("value").alias(FINGERPRINT)


def shift_ms(hours: int, delay_ms: int) -> int:
    """How much earlier than the event the time lies by which it is remembered.

    A query has one watermark, and the windows' lies `delay_ms` behind the clock: it passes the shifted time when the
    clock is `hours` past the event.
    """
    return delay_ms - hours * HOUR_MS


def first_seen(events: DataFrame, hours: int, delay_ms: int) -> DataFrame:
    """Accepted events with their `fingerprint` -> each once, without those that are late; sets the watermark."""
    seen_until = F.timestamp_millis(F.col("ts_ms") - shift_ms(hours, delay_ms))
    timed = events.withColumn(SEEN_UNTIL, seen_until).withWatermark(SEEN_UNTIL, f"{hours * HOUR_MS} milliseconds")
    return timed.dropDuplicates([SEEN_UNTIL, FINGERPRINT]).drop(SEEN_UNTIL, FINGERPRINT)


def forgotten_before(watermark_ms: int, hours: int, delay_ms: int) -> int:
    """The moment (epoch ms) before which this watermark has events forgotten; Spark's own bound is inclusive."""
    return watermark_ms + shift_ms(hours, delay_ms) + 1
