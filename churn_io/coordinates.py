"""The one place for what is fetched from Maven, and where it is kept."""

import os
from pathlib import Path

import pyspark

KAFKA_VERSION = "4.1.1"
KAFKA = ("org.apache.kafka", "kafka_2.13", KAFKA_VERSION)
BROKER_LOGGING = ("org.slf4j", "slf4j-simple", "1.7.36")  # the broker's jars log to nowhere by themselves
CONNECTOR = ("org.apache.spark", "spark-sql-kafka-0-10_2.13", pyspark.__version__)


def cache() -> Path:
    """The folder of fetched jars: SPARKIFY_CACHE, or one in the user's own cache folder."""
    return Path(os.environ.get("SPARKIFY_CACHE") or Path.home() / ".cache" / "sparkify")
