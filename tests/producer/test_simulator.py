"""A simulated population against what is known of the real one (mini and full set, and their segments)."""

import gzip
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from statistics import mean, median

import pytest

from churn.errors import BadSetup
from producer.simulator import Settings, write_log

FIELDS = (
    "artist", "auth", "firstName", "gender", "itemInSession", "lastName", "length", "level", "location", "method",
    "page", "registration", "sessionId", "song", "status", "ts", "userAgent", "userId",
)  # fmt: skip
START = datetime(2018, 10, 1, tzinfo=UTC)

# per cent of the rows with a user, in the mini set
PAGES = {
    "NextSong": 82.01, "Thumbs Up": 4.51, "Home": 3.62, "Add to Playlist": 2.35, "Add Friend": 1.54,
    "Roll Advert": 1.41,
    "Logout": 1.16, "Thumbs Down": 0.92, "Downgrade": 0.74, "Settings": 0.54, "Help": 0.52,
}  # fmt: skip

# segment: share who cancel (medium set), thumbs down, thumbs up, adverts per song, share of users
SEGMENTS = {
    "accordion": (0.175, 0.010, 0.050, 0.015, 6 / 9),
    "tuba": (0.588, 0.013, 0.044, 0.068, 1 / 9),
    "zither": (0.306, 0.031, 0.050, 0.040, 1 / 9),
    "xylophone": (0.039, 0.010, 0.089, 0.006, 1 / 9),
}


class Population:
    """Counts of one simulated log."""

    def __init__(self, log, truth):
        segments = {user["userId"]: user["segment"] for user in map(json.loads, truth.read_text().splitlines())}
        self.truth = [json.loads(line) for line in truth.read_text().splitlines()]
        self.rows = self.without_user = self.bytes = 0
        self.in_order = self.complete = True
        self.events, self.pages, self.levels = Counter(), Counter(), Counter()
        self.sessions, self.by_segment = defaultdict(set), defaultdict(Counter)
        self.users_of_session, self.last_page, self.lengths = defaultdict(set), {}, []
        self.segment_of = segments
        last_ms = 0
        for line in log.open("rb"):
            row = json.loads(line)
            self.rows += 1
            self.bytes += len(line)
            self.in_order &= row["ts"] >= last_ms
            self.complete &= tuple(row) == FIELDS
            last_ms = row["ts"]
            if row["userId"]:
                self._count(row)
            else:
                self.without_user += 1
        self.cancelled = {user for user, page in self.last_page.items() if page == "Cancellation Confirmation"}

    def _count(self, row):
        user, page = row["userId"], row["page"]
        self.events[user] += 1
        self.pages[page] += 1
        self.levels[row["level"]] += 1
        self.sessions[user].add(row["sessionId"])
        self.users_of_session[row["sessionId"]].add(user)
        self.by_segment[self.segment_of[user]][page] += 1
        self.last_page[user] = page
        if row["length"] is not None:
            self.lengths.append(row["length"])


@pytest.fixture(scope="module")
def population(tmp_path_factory):
    """1,500 users, 61 days."""
    folder = tmp_path_factory.mktemp("simulated")
    write_log(Settings(1500, 61, START, 42), folder / "log.json", folder / "truth.json")
    return Population(folder / "log.json", folder / "truth.json")


def test_every_row_has_the_fields_in_order_of_time(population):
    assert population.in_order
    assert population.complete


def test_the_share_who_cancel(population):
    assert len(population.cancelled) / len(population.events) == pytest.approx(0.225, abs=0.03)


def test_events_and_sessions_of_a_user(population):
    """The full set's means and medians; a heavy tail makes them vary by a tenth between seeds."""
    counts = population.events.values()
    sessions = [len(found) for found in population.sessions.values()]
    assert mean(counts) == pytest.approx(1144, rel=0.12)
    assert median(counts) == pytest.approx(690, rel=0.15)
    assert mean(sessions) == pytest.approx(13.3, rel=0.12)
    assert median(sessions) == pytest.approx(9, abs=1.5)


