"""What a micro-batch needs of Spark and PySpark has no name for: rows kept as rows, what was observed, one analysis."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from py4j.java_gateway import JavaObject
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession

from churn_io.masters import is_local


@contextmanager
def computed(batch: DataFrame) -> Iterator[DataFrame]:
    """The micro-batch that foreachBatch was given, computed here, once: a second run of it would count twice."""
    if is_local(batch.sparkSession.sparkContext.master):
        # rows stay rows, where no executor can die and take them along. `persist` makes columns of them and rows
        # again, with code that is compiled for it: in small batches a sixth of all the tasks' time
        kept = batch.localCheckpoint()
        try:
            yield kept
        finally:
            kept._jdf.queryExecution().logical().rdd().unpersist(False)
        return
    kept = batch.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        kept.write.format("noop").mode("overwrite").save()
        yield kept
    finally:
        kept.unpersist()


def observed(spark: SparkSession) -> dict[str, dict[str, Any]]:
    """The observed metrics of the batch that runs now, which Spark itself reports only after its end."""
    (query,) = spark.streams.active
    metrics = query._jsq.streamingQuery().lastExecution().observedMetrics().iterator()
    found = {}
    while metrics.hasNext():
        entry = metrics.next()
        found[entry._1()] = json.loads(entry._2().json())
    return found


class Analysed:
    """A query on frames of the same columns, which Spark analyses once, and not for each frame anew.

    The analysis of a long query with a column for each feature takes longer than all its tasks in a small batch. Kept
    is the logical plan, a chain from the query's last step to the rows that it reads; a frame's rows take their place.
    """

    def __init__(self, query: Callable[[DataFrame], DataFrame], example: DataFrame) -> None:
        self._spark = example.sparkSession
        self._session = self._spark._jsparkSession
        self._schema = columns(example)
        nobody = self._spark.range(0)._jdf.queryExecution().toRdd()
        rows = self._session.internalCreateDataFrame(nobody, self._schema, False)
        self._rows = rows.queryExecution().analyzed()
        self._plan = query(DataFrame(rows, self._spark))._jdf.queryExecution().analyzed()

    def on(self, frame: DataFrame) -> DataFrame:
        """The query's outcome on a frame; raises ValueError unless it has the example's columns."""
        if not columns(frame).equals(self._schema):
            wanted, found = self._schema.simpleString(), columns(frame).simpleString()
            raise ValueError(f"wanted are the columns {wanted}, found {found}")
        jvm = self._spark._jvm
        plan = self._with_rows(self._plan, self._read(frame._jdf.queryExecution().toRdd()))
        return DataFrame(jvm.org.apache.spark.sql.classic.Dataset.ofRows(self._session, plan), self._spark)

    def _read(self, rows: JavaObject) -> JavaObject:
        """The plan's leaf, reading these rows."""
        known, none = self._rows, self._spark._jvm.scala.Option.empty()
        layout = (known.outputPartitioning(), known.outputOrdering())
        return known.copy(known.output(), rows, *layout, False, none, self._session, none, none)

    def _with_rows(self, plan: JavaObject, rows: JavaObject) -> JavaObject:
        children = plan.children()
        if children.isEmpty():
            return rows
        if children.size() > 1:
            raise ValueError(f"wanted is a chain of steps, found one of {children.size()} inputs: {plan.nodeName()}")
        below = self._with_rows(children.apply(0), rows)
        return plan.withNewChildren(self._spark._jvm.PythonUtils.toSeq([below]))


def columns(frame: DataFrame) -> JavaObject:
    """A frame's schema, in which any column may hold null: what may in one frame must not be forgotten in another."""
    return frame._jdf.schema().asNullable()
