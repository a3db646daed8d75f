"""The drift: others cancel, whoever stays behaves as before, and nothing of it is seen before its day."""

import json
import re
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise, takewhile

import pytest

from churn.errors import BadSetup
from producer.simulator import Settings, simulated, write_log
from producer.simulator.tables import drifted_segments, segments

START = datetime(2018, 10, 1, tzinfo=UTC)
DRIFT_DAY = 30
DRIFT_S = START.timestamp() + DRIFT_DAY * 86400
END_MS = (START.timestamp() + 60 * 86400) * 1000
SEGMENTS = ("accordion", "tuba", "zither", "xylophone")
ROW = re.compile(r'"page":"([^"]+)".*"sessionId":(\d+).*"userId":"(\d+)"')  # of 600,000 rows, in a fifth of the time


def settings(drift_day=DRIFT_DAY, users=600):
    """Two months."""
    return Settings(users, 60, START, 11, drift_day)


class Weeks:
    """A log's pages and sessions by segment, before the drift's day and after it."""

    def __init__(self, drift_day):
        known = []
        self.pages = {(segment, is_after): Counter() for segment in SEGMENTS for is_after in (False, True)}
        self.sessions = {key: set() for key in self.pages}
        rows = [(second, row) for chunk in simulated(settings(drift_day), known) for second, row in chunk]
        segment_of = {str(user.user_id): user.segment.name for user in known}
        for second, row in rows:
            if found := ROW.search(row):
                page, session, user = found.groups()
                key = segment_of[user], second >= DRIFT_S
                self.pages[key][page] += 1
                self.sessions[key].add((user, session))

    def cancels_per_1000_sessions(self, segment, is_after):
        """How often a session of the segment's users ends in a cancel."""
        key = segment, is_after
        return 1000 * self.pages[key]["Cancellation Confirmation"] / len(self.sessions[key])

    def per_1000_songs(self, segment, page):
        """How often the segment's users are on the page, after the drift's day."""
        pages = self.pages[segment, True]
        return 1000 * pages[page] / pages["NextSong"]


@pytest.fixture(scope="module")
def drifting():
    return Weeks(DRIFT_DAY)


@pytest.fixture(scope="module")
def steady():
    return Weeks(None)


def test_who_left_most_leaves_seldom_and_who_hardly_left_leaves_most(drifting, steady):
    for log, is_after in ((drifting, False), (steady, True)):
        rates = {segment: log.cancels_per_1000_sessions(segment, is_after) for segment in SEGMENTS}
        assert rates["tuba"] > rates["zither"] > rates["accordion"] > rates["xylophone"]
        assert rates["tuba"] > 5 * rates["xylophone"]
    after = {segment: drifting.cancels_per_1000_sessions(segment, True) for segment in SEGMENTS}
    assert after["xylophone"] > 5 * max(after[segment] for segment in SEGMENTS if segment != "xylophone")


@pytest.mark.parametrize("segment", SEGMENTS)
def test_a_segment_likes_as_many_songs_as_before(drifting, steady, segment):
    likes = "Thumbs Up"
    assert drifting.per_1000_songs(segment, likes) == pytest.approx(steady.per_1000_songs(segment, likes), rel=0.15)


def test_a_segment_is_known_by_its_adverts_as_before(drifting, steady):
    """By their order: the figures vary with who pays, and so with who has left."""
    for log in (drifting, steady):
        tuba, zither, accordion, xylophone = (
            log.per_1000_songs(segment, "Roll Advert") for segment in ("tuba", "zither", "accordion", "xylophone")
        )
        assert tuba > zither > 1.5 * accordion > 3 * xylophone


def test_nothing_of_it_is_seen_before_its_day(drifting):
    logs = [[row for chunk in simulated(settings(day, 100)) for row in chunk] for day in (None, DRIFT_DAY)]
    before, after = (list(takewhile(lambda row: row[0] < DRIFT_S, log)) for log in logs)
    assert before == after
    assert len(before) > 10_000
    assert logs[0] != logs[1]


@pytest.mark.parametrize("name", SEGMENTS)
def test_whoever_does_not_cancel_goes_where_he_went(name):
    """After any page, the chances of all that is no cancel, the session's end included, keep their proportions."""
    steady, drifted = states(segments()[name]), states(drifted_segments()[name])
    assert len(steady) > 40
    for state, other in zip(steady, drifted, strict=True):
        assert (state.page, state.auth, state.level) == (other.page, other.auth, other.level)
        assert of_others(other.following) == pytest.approx(of_others(state.following))


def states(segment):
    """All pages of a segment's sessions, each once, in an order that depends on nothing but what follows what."""
    found = {state: None for choice in segment.beginnings.values() for state in choice.options}
    waiting = list(found)
    while waiting:
        new = [state for state in waiting.pop().following.options if state not in found]
        found |= dict.fromkeys(new)
        waiting += dict.fromkeys(new)
    return list(found)


def of_others(following):
    """The chances of what follows a page, and of the end, given that no cancel follows."""
    bounds = [0.0, *following.bounds, 1.0]
    chances = [after - before for before, after in pairwise(bounds)]
    pages = [*(state.page for state in following.options), "the end"]
    kept = [chance for page, chance in zip(pages, chances, strict=True) if page != "Cancel"]
    return [chance / sum(kept) for chance in kept]


def test_the_truth_tells_segment_and_cancel_as_without_a_drift(tmp_path):
    write_log(settings(users=100), tmp_path / "log.json", tmp_path / "truth.json")
    truth = {user["userId"]: user for user in map(json.loads, (tmp_path / "truth.json").open())}
    events = map(json.loads, (tmp_path / "log.json").open())
    cancelled = {event["userId"]: event["ts"] for event in events if event["page"] == "Cancellation Confirmation"}
    assert {user["segment"] for user in truth.values()} == set(SEGMENTS)
    assert cancelled.keys() == {user for user, of in truth.items() if of["cancel_ms"] and of["cancel_ms"] < END_MS}
    assert any(at_ms > DRIFT_S * 1000 and truth[user]["segment"] == "xylophone" for user, at_ms in cancelled.items())


@pytest.mark.parametrize("day", [-1, 60])
def test_a_drift_outside_the_log_is_refused(day):
    with pytest.raises(BadSetup, match="falls into the log's 60 days"):
        settings(day)
