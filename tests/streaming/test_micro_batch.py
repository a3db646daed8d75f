"""A query that is planned once says of a frame what it would say itself; a batch is computed once and kept whole."""

import pytest
from pyspark.sql import functions as F

from streaming.micro_batch import Planned, computed, observed, optimised
from streaming.query import states

COLUMNS = "user string, n int"


def doubled(frame):
    """A query with a filter, a lambda and something to observe."""
    of_user = frame.where(~F.col("n").eqNullSafe(2)).observe("seen", F.sum("n").alias("n"))
    return of_user.select("user", F.transform(F.array("n"), lambda n: n * 2)[0].alias("twice"))


def test_a_planned_query_runs_on_any_frame_of_its_columns_also_with_nulls_where_the_example_had_none(spark):
    example = spark.range(3).select(F.lit("a").alias("user"), F.col("id").cast("int").alias("n"))
    query = Planned(doubled, example)
    frame = spark.createDataFrame([("a", 1), ("a", 5), ("b", None), (None, 4), ("c", 2)], COLUMNS)
    assert sorted(query.on(frame).rows.collect(), key=str) == sorted(doubled(frame).collect(), key=str)
    assert query.on(example).rows.collect() == [("a", 0), ("a", 2)]


def test_a_planned_query_observes_each_frame_for_itself(spark):
    query = Planned(doubled, spark.createDataFrame([("a", 1)], COLUMNS))
    first, second = (query.on(spark.createDataFrame(rows, COLUMNS)) for rows in ([("a", 1), ("b", 5)], [("c", 7)]))
    for outcome in (second, first):
        outcome.rows.collect()
    assert first.observed() == {"seen": {"n": 6}}
    assert second.observed() == {"seen": {"n": 7}}


def test_a_planned_query_refuses_other_columns(spark):
    query = Planned(doubled, spark.createDataFrame([("a", 1)], COLUMNS))
    with pytest.raises(ValueError, match=r"wanted are the columns .*n:int.*, found .*n:bigint"):
        query.on(spark.createDataFrame([("a", 1)], "user string, n long"))


def grouped(frame):
    """A query that moves rows from one task to another."""
    return frame.groupBy("user").agg(F.sum("n").alias("n")).observe("seen", F.count(F.lit(1)).alias("users"))


def test_a_planned_query_may_shuffle_below_what_it_observes(spark):
    query = Planned(grouped, spark.createDataFrame([("a", 1)], COLUMNS))
    outcome = query.on(spark.createDataFrame([("a", 1), ("b", 7), ("a", 2)], COLUMNS).repartition(3))
    assert sorted(outcome.rows.collect()) == [("a", 3), ("b", 7)]
    assert outcome.observed() == {"seen": {"users": 2}}


def test_a_query_that_reads_its_rows_twice_is_refused(spark):
    frame = spark.createDataFrame([("a", 1)], COLUMNS)
    with pytest.raises(ValueError, match="wanted is a chain of steps from the rows to the outcome, found Union"):
        Planned(lambda rows: rows.union(rows), frame)


def test_a_computed_batch_holds_each_of_its_rows_and_runs_once(spark, tmp_path):
    """Spark hands out one row object many times: kept as it comes, all rows would be the last."""
    computations = []

    def keep(batch, _number):
        with computed(batch) as kept:
            assert sorted(row.n for row in kept.collect()) == list(range(500))
            assert kept.agg(F.sum("n")).first()[0] == sum(range(500))
            computations.append(observed(spark)["rows"]["computed"])

    spark.range(500).withColumnRenamed("id", "n").write.parquet(str(tmp_path / "in"))
    rows = spark.readStream.schema("n long").parquet(str(tmp_path / "in")).groupBy("n").count()
    rows = rows.observe("rows", F.count(F.lit(1)).alias("computed"))
    query = rows.writeStream.outputMode("update").foreachBatch(keep).option("checkpointLocation", str(tmp_path / "c"))
    query.trigger(availableNow=True).start().awaitTermination()
    assert computations == [500]


def test_an_optimised_stream_leaves_the_optimiser_little_to_do(spark):
    record = {"key": "binary", "value": "binary", "topic": "string", "partition": "int", "offset": "bigint"}
    records = (
        spark.readStream.format("rate")
        .load()
        .select(
            *(F.lit(None).cast(kind).alias(name) for name, kind in record.items()),
            F.unix_millis("timestamp").alias("recorded_ms"),
        )
    )
    query = states(records)
    once = optimised(query)
    assert once.schema == query.schema
    assert once.isStreaming
    assert changes_by_the_optimiser(once) < 0.5 * changes_by_the_optimiser(query)


def changes_by_the_optimiser(query):
    """How often one of the rules of Spark's optimiser makes something else of a query's plan."""
    spark = query.sparkSession
    tracker = spark._jvm.org.apache.spark.sql.catalyst.QueryPlanningTracker(getattr(spark._jvm, "scala.Option").empty())
    plan = query._jdf.queryExecution().analyzed()
    spark._jsparkSession.sessionState().optimizer().executeAndTrack(plan, tracker)
    rules = tracker.rules().valuesIterator()
    changes = 0
    while rules.hasNext():
        changes += rules.next().numEffectiveInvocations()
    return changes
