"""From raw scores to probabilities that mean what they say, whatever the calendar holds in store."""

import math
from dataclasses import replace
from datetime import date

import pytest
from pyspark.sql import functions as F

from batch_training.calibration import free_day_activity, platt, with_calibration
from batch_training.candidates import in_any_week
from batch_training.logs import accepted_events
from churn.free_days import EPOCH
from churn.model import LEAST_ACTIVITY, MOST_ACTIVITY, calibrated
from churn.state import DAY_MS, daily
from tests.batch_training.conftest import NOW
from tests.builders import START_MS, event, lines
from tests.churn.test_model import CARD

FREE_DAYS = {day for day in range(60) if day % 7 >= 5} | {7, 42, 52}  # Columbus, Veterans and Thanksgiving Day


def test_calibration_finds_the_odds_again(spark):
    # raw says 0.2 and 0.8; one in ten and four in ten churn
    rows = [(0.2, 1.0)] * 10 + [(0.2, 0.0)] * 90 + [(0.8, 1.0)] * 40 + [(0.8, 0.0)] * 60
    slope, intercept = platt(spark.createDataFrame(rows, "probability DOUBLE, label DOUBLE"))
    low, high = (1 / (1 + math.exp(-(slope * math.log(raw / (1 - raw)) + intercept))) for raw in (0.2, 0.8))
    assert (low, high) == (pytest.approx(0.1, abs=1e-4), pytest.approx(0.4, abs=1e-4))


def test_a_ranking_worse_than_chance_is_not_turned_round(spark):
    rows = [(0.2, 1.0)] * 40 + [(0.2, 0.0)] * 60 + [(0.8, 1.0)] * 10 + [(0.8, 0.0)] * 90
    slope, _ = platt(spark.createDataFrame(rows, "probability DOUBLE, label DOUBLE"))
    assert slope == pytest.approx(0.0, abs=1e-6)


def midnight(day):
    """Epoch ms."""
    return (day - EPOCH).days * DAY_MS


def test_a_score_means_what_it_says_whatever_weekday_it_was_calibrated_on(spark):
    # raw says 5% and 20%; in the ten days after a Saturday, five of them free, the odds are 0.7 of those
    rows = []
    for raw in (0.05, 0.2):
        odds = 0.7 * raw / (1 - raw)
        cancels = round(20_000 * odds / (1 + odds))
        rows += [(raw, 1.0)] * cancels + [(raw, 0.0)] * (20_000 - cancels)
    frame = spark.createDataFrame(rows, "probability DOUBLE, label DOUBLE")
    on_saturday = frame.withColumn("as_of_ms", F.lit(midnight(date(2018, 11, 10))))
    card = with_calibration(replace(CARD, free_day_activity=0.4, horizon_days=10), on_saturday)

    on_tuesday = spark.createDataFrame([(0.05,), (0.2,)], "raw DOUBLE")  # before three free days
    told = on_tuesday.withColumn("as_of_ms", F.lit(midnight(date(2018, 11, 20)))).select(calibrated(card, F.col("raw")))
    for (found,), raw in zip(told.collect(), (0.05, 0.2), strict=True):
        odds = 0.82 * raw / (1 - raw)
        assert found == pytest.approx(odds / (1 + odds), rel=2e-3)


def test_a_threshold_is_set_for_a_week_without_holidays(spark):
    card = replace(CARD, free_day_activity=0.4)

    def told(first_day, of=lambda frame: frame):
        days = spark.createDataFrame(
            [(midnight(first_day) + n * DAY_MS, 0.05) for n in range(7)], "as_of_ms LONG, raw DOUBLE"
        )
        return {row[0] for row in of(days).select(calibrated(card, F.col("raw"))).collect()}

    before_holidays, in_september = date(2018, 11, 4), date(2018, 9, 9)
    assert told(before_holidays) != told(in_september)
    assert told(before_holidays, in_any_week) == told(in_september)


@pytest.fixture
def activity(spark, tmp_path):
    """A function from events to the activity of free days in the sixty days from START_MS on."""

    def found(events):
        path = tmp_path / "log.json"
        path.write_text("\n".join(lines(events)))
        partials = daily(accepted_events(spark, str(path), round(NOW.timestamp() * 1000)).events)
        return free_day_activity(partials, START_MS + 1, START_MS + 60 * DAY_MS)

    return found


def visits(day, times):
    """So many, the first at midnight."""
    return [event(day + number / 24) for number in range(times)]


def test_the_activity_of_free_days_is_that_of_whole_days_in_the_span(activity):
    of_days = [event_ for day in range(1, 60) for event_ in visits(day, 1 if day in FREE_DAYS else 4)]
    cut_off, later = visits(0.5, 10), visits(61, 20)
    assert activity([*cut_off, *of_days, *later]) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("on_free_days", "on_others", "expected"),
    [(0, 4, LEAST_ACTIVITY), (1, 24, LEAST_ACTIVITY), (24, 1, MOST_ACTIVITY), (4, 0, MOST_ACTIVITY)],
)
def test_a_log_of_hardly_any_days_of_one_kind_tells_no_more_than_the_bound(activity, on_free_days, on_others, expected):
    events = [each for day in range(1, 60) for each in visits(day, on_free_days if day in FREE_DAYS else on_others)]
    assert activity(events) == expected


def test_days_without_an_event_are_days_too(activity):
    of_days = [each for day in range(1, 60) if day not in FREE_DAYS or day == 5 for each in visits(day, 4)]
    assert activity(of_days) == pytest.approx(1 / sum(day >= 1 for day in FREE_DAYS))


def test_a_span_without_free_days_takes_all_days_alike(spark):
    nothing = spark.createDataFrame([], "day_ms LONG, n_events LONG")
    assert free_day_activity(nothing, START_MS, START_MS + 5 * DAY_MS) == 1.0
