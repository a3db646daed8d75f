"""A wrong clock moves no snapshot: the span of a log is that of its days, a few stray ones aside."""

import pytest

from batch_training.logs import accepted_events
from batch_training.report import date, summary
from batch_training.span import without_strays
from batch_training.split import chronological
from batch_training.training import history
from churn.state import DAY_MS, daily
from tests.batch_training.conftest import NOW
from tests.builders import START_MS, cancel, event, lines

NOW_MS = int(NOW.timestamp() * 1000)
IN_2001 = event(0, ts=1_000_000_000_000, registration=999_000_000_000)
EARLY = START_MS - 11 * 365 * DAY_MS  # a registration before all that is not stray
SIXTY_DAYS = [event(day + hour / 24) for day in range(60) for hour in range(3)]


@pytest.fixture
def counts(spark, tmp_path):
    """A function from events to the counts of a log of them."""

    def counted(events):
        path = tmp_path / "log.json"
        path.write_text("\n".join(lines(events)))
        log = accepted_events(spark, str(path), NOW_MS)
        partials = daily(log.events).localCheckpoint()
        return without_strays(log.counts(), partials)

    return counted


def span(counts):
    """The first and the last day."""
    return date(counts.first_ms), date(counts.last_ms)


def test_an_event_of_2001_is_left_out_of_the_span_and_named(counts):
    found = counts([IN_2001, *SIXTY_DAYS])
    assert span(found) == ("2018-10-01", "2018-11-29")
    assert found.accepted == 181
    assert summary(found) == (
        "181 lines read = 181 events + 0 without a user + 0 rejected; the log's span, 2018-10-01 to 2018-11-29, "
        "leaves out 2001-09-09: more than 28 days from the rest, and less than 1% of the events"
    )


def test_stray_days_at_both_ends_are_left_out(counts):
    found = counts([IN_2001, *SIXTY_DAYS, event(400.25)])
    assert (found.first_ms, found.last_ms) == (SIXTY_DAYS[0]["ts"], SIXTY_DAYS[-1]["ts"])
    assert "leaves out 2 days from 2001-09-09 to 2019-11-05:" in summary(found)


def test_a_last_cancel_is_in_the_span(counts):
    gone = cancel(59.5)
    assert counts([IN_2001, *SIXTY_DAYS, *gone]).last_ms == gone[-1]["ts"]


@pytest.mark.parametrize(("day", "first"), [(-28, "2018-09-03"), (-29, "2018-10-01")])
def test_a_single_event_is_stray_when_more_than_28_days_lie_before_the_next(counts, day, first):
    assert span(counts([event(day), *SIXTY_DAYS]))[0] == first


def test_a_long_pause_between_two_parts_of_a_log_ends_neither(counts):
    assert span(counts([event(-100, registration=EARLY), event(-99, registration=EARLY), *SIXTY_DAYS])) == (
        "2018-06-23",
        "2018-11-29",
    )


def test_days_so_far_apart_that_all_are_stray_are_the_span(counts):
    assert span(counts([event(-30 * month, registration=EARLY) for month in range(120)])) == (
        "2008-12-22",
        "2018-10-01",
    )


def test_a_stray_event_plans_no_snapshot(spark, log, tmp_path):
    mixed = tmp_path / "log.json"
    with open(log) as file:
        mixed.write_text(lines([IN_2001])[0] + "\n" + file.read())
    found = [history(spark, path, NOW_MS).counts for path in (log, str(mixed))]
    clean, with_stray = (chronological(each.first_ms, each.last_ms, 10) for each in found)
    assert found[1].accepted == found[0].accepted + 1
    assert with_stray == clean
    assert len(clean.training_ms) == 4