@pytest.mark.parametrize(("page", "per_cent"), PAGES.items())
def test_the_shares_of_the_pages(population, page, per_cent):
    assert 100 * population.pages[page] / sum(population.pages.values()) == pytest.approx(per_cent, rel=0.12)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_the_segments(population, segment):
    churn, down, up, adverts, share = SEGMENTS[segment]
    users = [user for user in population.events if population.segment_of[user] == segment]
    pages = population.by_segment[segment]
    assert len(users) / len(population.events) == pytest.approx(share, abs=0.03)
    assert sum(user in population.cancelled for user in users) / len(users) == pytest.approx(churn, abs=0.09)
    assert pages["Thumbs Down"] / pages["NextSong"] == pytest.approx(down, rel=0.15)
    assert pages["Thumbs Up"] / pages["NextSong"] == pytest.approx(up, rel=0.15)
    assert pages["Roll Advert"] / pages["NextSong"] == pytest.approx(adverts, rel=0.3)


def test_rows_without_a_user_and_paid_rows_and_size(population):
    assert population.without_user / population.rows == pytest.approx(0.0296, abs=0.004)
    assert population.levels["paid"] / sum(population.levels.values()) == pytest.approx(0.80, abs=0.06)
    assert population.bytes / population.rows == pytest.approx(457, rel=0.05)


def test_songs_last_as_long_as_real_ones(population):
    assert mean(population.lengths) == pytest.approx(249.1, rel=0.04)


def test_a_session_id_is_shared_by_users_of_other_segments(population):
    assert sum(len(users) > 1 for users in population.users_of_session.values()) > 100


def test_the_truth_names_each_cancel_of_the_log(population):
    cancels = {user["userId"] for user in population.truth if user["cancel_ms"] is not None}
    assert population.cancelled <= cancels
    assert {user["segment"] for user in population.truth} == set(SEGMENTS)


def test_the_same_seed_makes_the_same_bytes(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_log(Settings(30, 5, START, seed), tmp_path / f"{name}.json")
    first, second, other = ((tmp_path / f"{name}.json").read_bytes() for name in "abc")
    assert first == second != other


def test_gzip_and_daily_files_hold_the_same_rows(tmp_path):
    settings = Settings(30, 5, START, 1)
    write_log(settings, tmp_path / "one.json")
    write_log(settings, tmp_path / "one.json.gz")
    write_log(settings, tmp_path / "days", by_day=True)
    whole = (tmp_path / "one.json").read_bytes()
    assert gzip.decompress((tmp_path / "one.json.gz").read_bytes()) == whole
    days = sorted((tmp_path / "days").iterdir())
    assert [day.name for day in days] == [f"2018-10-0{day}.json" for day in range(1, 6)]
    assert b"".join(day.read_bytes() for day in days) == whole


@pytest.mark.parametrize(("users", "days"), [(0, 61), (10, 0), (10, -1)])
def test_a_log_without_users_or_days_is_refused(users, days):
    with pytest.raises(BadSetup, match="users and days"):
        Settings(users, days, START, 1)


def test_a_name_that_is_no_log_is_refused(tmp_path):
    with pytest.raises(BadSetup, match=r"\.json or \.json\.gz"):
        write_log(Settings(10, 1, START, 1), tmp_path / "log.txt")


def test_the_first_hours_are_as_busy_as_those_of_other_mondays(tmp_path):
    """Sessions that run across the log's start are seen from there on."""
    write_log(Settings(1500, 22, START, 3), tmp_path / "log.json")
    start_ms = START.timestamp() * 1000
    hours = Counter(int((json.loads(line)["ts"] - start_ms) // 3_600_000) for line in (tmp_path / "log.json").open())
    first, *others = (sum(hours[24 * day + hour] for hour in range(6)) for day in (0, 7, 14, 21))
    assert first / mean(others) == pytest.approx(1, abs=0.25)


def test_a_folder_that_is_in_use_is_refused_for_a_log_by_day(tmp_path):
    (tmp_path / "2018-12-24.json").touch()
    with pytest.raises(BadSetup, match="not empty"):
        write_log(Settings(10, 1, START, 1), tmp_path, by_day=True)
