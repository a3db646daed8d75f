"""The calendar is that of the package `holidays`, frozen: a new release of it must not change a running state."""

from datetime import date, timedelta

import pytest
from holidays import country_holidays
from pyspark.sql import functions as F

from churn.free_days import EPOCH, free_days_after, holidays, holidays_between, is_holiday, is_weekend
from churn.state import DAY_MS
from tests.builders import naive_free_days

YEARS = range(2015, 2036)


def test_the_table_holds_the_federal_holidays_as_the_package_has_them():
    assert holidays() == set(country_holidays("US", years=YEARS))


@pytest.fixture(scope="module")
def days(spark):
    """Every day of the table's years and some outside, with what the columns say of it."""
    first, last = (date(YEARS[0], 1, 1) - EPOCH).days - 30, (date(YEARS[-1], 12, 31) - EPOCH).days + 30
    day = F.col("day")
    frame = spark.range(first, last).select(F.col("id").cast("int").alias("day"))
    rows = frame.select("day", is_holiday(day), is_weekend(day), holidays_between(day, day + 10)).collect()
    return {EPOCH + timedelta(row[0]): tuple(row)[1:] for row in rows}


def test_every_day_is_known_for_a_holiday_and_a_weekend(days):
    for day, (is_free, is_late, _) in days.items():
        assert is_free == (day in holidays()), day
        assert is_late == (day.weekday() >= 5), day


def test_holidays_ahead_are_counted_from_today_on(days):
    for day, (_, _, ahead) in days.items():
        assert ahead == sum(day + timedelta(number) in holidays() for number in range(10)), day
    assert days[date(2018, 11, 20)][2] == 1  # Thanksgiving
    assert days[date(2018, 12, 24)][2] == 2  # Christmas and New Year


@pytest.mark.parametrize("days", [1, 7, 10, 28])
@pytest.mark.parametrize("gone", [0.0, 0.25])
def test_free_days_after_a_moment_are_weekends_and_holidays_and_parts_count(spark, days, gone):
    first, last = (date(YEARS[0], 1, 1) - EPOCH).days - 40, (date(YEARS[-1], 12, 31) - EPOCH).days + 40
    found = free_days_after(F.col("id") + F.lit(gone), days)
    for number, counted in spark.range(first, last).select("id", found).collect():
        expected = naive_free_days(round((number + gone) * DAY_MS), days)
        assert counted == pytest.approx(expected), EPOCH + timedelta(number)
