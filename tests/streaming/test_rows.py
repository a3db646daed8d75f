"""Rows of the driver's: what was put in comes out, and no Python worker has a part in it."""

from streaming.rows import texts, with_longs


def test_each_row_gets_its_longs_and_what_is_unknown(spark):
    found = with_longs(spark.range(2), {"as_of_ms": 2**53 + 1, "log_start_ms": None})
    assert found.collect() == [(0, 2**53 + 1, None), (1, 2**53 + 1, None)]


def test_texts_come_out_as_they_went_in_and_in_their_order(spark):
    rows = [("ü\"'\\", '{"a": "x\\ny"}'), ("\u2028", ""), ("1", ":rows")]
    found = texts(spark, rows, ("key", "value"))
    assert found.columns == ["key", "value"]
    assert found.collect() == rows
    assert found.rdd.getNumPartitions() == 1


def test_no_python_worker_has_a_part_in_it(spark):
    plan = texts(spark, [("k", "v")], ("key", "value"))._jdf.queryExecution().toString()
    assert "ExistingRDD" not in plan  # what createDataFrame makes of rows: an RDD that a worker pickles
