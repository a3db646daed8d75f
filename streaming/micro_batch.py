"""What a stream needs of Spark and PySpark has no name for: rows kept as rows, what was observed, one planning."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from py4j.java_gateway import JavaObject
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession

from churn_io.masters import is_local

Metrics = dict[str, dict[str, Any]]  # what was observed: name of the observation -> name of the figure -> figure


def optimised(query: DataFrame) -> DataFrame:
    """The same streaming query after Spark's optimiser, which each batch runs twice over it: once more for its text.

    What is optimised already leaves it little to do.
    """
    spark = query.sparkSession
    session = spark._jsparkSession
    plan = session.sessionState().optimizer().execute(query._jdf.queryExecution().analyzed())
    return DataFrame(getattr(spark._jvm, "org.apache.spark.sql.classic.Dataset").ofRows(session, plan), spark)


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


def observed(spark: SparkSession) -> Metrics:
    """The observed metrics of the batch that runs now, which Spark itself reports only after its end."""
    (query,) = spark.streams.active
    metrics = query._jsq.streamingQuery().lastExecution().observedMetrics().iterator()
    found = {}
    while metrics.hasNext():
        entry = metrics.next()
        found[entry._1()] = json.loads(entry._2().json())
    return found


@dataclass(frozen=True)
class Outcome:
    """What a planned query makes of a frame."""

    rows: DataFrame
    observing: list[JavaObject]  # the steps of its plan that do

    def observed(self) -> Metrics:
        """What the query observed on its way; all of it once the rows have been computed, which is to happen once."""
        return {step.name(): json.loads(step.collectedMetrics().json()) for step in self.observing}


class Planned:
    """A query on frames of the same columns, which Spark analyses, optimises and plans once, and not for each frame.

    For a long query with a column for each feature that takes longer than all its tasks in a small batch. Kept is the
    physical plan, a chain from the query's last step to the rows that it reads; a frame's rows take their place. It may
    shuffle below what it observes. Raises ValueError for a query that reads its rows twice.
    """

    def __init__(self, query: Callable[[DataFrame], DataFrame], example: DataFrame) -> None:
        self._spark = example.sparkSession
        # of a session of its own: adaptive execution plans a query with a shuffle anew each time, when it runs
        self._session = self._spark._jsparkSession.cloneSession()
        self._session.conf().set("spark.sql.adaptive.enabled", "false")
        self._schema = columns(example)
        nobody = self._spark.range(0)._jdf.queryExecution().toRdd()
        rows = self._session.internalCreateDataFrame(nobody, self._schema, False)
        execution = query(DataFrame(rows, self._spark))._jdf.queryExecution()
        self._outcome_schema = execution.analyzed().schema()
        self._steps, self._reading = chain(execution.executedPlan())  # the last step first
        self._to_seq = getattr(self._spark._jvm, "org.apache.spark.api.python.PythonUtils").toSeq

    def on(self, frame: DataFrame) -> Outcome:
        """The query's outcome on a frame; raises ValueError unless it has the example's columns."""
        if not columns(frame).equals(self._schema):
            wanted, found = self._schema.simpleString(), columns(frame).simpleString()
            raise ValueError(f"wanted are the columns {wanted}, found {found}")
        known, rows = self._reading, frame._jdf.queryExecution().toRdd()
        layout = (known.outputPartitioning(), known.outputOrdering())
        plan = known.copy(known.output(), rows, known.name(), *layout, known.stream())
        observing = []
        for step in reversed(self._steps):
            plan = step.node.withNewChildren(self._to_seq([plan]))
            if step.kind == "CollectMetricsExec":
                observing.append(plan)
        computing = self._session.internalCreateDataFrame(plan.execute(), self._outcome_schema, False)
        return Outcome(DataFrame(computing, self._spark), observing)


class Step(NamedTuple):
    """A node of a physical plan, and its class's name."""

    node: JavaObject
    kind: str


def chain(plan: JavaObject) -> tuple[list[Step], JavaObject]:
    """A physical plan's steps, the last one first, and the node that reads the rows."""
    steps: list[Step] = []
    while plan.children().size() == 1:
        steps.append(Step(plan, plan.getClass().getSimpleName()))
        plan = plan.children().apply(0)
    if plan.getClass().getSimpleName() != "RDDScanExec":
        raise ValueError(f"wanted is a chain of steps from the rows to the outcome, found {plan.nodeName()}")
    return steps, plan


def columns(frame: DataFrame) -> JavaObject:
    """A frame's schema, in which any column may hold null: what may in one frame must not be forgotten in another."""
    return frame._jdf.schema().asNullable()
