"""The ceiling: Spark reads the topic and parses the fields that the product needs, and does nothing else."""

import json
import sys
import time

from pyspark.sql import functions as F

from churn.events import FIELDS, ONE_PARSE
from churn_io.session import DEFAULT_MASTER, spark_session
from streaming.commands import MAX_EVENTS
from streaming.source import Source, live


def main(bootstrap: str, topic: str, checkpoint: str) -> None:
    """Drain the topic; prints one JSON line."""
    began = time.monotonic()
    spark = spark_session("parse-alone", DEFAULT_MASTER)
    records = live(spark, Source(bootstrap, topic, MAX_EVENTS))
    events = records.select(F.from_json(F.col("value").cast("string"), FIELDS, ONE_PARSE).alias("event"))
    writer = events.select("event.*").writeStream.format("noop").option("checkpointLocation", checkpoint)
    query = writer.trigger(availableNow=True).start()
    query.awaitTermination()
    read = sum(progress["numInputRows"] for progress in query.recentProgress)
    spark.stop()
    print(json.dumps({"events": read, "seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main(*sys.argv[1:])
