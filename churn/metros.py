"""Where users live: the metropolitan areas of the United States, how many people they have, and their clocks."""

from dataclasses import dataclass
from functools import cache

from pyspark.sql import Column
from pyspark.sql import functions as F

from churn.constants import constant, position_of, rows

UNKNOWN = 0  # the code of a location that is missing or not in the table


@dataclass(frozen=True)
class Metro:
    """An area by its name in the field `location`; its zone is that of the city it is first named for."""

    name: str
    population: int
    zone: str


@cache
def metros() -> tuple[Metro, ...]:
    """All areas, the largest first. An area's code is its place here, from 1: append only, states hold codes."""
    return tuple(Metro(row["name"], int(row["population_2014"]), row["zone"]) for row in rows("metros.csv"))


@cache
def middle() -> Metro:
    """The area that an unknown place is taken for: half of all people live in larger ones."""
    left = sum(metro.population for metro in metros()) / 2
    for metro in metros():
        left -= metro.population
        if left <= 0:
            break
    return metro


def by_code() -> tuple[Metro, ...]:
    """What each code stands for, that of UNKNOWN first."""
    return (middle(), *metros())


def metro_code(location: Column) -> Column:
    """The integer code of a location."""
    known = position_of(location, [metro.name for metro in metros()]) + 1
    return F.coalesce(known, F.lit(UNKNOWN))


def population(code: Column) -> Column:
    """Inhabitants (2014) of the area with that code."""
    return F.get(constant([metro.population for metro in by_code()], "array<bigint>"), code)


def local_ms(ts_ms: Column, code: Column) -> Column:
    """The clock of the area with that code at a moment (epoch ms), as if its wall showed UTC."""
    zones = list(dict.fromkeys(metro.zone for metro in by_code()))
    zone = F.get(constant([zones.index(metro.zone) for metro in by_code()], "array<int>"), code)
    moment = F.timestamp_millis(ts_ms)
    # each zone a literal: looking up one by its name costs more than all the rest of the row's arithmetic
    local = F.from_utc_timestamp(moment, zones[0])
    for number, name in enumerate(zones[1:], start=1):
        local = F.when(zone == number, F.from_utc_timestamp(moment, name)).otherwise(local)
    return F.unix_millis(local)
