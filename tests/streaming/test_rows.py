"""Rows of the driver's: what was put in comes out, and no Python worker has a part in it."""

import pytest

from streaming.rows import one_row, texts


def test_a_row_holds_its_longs_and_what_is_unknown(spark):
    assert one_row(spark, {"as_of_ms": 2**53 + 1, "log_start_ms": None}).collect() == [(2**53 + 1, None)]


def test_texts_come_out_as_they_went_in_and_in_their_order(spark):
    rows = [("ü\"'\\", '{"a": "x\\ny"}'), ("\u2028", ""), ("1", ":rows")]
    found = texts(spark, rows, ("key", "value"))
    assert found.columns == ["key", "value"]
    assert found.collect() == rows
    assert found.rdd.getNumPartitions() == 1


@pytest.mark.parametrize("make", [lambda s: one_row(s, {"a": 1}), lambda s: texts(s, [("k", "v")], ("key", "value"))])
def test_no_python_worker_has_a_part_in_it(spark, make):
    plan = make(spark)._jdf.queryExecution().toString()
    assert "ExistingRDD" not in plan  # what createDataFrame makes of rows: an RDD that a worker pickles
