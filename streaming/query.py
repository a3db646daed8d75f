"""The one streaming query: records -> judged events -> the open windows' states of the users they touch."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from churn.events import accepted, judged, parsed
from churn.state import (
    HOP_DAYS,
    HOP_MS,
    anchored,
    hop_start_ms,
    reanchored,
    state_columns,
    summed,
    with_local_time,
)
from streaming.log_starts import firsts
from streaming.repeats import fingerprint, first_seen

# Late events are right for weeks; the delay of an hour only says how long after its end a window closes.
# A hop on top, because a window goes on for one more hop after its tumbling twin has ended.
WATERMARK_DELAY_MS = 3600 * 1000 + HOP_MS

JUDGED = "judged"  # names of the observed metrics, one row each a batch
ACCEPTED = "accepted"
COUNTED = "counted"  # only where repeats are left out

WATERMARK = {"spark.watermarkDelayMs": WATERMARK_DELAY_MS}  # what Spark marks a column with that has the watermark


def states(records: DataFrame, dedupe_hours: int | None = None) -> DataFrame:
    """Live records -> user_id, window_start_ms and the aggregates of every (user, window) that a batch touches.

    An event that was sent twice within `dedupe_hours` counts once; None: as often as it was sent.
    """
    judged_once = records.transform(parsed).transform(judged).observe(JUDGED, *judgements())
    if dedupe_hours is None:
        counted = judged_once.transform(accepted).observe(ACCEPTED, *acceptances(), *firsts()).transform(doubled)
        timed = counted.withWatermark("ts", f"{WATERMARK_DELAY_MS} milliseconds")
    else:
        events = judged_once.transform(accepted, fingerprint()).observe(ACCEPTED, *acceptances())
        first = events.transform(first_seen, dedupe_hours, WATERMARK_DELAY_MS)
        counted = first.observe(COUNTED, F.count(F.lit(1)).alias("counted"), *firsts()).transform(doubled)
        # the watermark is that of the events before; a query may set but one
        timed = counted.withColumn("ts", F.col("ts").alias("ts", metadata=WATERMARK))
    return timed.transform(windowed).select(
        "user_id", F.unix_millis("window.start").alias("window_start_ms"), *state_columns()
    )


def judgements() -> list[Column]:
    """What the books say of judged records."""
    return [
        F.count(F.lit(1)).alias("read"),
        F.count_if(F.col("reason").isNotNull()).alias("rejected"),
        F.count_if(F.col("reason").isNull() & F.col("without_user")).alias("without_user"),
    ]


def acceptances() -> list[Column]:
    """What the books say of accepted events."""
    return [
        F.count(F.lit(1)).alias("accepted"),
        F.min("ts_ms").alias("earliest_ms"),
        F.max("ts_ms").alias("latest_ms"),
    ]


def doubled(events: DataFrame) -> DataFrame:
    """Accepted events -> each twice, anchored to the two windows that it falls into, `ts` being a time in the window.

    The windows slide by being tumbling ones that each event enters twice, the second time a hop earlier: Spark's own
    sliding window puts a struct in front of the aggregation that its code generation cannot share (janino refuses
    the class, and the aggregation falls back to an interpreter). They close a hop later than a tumbling window would.
    """
    in_newest = anchored(events.transform(with_local_time), hop_start_ms())
    in_both = in_newest.withColumn("hops_back", F.explode(F.array(F.lit(0), F.lit(1))))
    shifted = F.timestamp_millis(F.col("ts_ms") - F.col("hops_back") * HOP_MS)
    return in_both.withColumn("ts", shifted)


def windowed(timed: DataFrame) -> DataFrame:
    """Doubled events whose `ts` has a watermark, which closes old windows -> their sums by user and window."""
    return summed(timed.transform(reanchored), ["user_id", F.window("ts", f"{HOP_DAYS} days")])
