"""A log is read whole, in any of its forms, and every line of it is accounted for."""

import gzip
import json
import math

import pytest

from batch_training.logs import accepted_events
from churn.errors import InvalidLog
from tests.builders import START_MS, cancel, event, lines

PRESENT_MS = START_MS + 1000 * 24 * 3600 * 1000
EVENTS = [event(1), event(2, user=95), event(3, "Thumbs Up"), *cancel(4)]


def counts(spark, path):
    """The log's account, after its one pass."""
    log = accepted_events(spark, str(path), PRESENT_MS)
    log.events.localCheckpoint()
    return log.counts()


def test_every_line_is_an_event_or_without_a_user_or_rejected(spark, tmp_path):
    path = tmp_path / "log.json"
    path.write_text("\n".join([*lines(EVENTS), json.dumps(event(1, user="")), "{not json", '{"page": "Home"}', ""]))
    found = counts(spark, path)
    assert (found.read, found.accepted, found.without_user) == (8, 5, 1)
    assert found.rejected == {"not_the_wanted_json": 1, "ts_missing": 1}
    assert (found.cancels, found.first_ms, found.last_ms) == (1, EVENTS[0]["ts"], EVENTS[-1]["ts"])


def test_gzip_nested_folders_and_parquet_hold_the_same_events(spark, tmp_path):
    text = "\n".join(lines(EVENTS))
    plain = tmp_path / "plain.json"
    plain.write_text(text)
    nested = tmp_path / "nested" / "2018" / "11"
    nested.mkdir(parents=True)
    with gzip.open(nested / "events.json.gz", "wt") as file:
        file.write(text)
    spark.read.json(str(plain)).write.parquet(str(tmp_path / "parquet"))
    expected = counts(spark, plain)
    assert expected.accepted == 5
    assert counts(spark, tmp_path / "nested") == expected
    assert counts(spark, tmp_path / "parquet") == expected


def test_parquet_with_timestamps_holds_the_same_events(spark, tmp_path):
    rows = spark.read.json(spark.sparkContext.parallelize(lines(EVENTS)))
    timed = rows.selectExpr("* EXCEPT (ts)", "timestamp_millis(ts) AS ts")
    timed.write.parquet(str(tmp_path / "timed"))
    assert counts(spark, tmp_path / "timed").first_ms == EVENTS[0]["ts"]


def test_numbers_that_are_none_are_rejected_and_counted_and_change_nothing_else(spark, tmp_path):
    strange = [event(1, ts=math.nan), event(1, ts=math.inf), event(1, ts=1e300), event(1, registration=math.nan)]
    strange += [event(1, registration=-math.inf), event(1, registration=1e30), event(1, ts=2**63 - 1)]
    clean, mixed = tmp_path / "clean.json", tmp_path / "mixed.json"
    clean.write_text("\n".join(lines(EVENTS)))
    mixed.write_text("\n".join(lines([*strange, *EVENTS])))
    found = counts(spark, mixed)
    assert found.rejected == {"not_the_wanted_json": 3, "ts_in_the_future": 1, "registration_not_a_time": 3}
    assert (found.first_ms, found.last_ms) == (EVENTS[0]["ts"], EVENTS[-1]["ts"])
    kept = [accepted_events(spark, str(path), PRESENT_MS).events for path in (clean, mixed)]
    assert kept[0].exceptAll(kept[1]).isEmpty()
    assert kept[1].exceptAll(kept[0]).isEmpty()


def test_numbers_that_are_none_are_rejected_from_parquet_too(spark, tmp_path):
    rows = spark.read.json(spark.sparkContext.parallelize(lines(EVENTS)))
    strange = rows.limit(3).selectExpr("* EXCEPT (registration)", "double('NaN') AS registration")
    (rows.selectExpr("* EXCEPT (registration)", "double(registration) AS registration")).unionByName(
        strange
    ).write.parquet(str(tmp_path / "mixed"))
    found = counts(spark, tmp_path / "mixed")
    assert (found.accepted, found.rejected) == (len(EVENTS), {"registration_not_a_time": 3})


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "no usable event in 0 lines"), ("artist,song\n", r"no usable event in 1 lines .*not_the_wanted_json")],
)
def test_a_log_without_events_says_what_it_holds(spark, tmp_path, content, said):
    path = tmp_path / "log.json"
    path.write_text(content)
    with pytest.raises(InvalidLog, match=said):
        counts(spark, path)


def test_a_missing_log_is_named(spark, tmp_path):
    with pytest.raises(InvalidLog, match="no log there"):
        accepted_events(spark, str(tmp_path / "nowhere"), PRESENT_MS)


def test_an_empty_folder_is_no_log(spark, tmp_path):
    with pytest.raises(InvalidLog, match="an empty folder"):
        accepted_events(spark, str(tmp_path), PRESENT_MS)


def test_parquet_with_other_columns_is_refused(spark, tmp_path):
    path = str(tmp_path / "other")
    spark.range(1).write.parquet(path)
    with pytest.raises(InvalidLog, match="lacks userId, page"):
        accepted_events(spark, path, PRESENT_MS)
