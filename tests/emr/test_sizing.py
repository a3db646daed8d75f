"""Sizes, times and prices: an estimate, whose worked example is the public set of 12 GB."""

import pytest

from cloud.sizing import estimated, in_words, json_bytes, sized


def test_the_public_set_is_the_worked_example():
    size = sized(12 * 10**9)
    assert (size.executors, size.cores) == (2, 8)
    assert estimated(size, "serverless").seconds == pytest.approx(120 + 90 + 165)
    assert estimated(size, "serverless").dollars == pytest.approx(0.095, abs=0.001)
    assert estimated(size, "transient").dollars == pytest.approx(0.158, abs=0.001)
    assert in_words(size, "serverless") == (
        "12.00 GB of JSON: 2 executors of 4 vCPU; an estimate: 6 minutes, some $0.09 (docs/emr.md says what it assumes)"
    )


def test_a_cluster_that_runs_anyway_costs_nothing_more():
    assert "nothing beyond the cluster's own price" in in_words(sized(10**9), "cluster")


@pytest.mark.parametrize(("gb", "executors"), [(0.1, 2), (12, 2), (13, 3), (60, 10), (1000, 32)])
def test_executors_grow_with_the_log_from_two_to_thirty_two(gb, executors):
    assert sized(round(gb * 10**9)).executors == executors


def test_a_compressed_file_counts_as_what_it_holds():
    assert json_bytes([("a.json", 100), ("b.json.gz", 100), ("c.parquet", 100)]) == 2100
