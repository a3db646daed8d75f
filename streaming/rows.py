"""Rows that the driver knows, as frames without a Python worker: `createDataFrame` would start one for them."""

import json
from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession


def one_row(spark: SparkSession, values: Mapping[str, int | None]) -> DataFrame:
    """A row of longs. They are data, not literals: new literals in each batch would have its code compiled anew."""
    columns = ", ".join(values)
    casts = ", ".join(f"CAST(:{name} AS LONG)" for name in values)
    return spark.sql(f"SELECT * FROM VALUES ({casts}) AS row({columns})", args=dict(values))


def texts(spark: SparkSession, rows: Sequence[tuple[str, str]], names: tuple[str, str]) -> DataFrame:
    """Rows of two texts, in their order, on one partition."""
    as_json = json.dumps([dict(zip(names, row, strict=True)) for row in rows])
    fields = ", ".join(f"{name}: string" for name in names)
    return spark.sql(f"SELECT inline(from_json(:rows, 'array<struct<{fields}>>'))", args={"rows": as_json})
