"""The calendar of the United States: federal holidays, with the weekdays on which they are observed."""

from datetime import date, timedelta
from functools import cache

from pyspark.sql import Column
from pyspark.sql import functions as F

from churn.constants import rows

EPOCH = date(1970, 1, 1)  # a Thursday
SATURDAY = 5  # counted from Monday, 0


@cache
def holidays() -> frozenset[date]:
    """The holidays in the table; outside its years there are none."""
    return frozenset(date.fromisoformat(row["day"]) for row in rows("holidays.csv"))


@cache
def first_day() -> int:
    """The day (since the epoch) on which the table's first year begins."""
    return (date(min(holidays()).year, 1, 1) - EPOCH).days


@cache
def calendar() -> bytes:
    """A digit a day from the table's first year to its last: 1 for a holiday.

    A list of numbers would make each query's plan slow to work on, and each task slow to read.
    """
    days = (date(max(holidays()).year + 1, 1, 1) - EPOCH).days - first_day()
    start = EPOCH + timedelta(first_day())
    return b"".join(b"1" if start + timedelta(day) in holidays() else b"0" for day in range(days))


def holidays_between(start_day: Column, end_day: Column) -> Column:
    """Holidays among the days (since the epoch) from start_day up to, not including, end_day."""
    return F.length(F.translate(_digits(start_day, end_day).cast("string"), "0", ""))


def is_holiday(day: Column) -> Column:
    """Whether that day (since the epoch) is one."""
    return _digits(day, day + 1) == F.lit(b"1")


def _digits(start_day: Column, end_day: Column) -> Column:
    """The calendar's digits from start_day up to, not including, end_day; none where it has no such days."""
    start, end = (F.greatest((day - first_day()).cast("int"), F.lit(0)) for day in (start_day, end_day))
    return F.lit(calendar()).substr(start + 1, end - start)


def is_weekend(day: Column) -> Column:
    """Whether that day (since the epoch) is a Saturday or a Sunday."""
    return F.pmod(day + EPOCH.weekday(), F.lit(7)) >= SATURDAY
