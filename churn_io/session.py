"""The Spark session of every program: UTC, few partitions, connectors for Kafka and S3, this Python for its workers.

On a cluster the partitions and the workers' Python are the cluster's.
"""

import os
import signal
import sys
from collections.abc import Iterable

from pyspark.sql import SparkSession

from churn_io import class_archive, interrupts
from churn_io.jars import connector_jars, s3_jars
from churn_io.java import require_java
from churn_io.masters import is_local, require_master
from churn_io.storage import is_object_store, require_stores

SHUFFLE_PARTITIONS = 2  # one to two a core; 200, Spark's default, would be frozen into the checkpoint
JAVA_OPTIONS_NAME = "spark.driver.extraJavaOptions"
DEFAULT_MASTER = "local[*]"

ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
# How much a method must be used before HotSpot compiles it by its second, dear compiler: four times as much as by
# itself. A program of ours runs thousands of methods for a moment only, and its first minutes are short of CPU.
PATIENCE = {
    "Tier4InvocationThreshold": 20_000,
    "Tier4MinInvocationThreshold": 2_400,
    "Tier4CompileThreshold": 60_000,
    "Tier4BackEdgeThreshold": 160_000,
}
# another JVM than HotSpot knows none of them, and is not to end for it
JAVA_OPTIONS = ["-XX:+IgnoreUnrecognizedVMOptions", *(f"-XX:{name}={value}" for name, value in PATIENCE.items())]
# for a Spark on this machine; a cluster's hosts and sizes are the cluster's to say, or spark-submit's
OWN_SPARK = {
    "spark.sql.shuffle.partitions": str(SHUFFLE_PARTITIONS),
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
IDLE = "2s"  # longer than between two batches of a live stream
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.showConsoleProgress": "false",  # the programs show their own
    "spark.sql.streaming.stateStore.providerClass": ROCKSDB,
    # counting the rows costs a lookup per write; the progress line takes its numbers elsewhere
    "spark.sql.streaming.stateStore.rocksdb.trackTotalNumberOfRows": "false",
    # a second check sum of each file of a checkpoint, in a file of its own, beside that of the disk, HDFS or S3: a
    # third of the requests to S3. And a batch that is repeated writes files of the same names, which the sum that a
    # killed run left need not fit (SPARK-56461)
    "spark.sql.streaming.checkpoint.fileChecksum.enabled": "false",
    # windows close with the next batch that has data; an empty batch only to close them costs a second
    "spark.sql.streaming.noDataMicroBatches.enabled": "false",
    # all but Kafka, whose first interface turns each record that is read into an object and back
    "spark.sql.sources.useV1SourceList": "avro,csv,json,orc,parquet,text",
    # a clean stop waits for the running batch
    "spark.sql.streaming.stopTimeout": "60s",
    # a second look at a batch has Kafka clients of its own, which nobody asks again. Spark keeps them for five minutes,
    # with what they have fetched: where records are large and each batch refuses some, that fills the heap
    "spark.kafka.consumer.cache.timeout": IDLE,
    "spark.kafka.consumer.cache.evictorThreadRunInterval": IDLE,
    "spark.kafka.consumer.fetchedData.cache.timeout": IDLE,
    "spark.kafka.consumer.fetchedData.cache.evictorThreadRunInterval": IDLE,
    # the text of each query's plan is kept, and some hold tables of 100 kB; Spark's default is 1,000 of them
    "spark.sql.ui.retainedExecutions": "20",
    # of each task what it observed is kept too, the alerts of its batch among it, with or without a UI
    "spark.ui.retainedJobs": "20",
    "spark.ui.retainedStages": "20",
    "spark.ui.retainedTasks": "1000",
    "spark.log.level": "ERROR",
    # for each column that is made PySpark tells the JVM in ten calls which line of Python made it: of the 22,000 calls
    # of a stream's start 13,000. Spark's complaints then name the column and the query, not the line
    "spark.python.sql.dataFrameDebugging.enabled": "false",
}


def chosen_master(master: str | None) -> str | None:
    """The master that was named, or local[*]; None, which leaves it to spark-submit, when that started this program."""
    return master or (None if "PYSPARK_GATEWAY_PORT" in os.environ else DEFAULT_MASTER)


def spark_session(
    app_name: str,
    master: str | None = None,
    extra: dict[str, str] | None = None,
    paths: Iterable[str] = (),
    keeps_classes: bool = False,
) -> SparkSession:
    """A session with the product's settings; `master` None leaves it, hosts, sizes and connectors to spark-submit.

    `paths` are those that it will touch: one on S3 brings the connector along. With `keeps_classes` the program's end
    is `stopped`, which keeps an archive of the JVM's classes where there is none. Raises BadSetup when Java is missing
    or too old, when a cluster's master does not answer, when the jars cannot be fetched, or when S3 cannot be asked for
    one of the paths.
    """
    paths = list(paths)
    if master is not None:
        require_master(master)
    require_java()
    name_python(master)
    # glibc spreads a program's threads over up to eight arenas a core, and what RocksDB and the codecs take and give
    # back there leaves holes: a stream's memory grows by the minute. Hadoop's own programs limit them too
    arenas = os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    builder = SparkSession.builder.appName(app_name)
    settings = {**SETTINGS, "spark.executorEnv.MALLOC_ARENA_MAX": arenas}
    if master is not None:
        builder = builder.master(master)
        settings |= own_spark(master, any(is_object_store(path) for path in paths), keeps_classes)
    for name, value in {**settings, **(extra or {})}.items():
        builder = builder.config(name, value)
    # a JVM that has only half started would outlive the program. Spark's own handler, which it sets when it starts, is
    # not kept: it calls into the JVM from wherever it strikes
    with interrupts.held(signal.SIGINT):
        session = builder.getOrCreate()
    require_stores(session, paths)
    return session


def name_python(master: str | None) -> None:
    """Spark's workers on this machine run this Python; a cluster's the one that PYSPARK_PYTHON names, if it does."""
    if master is not None and is_local(master):
        os.environ["PYSPARK_PYTHON"] = sys.executable
    else:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)


def stopped(session: SparkSession) -> None:
    """The end of a program whose session `keeps_classes`."""
    options = session.sparkContext.getConf().get(JAVA_OPTIONS_NAME, "") or ""
    session.stop()
    class_archive.keep(options)


def own_spark(master: str, on_s3: bool, keeps_classes: bool = False) -> dict[str, str]:
    """What Spark needs when this program starts it itself: memory and jars; loopback and few partitions if it is here.

    The driver hands the jars to a cluster's executors.
    """
    jars = connector_jars() + (s3_jars() if on_s3 else [])
    return {
        **(OWN_SPARK | {JAVA_OPTIONS_NAME: java_options(keeps_classes)} if is_local(master) else {}),
        **(s3_settings() if on_s3 else {}),
        "spark.driver.memory": os.environ.get("SPARKIFY_DRIVER_MEMORY", "3g"),
        "spark.jars": ",".join(map(str, jars)),
    }


def java_options(keeps_classes: bool) -> str:
    """What the JVM on this machine is told when it starts."""
    return " ".join([*JAVA_OPTIONS, *class_archive.options(keeps_classes)])


def s3_settings() -> dict[str, str]:
    """For a server other than Amazon's, named as AWS's own tools want it; credentials come by AWS's usual ways."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        return {}
    return {
        "spark.hadoop.fs.s3a.endpoint": endpoint,
        "spark.hadoop.fs.s3a.endpoint.region": os.environ.get("AWS_REGION", "us-east-1"),
        "spark.hadoop.fs.s3a.path.style.access": "true",
    }
