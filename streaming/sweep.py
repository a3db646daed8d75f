"""Users who fall silent send no events: the sweep reads everybody's state back from the checkpoint."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from churn.state import state_columns


def stored_states(spark: SparkSession, query_folder: str, batch_id: int) -> DataFrame:
    """The states as of a finished batch, with the columns of the streaming query's output.

    The store names its columns after the aggregate functions, several alike: they are taken by position.
    """
    rows = spark.read.format("statestore").option("batchId", batch_id).load(query_folder)
    flat = rows.select("key.user_id", F.unix_millis("key.window.start"), "value.*")
    return flat.toDF("user_id", "window_start_ms", *state_columns())
