"""The page on a log: its numbers are those of a naive count, its texts do no harm, and what a log lacks it says."""

import json
import os
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pytest

from batch_training.commands import explore
from batch_training.explore import users
from batch_training.explore.before_cancel import BEFORE_DAYS, comparison, user_days
from batch_training.explore.fields import FIELDS, slim
from batch_training.explore.job import explored
from batch_training.explore.report import html
from batch_training.explore.snapshot import Spread
from batch_training.logs import REQUIRED_COLUMNS, accepted_events, records
from churn.events import CANCELLED
from churn.features import NAMES
from churn.state import DAY_MS, daily
from tests.batch_training.conftest import NOW
from tests.batch_training.pages import HOSTILE, harmless
from tests.builders import cancel, event, lines, naive_features
from tests.conftest import missing

DATA = Path(os.environ.get("SPARKIFY_REAL_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
NOW_MS = int(NOW.timestamp() * 1000)
OPTIONAL = ("gender", "userAgent", "location", "length", "sessionId", "artist and song")


def page_of(spark, path):
    """The page on a log, as text."""
    return html(explored(spark, str(path), NOW_MS))


def written(folder, events):
    """The events as a log."""
    path = folder / "log.json"
    path.write_text("\n".join(lines(events)))
    return path


@pytest.fixture(scope="module")
def found(spark, log):
    """What is found in the simulated log."""
    return explored(spark, log, NOW_MS)


@pytest.fixture(scope="module")
def rows(log):
    """The log's rows, plainly read."""
    with open(log) as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def events(rows):
    """The rows of users, in the order of time."""
    return [row for row in rows if row["userId"]]


@pytest.fixture(scope="module")
def by_user(events):
    """Each user's rows."""
    grouped = defaultdict(list)
    for row in events:
        grouped[row["userId"]].append(row)
    return grouped


def has_left(own):
    """Whether a user's rows hold the cancel."""
    return any(row["page"] == CANCELLED for row in own)


def test_rows_users_and_cancels_are_those_of_the_log(found, rows, events, by_user):
    counts, everybody = found.counts, found.churn.everybody
    assert (counts.read, counts.accepted, counts.rejected) == (len(rows), len(events), {})
    assert (counts.first_ms, counts.last_ms) == (events[0]["ts"], events[-1]["ts"])
    assert (everybody.users, everybody.cancelled) == (len(by_user), sum(map(has_left, by_user.values())))
    assert everybody.cancelled == counts.cancels > 0


def test_pages_are_counted_by_level(found, events):
    naive, paid = Counter(row["page"] for row in events), Counter(r["page"] for r in events if r["level"] == "paid")
    assert {each.page: (each.rows, each.paid_rows) for each in found.activity.pages} == {
        page: (naive[page], paid[page]) for page in naive
    }
    assert found.activity.pages[0].page == "NextSong"


def test_days_and_hours_are_those_of_utc(found, events):
    moments = [(datetime.fromtimestamp(row["ts"] / 1000, UTC), row) for row in events]
    week = Counter((moment.weekday(), moment.hour) for moment, _ in moments)
    assert found.activity.week == [[week[day, hour] for hour in range(24)] for day in range(7)]
    of_days, users_of = Counter(moment.date() for moment, _ in moments), defaultdict(set)
    for moment, row in moments:
        users_of[moment.date()].add(row["userId"])
    for day in found.activity.days:
        date = datetime.fromtimestamp(day.day_ms / 1000, UTC).date()
        assert (day.rows, day.users) == (of_days[date], len(users_of[date]))
    assert sum(day.cancels for day in found.activity.days) == found.counts.cancels


def test_a_session_is_a_user_and_an_id(found, events):
    times, owners, played = defaultdict(list), defaultdict(set), Counter()
    for row in events:
        times[row["userId"], row["sessionId"]].append(row["ts"])
        owners[row["sessionId"]].add(row["userId"])
        played[row["userId"], row["sessionId"]] += row["page"] == "NextSong"
    minutes = [(max(own) - min(own)) / 60_000 for own in times.values()]
    sessions = found.sessions
    assert (sessions.number, sessions.ids) == (len(times), len(owners))
    assert sessions.shared_ids == sum(len(own) > 1 for own in owners.values()) > 0
    assert sessions.median_minutes == pytest.approx(median(minutes))
    assert sessions.median_songs == median(played.values())
    assert sessions.minutes[3] == sum(15 <= each < 30 for each in minutes)
    assert sum(sessions.minutes) == sum(sessions.songs) == len(times)


def test_songs_are_ranked_by_plays(found, events):
    plays = Counter((row["artist"], row["song"]) for row in events if row["page"] == "NextSong")
    artists = Counter(row["artist"] for row in events if row["page"] == "NextSong")
    assert (found.songs.plays, found.songs.titles, found.songs.artists) == (plays.total(), len(plays), len(artists))
    assert [n for *_, n in found.songs.top_titles] == [n for _, n in plays.most_common(12)]
    assert [n for _, n in found.songs.top_artists] == [n for _, n in artists.most_common(12)]
    seconds = [row["length"] for row in events if row["page"] == "NextSong"]
    assert found.lengths.mean_s == pytest.approx(sum(seconds) / len(seconds))
    assert dict(found.lengths.bins)[195] == sum(195 <= each < 210 for each in seconds)


@pytest.mark.parametrize(
    ("kind", "value_of"),
    [
        (users.LEVEL, lambda own: own[0]["level"]),
        (users.EVER_PAID, lambda own: "yes" if any(row["level"] == "paid" for row in own) else "no"),
        (users.GENDER, lambda own: own[0]["gender"]),
    ],
)
def test_the_share_who_cancel_by_group(found, by_user, kind, value_of):
    naive, gone = (
        Counter(map(value_of, by_user.values())),
        Counter(value_of(u) for u in by_user.values() if has_left(u)),
    )
    groups = found.churn.groups[kind]
    assert {each.value: (each.users, each.cancelled) for each in groups} == {v: (naive[v], gone[v]) for v in naive}


def test_metros_are_the_fifteen_with_the_most_users(found, by_user):
    naive = Counter(own[0]["location"] for own in by_user.values())
    assert [each.users for each in found.churn.groups[users.METRO]] == [n for _, n in naive.most_common(15)]
    assert all(naive[each.value] == each.users for each in found.churn.groups[users.METRO])


def test_totals_hold_those_who_cancel_and_those_who_stay_apart(found, by_user):
    for totals, left in ((found.churn.cancel, True), (found.churn.stay, False)):
        own = [each for each in by_user.values() if has_left(each) == left]
        assert totals.median_events == median(map(len, own))
        assert totals.median_days == pytest.approx(median((u[-1]["ts"] - u[0]["ts"]) / DAY_MS for u in own))
        assert sum(totals.events) == sum(totals.days) == totals.users == len(own)


def test_the_snapshot_leaves_its_horizon_inside_the_log(found, events, by_user):
    taken = found.snapshot
    assert taken.as_of_ms == (events[-1]["ts"] - 10 * DAY_MS) // DAY_MS * DAY_MS
    alive = {user for user, own in by_user.items() if naive_features(own, user, taken.as_of_ms)}
    soon = [
        row["userId"]
        for row in events
        if row["page"] == CANCELLED and taken.as_of_ms < row["ts"] <= taken.as_of_ms + 10 * DAY_MS
    ]
    assert (taken.users, taken.positives) == (len(alive), len(alive & set(soon)))
    assert [each.feature for each in taken.spreads] == list(NAMES)
    assert all(
        (sum(each.stay), sum(each.cancel)) == (taken.users - taken.positives, taken.positives) for each in taken.spreads
    )
    assert taken.correlations.shape == (len(NAMES), len(NAMES))


def test_gaps_are_shares_of_lines_of_events_and_of_songs(found, rows, events):
    gaps = {each.field: each for each in found.absences}
    assert len(gaps) == 18
    for field in ("userId", "gender", "artist", "ts"):
        assert gaps[field].of_lines == pytest.approx(sum(row[field] in (None, "") for row in rows) / len(rows))
        assert gaps[field].of_events == pytest.approx(sum(row[field] in (None, "") for row in events) / len(events))
    assert gaps["artist"].of_songs == 0


def test_before_a_cancel_only_comparable_users_are_compared(spark, tmp_path):
    def songs(user, day, number, **fields):
        return [event(day + n / 1000, user=user, **fields) for n in range(number)]

    leaves = [*songs("leaves", 0.5, 1), *songs("leaves", 18.5, 3), *songs("leaves", 20.2, 1), *cancel(20.3, "leaves")]
    stays = [*songs("stays", 0.5, 1), *songs("stays", 19.5, 5), *songs("stays", 20.5, 9)]
    absent = [*songs("absent", 0.5, 1), *songs("absent", 19.5, 70)]
    new = [*songs("new", 10, 1), *songs("new", 19.5, 70), *songs("new", 20.5, 1)]
    pays = [*songs("pays", 0.5, 1), *songs("pays", 19.5, 70, level="paid"), *songs("pays", 20.5, 1, level="paid")]
    goes_soon = [*songs("soon", 0.5, 1), *songs("soon", 19.5, 70), *songs("soon", 20.5, 1), *cancel(25, "soon")]
    log = written(tmp_path, [*leaves, *stays, *absent, *new, *pays, *goes_soon])
    compared = comparison(user_days(daily(accepted_events(spark, str(log), NOW_MS).events)))
    assert (compared.cancels, compared.others) == (1, 1)
    assert compared.before_cancel["songs"].mean == [0] * (BEFORE_DAYS - 2) + [3, 0]
    assert compared.comparable["songs"].mean == [0] * (BEFORE_DAYS - 1) + [5]
    assert compared.comparable["active"].mean == [0] * (BEFORE_DAYS - 1) + [1]


def test_wilsons_interval():
    assert users.wilson(1, 10) == pytest.approx((0.0179, 0.4042), abs=1e-4)
    assert users.wilson(0, 10)[0] == 0
    assert users.wilson(10, 10)[1] == pytest.approx(1)


def test_a_features_auc_counts_a_tie_as_half():
    assert Spread("songs", 0, 1, stay=[2, 0, 2], cancel=[0, 1, 1]).auc == pytest.approx((2 + 2 + 1) / 8)


def test_the_page_needs_nothing_else(found):
    page = html(found)
    assert "http" not in page
    elements = harmless(page)
    assert len([tag for tag, _ in elements.found if tag == "svg"]) == 13
    assert f"{found.counts.read:,} lines read" in elements.text
    identifiers = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    assert html(found) == page


def test_the_command_writes_one_file_also_of_a_log_of_one_event(spark, tmp_path, capsys):
    explore(str(written(tmp_path, [event(1)])), str(tmp_path / "out"), None)
    (page,) = (tmp_path / "out").iterdir()
    assert page.name == "explore.html"
    assert "1 users, 0 of whom cancel" in capsys.readouterr().out
    text = harmless(page.read_text()).text
    assert text.count("Nobody reaches Cancellation Confirmation in this log") == 3
    assert text.count("The log is too short for one") == 2


def test_texts_of_a_log_are_shown_and_not_run(spark, tmp_path):
    hostile = {"artist": HOSTILE, "song": HOSTILE, "location": HOSTILE, "gender": HOSTILE, "userAgent": HOSTILE}
    own = [event(day, user=user, length=200.0, **hostile) for user in "ab" for day in range(30)]
    log = written(tmp_path, [*own, *cancel(28.5, "a"), event(3, HOSTILE), event(3, "NextSong", HOSTILE)])
    page = page_of(spark, log)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    text = harmless(page).text
    assert text.count("<script>alert(1)</script>") >= 5  # the unknown page, artist, song, gender, metro
    assert "page_unknown" in text


def test_a_log_of_the_required_fields_alone_says_what_it_lacks(spark, tmp_path):
    own = [event(day, user=user) for user in ("a", "b") for day in range(30)]
    rows = [{name: row[name] for name in REQUIRED_COLUMNS} for row in [*own, *cancel(29.5, "a")]]
    spark.read.json(spark.sparkContext.parallelize(lines(rows))).write.parquet(str(tmp_path / "parquet"))
    text = harmless(page_of(spark, tmp_path / "parquet")).text
    assert [field for field in OPTIONAL if f"The log has no {field}: nothing to show." not in text] == []
    assert "None of them cancels within the horizon" in text


def test_parquet_holds_the_same_fields_as_json(spark, tmp_path):
    own = [event(1, gender="F", length=99.5, userAgent="Mozilla/5.0 (iPad; CPU)"), event(2, "Home", user="")]
    log = written(tmp_path, own)
    spark.read.json(str(log)).write.parquet(str(tmp_path / "parquet"))
    of_json, of_parquet = (
        sorted(records(spark, str(path), NOW_MS, FIELDS).transform(slim).collect())
        for path in (log, tmp_path / "parquet")
    )
    assert of_json == of_parquet
    assert (of_json[0].gender, of_json[0].length_s, of_json[0].device, of_json[0].session_id) == (
        "F",
        99.5,
        "iPad",
        "7",
    )


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no log there"), ("", "no usable event in 0 lines")], ids=["missing", "empty"]
)
def test_a_log_that_holds_nothing(spark, complaint, tmp_path, content, said):
    log = tmp_path / "log.json"
    if content is not None:
        log.write_text(content)
    assert said in complaint("explore", log, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_page_that_cannot_be_written(spark, complaint, tmp_path):
    log = written(tmp_path, [event(1)])
    assert "choose another --out" in complaint("explore", log, "--out", log)


@pytest.mark.parametrize(
    ("name", "rows", "cancels"), [("sparkify_mini_5_users", 3452, 2), ("event_log_2018_11", 3574, 0)]
)
def test_real_events_have_a_page(spark, name, rows, cancels):
    log = DATA / name
    if not log.exists():
        missing(f"no real events at {log}: set SPARKIFY_REAL_DATA to a folder that holds {name}")
    found = explored(spark, str(log), NOW_MS)
    assert (found.counts.read, found.counts.rejected, found.counts.cancels) == (rows, {}, cancels)
    assert {each.value for each in found.churn.groups[users.GENDER]} == {"F", "M"}
    harmless(html(found))
