"""A query that is analysed once says of a frame what it would say itself; a batch is computed once and kept whole."""

import pytest
from pyspark.sql import functions as F

from streaming.micro_batch import Analysed, computed, observed

COLUMNS = "user string, n int"


def doubled(frame):
    """A query with a filter, an aggregate and a lambda."""
    of_user = frame.where(~F.col("n").eqNullSafe(2)).groupBy("user").agg(F.sum("n").alias("n"))
    return of_user.select("user", F.transform(F.array("n"), lambda n: n * 2)[0].alias("twice"))


def test_an_analysed_query_runs_on_any_frame_of_its_columns_also_with_nulls_where_the_example_had_none(spark):
    example = spark.range(3).select(F.lit("a").alias("user"), F.col("id").cast("int").alias("n"))
    query = Analysed(doubled, example)
    frame = spark.createDataFrame([("a", 1), ("a", 5), ("b", None), (None, 4), ("c", 2)], COLUMNS)
    assert sorted(query.on(frame).collect(), key=str) == sorted(doubled(frame).collect(), key=str)
    assert query.on(example).collect() == [("a", 2)]


def test_an_analysed_query_refuses_other_columns(spark):
    query = Analysed(doubled, spark.createDataFrame([("a", 1)], COLUMNS))
    with pytest.raises(ValueError, match=r"wanted are the columns .*n:int.*, found .*n:bigint"):
        query.on(spark.createDataFrame([("a", 1)], "user string, n long"))


def test_a_query_of_two_inputs_is_refused(spark):
    frame = spark.createDataFrame([("a", 1)], COLUMNS)
    query = Analysed(lambda rows: rows.crossJoin(frame.select(F.col("n").alias("m"))), frame)
    with pytest.raises(ValueError, match="one of 2 inputs: Join"):
        query.on(frame)


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
