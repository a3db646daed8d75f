"""The one streaming query: records -> judged events -> the open windows' states of the users they touch."""

from pyspark.sql import DataFrame
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

# Late events are right for weeks; the delay of an hour only says how long after its end a window closes.
# A hop on top, because a window goes on for one more hop after its tumbling twin has ended.
WATERMARK_DELAY_MS = 3600 * 1000 + HOP_MS

JUDGED = "judged"  # names of the observed metrics, one row each a batch
ACCEPTED = "accepted"


def states(records: DataFrame) -> DataFrame:
    """Live records -> user_id, window_start_ms and the aggregates of every (user, window) that a batch touches."""
    events = (
        records.transform(parsed)
        .transform(judged)
        .observe(
            JUDGED,
            F.count(F.lit(1)).alias("read"),
            F.count_if(F.col("reason").isNotNull()).alias("rejected"),
            F.count_if(F.col("reason").isNull() & F.col("without_user")).alias("without_user"),
        )
        .transform(accepted)
        .observe(
            ACCEPTED,
            F.count(F.lit(1)).alias("accepted"),
            F.min("ts_ms").alias("earliest_ms"),
            F.max("ts_ms").alias("latest_ms"),
        )
    )
    return events.transform(windowed).select(
        "user_id", F.unix_millis("window.start").alias("window_start_ms"), *state_columns()
    )


def windowed(events: DataFrame) -> DataFrame:
    """Accepted events -> their sums by user and sliding window, with a watermark that closes old windows.

    The windows slide by being tumbling ones that each event enters twice, the second time a hop earlier: Spark's own
    sliding window puts a struct in front of the aggregation that its code generation cannot share (janino refuses
    the class, and the aggregation falls back to an interpreter). They close a hop later than a tumbling window would.
    """
    in_newest = anchored(events.transform(with_local_time), hop_start_ms())
    in_both = in_newest.withColumn("hops_back", F.explode(F.array(F.lit(0), F.lit(1))))
    shifted = F.timestamp_millis(F.col("ts_ms") - F.col("hops_back") * HOP_MS)
    timed = in_both.withColumn("ts", shifted).withWatermark("ts", f"{WATERMARK_DELAY_MS} milliseconds")
    return summed(timed.transform(reanchored), ["user_id", F.window("ts", f"{HOP_DAYS} days")])
