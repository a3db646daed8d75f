import json
import math

import pytest
from pyspark.sql import functions as F

from churn.events import EVENT_COLUMNS, accepted, judged, parsed
from churn.state import DAY_MS
from tests.builders import START_MS, event

RECORDED_MS = 1_600_000_000_000


INTACT = json.dumps(event(1, location="Bend, OR")).encode()
EVENTS = [
    (event(1), "accepted"),
    (event(1, user=95), "accepted"),
    (event(1, registration=1.538173362796e12), "accepted"),
    (event(1, user=""), "without_user"),
    (event(1, user=None), "without_user"),
    (event(1, user="1261737", registration=None), "without_user"),
    (event(1, page="Cartwheel"), "page_unknown"),
    (event(1, page=None), "page_missing"),
    (event(1, level="gold"), "level_unknown"),
    (event(1, level=None), "level_unknown"),
    (event(1, ts=None), "ts_missing"),
    (event(1, ts=0), "ts_not_positive"),
    (event(1, ts=1), "ts_too_early"),
    (event(1, ts=START_MS // 1000), "ts_too_early"),
    (event(1, ts=946_684_799_999), "ts_too_early"),
    (event(1, ts=946_684_800_000, registration=0), "accepted"),
    (event(1, ts=4_102_444_800_000), "ts_in_the_future"),
    (event(1, ts="yesterday"), "not_the_wanted_json"),
    (event(1, ts=1.5), "not_the_wanted_json"),
    (event(1, ts=math.nan), "not_the_wanted_json"),
    (event(1, ts=math.inf), "not_the_wanted_json"),
    (event(1, ts="NaN"), "not_the_wanted_json"),
    (event(1, ts=2**63), "not_the_wanted_json"),
    (event(1, ts=1e300), "not_the_wanted_json"),
    (event(1, ts=2**63 - 1), "ts_in_the_future"),
    (event(1, ts=-(2**63)), "ts_not_positive"),
    (event(1, registration="a while ago"), "not_the_wanted_json"),
    (event(1, registration=1e30), "registration_not_a_time"),
    (event(1, registration=-1), "registration_not_a_time"),
    (event(1, registration=4_102_444_800_000), "registration_in_the_future"),
    (event(1, registration=START_MS + 2 * DAY_MS), "accepted"),
    (event(1, registration=START_MS + 2 * DAY_MS + 1), "registration_in_the_future"),
    (event(1, registration=math.nan), "registration_not_a_time"),
    (event(1, registration="Infinity"), "registration_not_a_time"),
    (event(1, registration=math.inf), "registration_not_a_time"),
    (event(1, registration=-math.inf), "registration_not_a_time"),
    (event(1, registration=2**63), "registration_not_a_time"),
    (event(1, song="an { open brace"), "accepted"),
    (event(1, nested={"a": [{}]}), "accepted"),
    (event(1, user={"id": 7}), "user_id_not_an_id"),
    (event(1, user="x" * 65), "user_id_not_an_id"),
    (event(1, user="u1\u200b"), "user_id_not_an_id"),
    (event(1, user="\u202eu1"), "user_id_not_an_id"),
    (event(1, user="u\n1"), "user_id_not_an_id"),
    (event(1, user="\ud800"), "user_id_not_an_id"),
    (event(1, user="日本 é-1"), "accepted"),
]

NO_EVENTS = [
    (None, "empty"),
    (b"", "empty"),
    (b"{", "not_the_wanted_json"),
    # a field whose closing quote is damaged is passed over beside one that is intact, and only beside one
    (INTACT[:-1] + b', "userId": "7\x15}', "accepted"),
    (INTACT.replace(b"{", b'{"userId": "7\x00, "auth": "Logged In", '), "accepted"),
    (INTACT.replace(b"{", b'{"userId": "7\\q, "auth": "Logged In", '), "accepted"),
    (json.dumps(event(1))[:-1].encode() + b', "location": "Bend\x15}', "not_the_wanted_json"),
    (json.dumps(event(1))[:-1].encode() + b', "location": "Bend\\q}', "not_the_wanted_json"),
    (b"not json", "not_the_wanted_json"),
    (b"[1, 2]", "not_the_wanted_json"),
    (b'"text"', "not_the_wanted_json"),
    (b"\xff\xfe\x00", "not_the_wanted_json"),
    (b"{}", "ts_missing"),
    (json.dumps(event(1)).encode() + b" ", "accepted"),
    (json.dumps(event(1)).encode() + b"\r\n", "accepted"),
    (json.dumps(event(1)).encode() + b" trailing }", "not_the_wanted_json"),
    (json.dumps(event(1)).encode() + b"] }", "not_the_wanted_json"),
    (json.dumps(event(1)).encode() + b",0] }", "not_the_wanted_json"),
    (json.dumps(event(1)).encode().replace(b"u1", b"u\xff1"), "user_id_not_an_id"),
    (json.dumps(event(1)).encode() + b" trailing", "not_the_wanted_json"),
    (json.dumps(event(1)).encode() * 2, "not_the_wanted_json"),
    (json.dumps(event(1)).encode() + b",\n" + json.dumps(event(1)).encode(), "not_the_wanted_json"),
]


@pytest.fixture(scope="module")
def verdicts(spark):
    """What becomes of each value: all are judged in one query, since a query of its own takes each a second."""
    cases = [value for value, _ in NO_EVENTS] + [json.dumps(value).encode() for value, _ in EVENTS]
    records = spark.createDataFrame([(value,) for value in cases], "value BINARY")
    rows = records.withColumn("recorded_ms", F.lit(RECORDED_MS)).transform(parsed).transform(judged).collect()
    found = [row.reason or ("without_user" if row.without_user else "accepted") for row in rows]
    return dict(zip(cases, found, strict=True))


@pytest.mark.parametrize(("value", "expected"), EVENTS)
def test_each_rule_gives_its_reason(verdicts, value, expected):
    assert verdicts[json.dumps(value).encode()] == expected


@pytest.mark.parametrize(("value", "expected"), NO_EVENTS)
def test_a_value_that_is_no_event_has_a_reason(verdicts, value, expected):
    assert verdicts[value] == expected


def test_a_number_and_a_text_as_user_id_are_one_user(spark):
    values = [(json.dumps(event(1, user=95)),), (json.dumps(event(1, user="95")),)]
    records = spark.createDataFrame(values, "value STRING").withColumn("recorded_ms", F.lit(RECORDED_MS))
    rows = records.transform(parsed).transform(judged).transform(accepted).collect()
    assert [row.user_id for row in rows] == ["95", "95"]
    assert rows[0].asDict().keys() == set(EVENT_COLUMNS)


@pytest.mark.parametrize(
    ("ts", "recorded_ms", "reason"),
    [
        (2**63 - 1, -1, "ts_in_the_future"),
        (2**63 - 1, 2**63 - 1, None),
        (-(2**63), 2**63 - 1, "ts_not_positive"),
        (1, 2**63 - 1, "ts_too_early"),
    ],
)
def test_no_time_is_too_large_to_be_compared(spark, ts, recorded_ms, reason):
    """A sum that leaves the longs would end the query."""
    value = json.dumps(event(1, ts=ts, registration=2**53))
    records = spark.createDataFrame([(value, recorded_ms)], "value STRING, recorded_ms LONG")
    assert records.transform(parsed).transform(judged).first().reason == reason


@pytest.mark.parametrize(
    ("doubled", "location", "expected"),
    [
        ('"userId": "last"', "Bend, OR", "last"),
        ('"userId": "last"', None, "last"),
        ('"ts": "no time"', "Bend, OR", "u1"),
        ('"ts": "no time"', None, None),
    ],
)
def test_of_a_doubled_field_the_last_that_fits_counts_if_no_field_is_missing(spark, doubled, location, expected):
    """Only a record that lacks a field is read the slow way, which sees a value of another type that was replaced."""
    text = f"{json.dumps(event(1, location=location))[:-1]}, {doubled}}}"
    records = spark.createDataFrame([(text,)], "value STRING").withColumn("recorded_ms", F.lit(RECORDED_MS))
    row = records.transform(parsed).transform(judged).first()
    assert (row.user_id if row.reason is None else None) == expected
    assert row.reason in (None, "not_the_wanted_json")
