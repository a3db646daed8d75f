"""The calendar of the United States: weekends, and federal holidays with the weekdays on which they are observed."""

from datetime import date, timedelta
from functools import cache

from pyspark.sql import Column
from pyspark.sql import functions as F

from churn.constants import rows

EPOCH = date(1970, 1, 1)  # a Thursday
SATURDAY = 5  # counted from Monday, 0
WEEK = 7


@cache
def holidays() -> frozenset[date]:
    """The holidays in the table; outside its years there are none."""
    return frozenset(date.fromisoformat(row["day"]) for row in rows("holidays.csv"))


@cache
def first_day() -> int:
    """The day (since the epoch) on which the table's first year begins."""
    return (date(min(holidays()).year, 1, 1) - EPOCH).days


@cache
def calendar(of: frozenset[date]) -> bytes:
    """A digit a day from the table's first year to its last: 1 for one of these days.

    A list of numbers would make each query's plan slow to work on, and each task slow to read.
    """
    days = (date(max(holidays()).year + 1, 1, 1) - EPOCH).days - first_day()
    start = EPOCH + timedelta(first_day())
    return b"".join(b"1" if start + timedelta(day) in of else b"0" for day in range(days))


def holidays_between(start_day: Column, end_day: Column) -> Column:
    """Holidays among the days (since the epoch) from start_day up to, not including, end_day."""
    return _counted(holidays(), start_day, end_day)


def is_holiday(day: Column) -> Column:
    """Whether that day (since the epoch) is one."""
    return _digits(holidays(), day, day + 1) == F.lit(b"1")


def is_weekend(day: Column) -> Column:
    """Whether that day (since the epoch) is a Saturday or a Sunday."""
    return _weekday(day) >= SATURDAY


@cache
def weekday_holidays() -> frozenset[date]:
    """The holidays that no weekend holds."""
    return frozenset(day for day in holidays() if day.weekday() < SATURDAY)


def is_free(day: date) -> bool:
    """Whether it is a day of a weekend or a holiday."""
    return day.weekday() >= SATURDAY or day in holidays()


def free_days_after(moment: Column, days: int) -> Column:
    """Weekend days and holidays within so many times 24 hours after a moment (days since the epoch); parts count."""
    today = F.floor(moment).cast("int")
    gone = moment - today  # the share of today that is over; as much of the day after the last whole one comes in
    return _free_days(today, days) * (1.0 - gone) + _free_days(today + 1, days) * gone


def _free_days(start_day: Column, days: int) -> Column:
    """Weekend days and holidays among so many whole days from start_day on."""
    weeks, rest = divmod(days, WEEK)
    in_rest = [sum((weekday + day) % WEEK >= SATURDAY for day in range(rest)) for weekday in range(WEEK)]
    of_weekends = F.array(*map(F.lit, in_rest))[_weekday(start_day)] + weeks * (WEEK - SATURDAY)
    return of_weekends + _counted(weekday_holidays(), start_day, start_day + days)


def _weekday(day: Column) -> Column:
    """That of a day (since the epoch), from Monday, 0."""
    return F.pmod(day + EPOCH.weekday(), F.lit(WEEK))


def _counted(of: frozenset[date], start_day: Column, end_day: Column) -> Column:
    """How many of these days there are from start_day up to, not including, end_day."""
    return F.length(F.translate(_digits(of, start_day, end_day).cast("string"), "0", ""))


def _digits(of: frozenset[date], start_day: Column, end_day: Column) -> Column:
    """The calendar's digits from start_day up to, not including, end_day; none where it has no such days."""
    start, end = (F.greatest((day - first_day()).cast("int"), F.lit(0)) for day in (start_day, end_day))
    return F.lit(calendar(of)).substr(start + 1, end - start)
