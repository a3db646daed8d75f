"""Rows that the driver knows, as frames without a Python worker: `createDataFrame` would start one for them."""

import json
from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession


def with_longs(frame: DataFrame, values: Mapping[str, int | None]) -> DataFrame:
    """The frame with columns of one long each.

    They come as data, a list of one row: new literals in each batch would have its code compiled anew, and a join
    with a frame of one row is a job of its own. In SQL, for it is one call into the JVM.
    """
    fields = (f"CAST({'NULL' if value is None else value} AS BIGINT) AS {name}" for name, value in values.items())
    return frame.selectExpr("*", f"inline(array(struct({', '.join(fields)})))")


def texts(spark: SparkSession, rows: Sequence[tuple[str, str]], names: tuple[str, str]) -> DataFrame:
    """Rows of two texts, in their order, on one partition."""
    as_json = json.dumps([dict(zip(names, row, strict=True)) for row in rows])
    fields = ", ".join(f"{name}: string" for name in names)
    return spark.sql(f"SELECT inline(from_json(:rows, 'array<struct<{fields}>>'))", args={"rows": as_json})
