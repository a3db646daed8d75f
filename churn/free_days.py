"""The calendar of the United States: federal holidays, with the weekdays on which they are observed."""

from datetime import date, timedelta
from functools import cache
from itertools import accumulate

from pyspark.sql import Column
from pyspark.sql import functions as F

from churn.constants import constant, rows

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
def counted() -> tuple[int, ...]:
    """How many holidays the table has before its first day, before its second, and so on past its last year."""
    days = (date(max(holidays()).year + 1, 1, 1) - EPOCH).days - first_day()
    start = EPOCH + timedelta(first_day())
    return tuple(accumulate((start + timedelta(day) in holidays() for day in range(days)), initial=0))


def holidays_between(start_day: Column, end_day: Column) -> Column:
    """Holidays among the days (since the epoch) from start_day up to, not including, end_day."""
    return _before(end_day) - _before(start_day)


def _before(day: Column) -> Column:
    place = F.least(F.greatest(day - first_day(), F.lit(0)), F.lit(len(counted()) - 1))
    return F.get(constant(counted(), "array<int>"), place.cast("int"))


def is_holiday(day: Column) -> Column:
    """Whether that day (since the epoch) is one."""
    return day.isin([(holiday - EPOCH).days for holiday in sorted(holidays())])


def is_weekend(day: Column) -> Column:
    """Whether that day (since the epoch) is a Saturday or a Sunday."""
    return F.pmod(day + EPOCH.weekday(), F.lit(7)) >= SATURDAY
