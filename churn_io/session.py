"""The Spark session of every program: UTC, few partitions, the Kafka connector, and this Python for its workers."""

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from churn_io.jars import connector_jars
from churn_io.java import require_java

SHUFFLE_PARTITIONS = 2  # one to two a core; 200, Spark's default, would be frozen into the checkpoint
DEFAULT_MASTER = "local[2]"

ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": str(SHUFFLE_PARTITIONS),
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.streaming.stateStore.providerClass": ROCKSDB,
    # counting the rows costs a lookup per write; the progress line takes its numbers elsewhere
    "spark.sql.streaming.stateStore.rocksdb.trackTotalNumberOfRows": "false",
    # windows close with the next batch that has data; an empty batch only to close them costs a second
    "spark.sql.streaming.noDataMicroBatches.enabled": "false",
    # a clean stop waits for the running batch
    "spark.sql.streaming.stopTimeout": "60s",
    "spark.log.level": "ERROR",
}


def spark_session(app_name: str, master: str | None = None, extra: dict[str, str] | None = None) -> SparkSession:
    """A session with the product's settings; `master` None leaves the choice to spark-submit.

    Raises BadSetup when Java is missing or too old.
    """
    require_java()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.appName(app_name)
    if master is not None:
        builder = builder.master(master)
    settings = {
        **SETTINGS,
        "spark.driver.memory": os.environ.get("SPARKIFY_DRIVER_MEMORY", "3g"),
        "spark.jars": ",".join(str(Path(jar)) for jar in connector_jars()),
        **(extra or {}),
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
