"""Users who fall silent send no events: the sweep reads everybody's state back from the checkpoint."""

from typing import cast

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from churn.state import state_columns


def stored_states(spark: SparkSession, query_folder: str, batch_id: int) -> DataFrame:
    """The states as of a finished batch, with the columns of the streaming query's output.

    The store names its columns after the aggregate functions, several alike: a name would find the last of them.
    """
    rows = spark.read.format("statestore").option("batchId", batch_id).load(query_folder)
    kinds = [field.dataType.simpleString() for field in cast(T.StructType, rows.schema["value"].dataType)]
    named = ", ".join(f"{name}: {kind}" for name, kind in zip(state_columns(), kinds, strict=True))
    state = F.col("value").cast(f"struct<{named}>").alias("state")  # a cast of structs goes by position
    return rows.select("key.user_id", F.unix_millis("key.window.start").alias("window_start_ms"), state).select(
        "user_id", "window_start_ms", "state.*"
    )
