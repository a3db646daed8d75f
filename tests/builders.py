"""Events as tests spell them out, and what the state and the features must be, said naively in plain Python."""

import csv
import json
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from holidays import country_holidays

from churn.classes import UserClasses
from churn.events import CANCEL_PAGES, CANCELLED
from churn.features import NAMES, PER_100_SONGS, PRIOR_SONGS, SHARES_BY_TIME
from churn.model import PER_CLASS, ModelCard
from churn.state import COUNTED_PAGES, DAY_MS, DECAYED_PAGES, HOP_MS, TAUS_DAYS, n_of, n_paid_of, snake

START_MS = 1_538_352_000_000  # 2018-10-01T00:00:00Z, the first day of Sparkify
REGISTERED_MS = START_MS - 30 * DAY_MS

TABLE = Path(__file__).parent.parent / "churn" / "tables" / "metros.csv"
METROS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
CODES = {row["name"]: line for line, row in enumerate(METROS, start=1)}
ELSEWHERE = {"population_2014": 1_971_274, "zone": "America/New_York"}  # Indianapolis: half of all live in larger areas
HOLIDAYS = country_holidays("US", years=range(2015, 2036), expand=False)  # the years of the table

Event = dict[str, Any]


def event(day: float, page: str = "NextSong", user: str | int | None = "u1", **fields: Any) -> Event:
    """A row of the log, `day` days after START_MS; `fields` override or add."""
    return {
        "auth": "Logged In",
        "level": "free",
        "page": page,
        "registration": REGISTERED_MS if user else None,
        "sessionId": 7,
        "ts": START_MS + round(day * DAY_MS),
        "userId": user,
    } | fields


def cancel(day: float, user: str = "u1") -> list[Event]:
    """The two rows with which a user leaves."""
    return [event(day, "Cancel", user), event(day + 1e-4, CANCELLED, user, auth="Cancelled")]


def grumbler(user: str, days: Iterable[float]) -> list[Event]:
    """A user who dislikes one song in two."""
    return [event(day, page, user) for day in days for page in ("NextSong", "Thumbs Down", "NextSong")]


def listener(user: str, days: Iterable[float]) -> list[Event]:
    """A user who plays on."""
    return [event(day, "NextSong", user) for day in days for _ in range(3)]


def by_time(*logs: list[Event]) -> list[Event]:
    """Several users' events as one log."""
    return sorted((each for log in logs for each in log), key=lambda each: each["ts"])


# every user is of the one class: what is not about classes
ONE_CLASS = UserClasses(
    pages=list(COUNTED_PAGES),
    log_prior=[0.0],
    log_free=[[math.log(1 / len(COUNTED_PAGES))] * len(COUNTED_PAGES)],
    log_paid=[[math.log(1 / len(COUNTED_PAGES))] * len(COUNTED_PAGES)],
    cancel_rates=[0.05],
    words=["pages much like everybody's"],
)


def card(version: str, **fields: Any) -> ModelCard:
    """A model card of this code's features; `fields` override."""
    n_inputs = len(NAMES) + PER_CLASS * ONE_CLASS.size
    values = {
        "version": version,
        "learner": "logistic",
        "features": list(NAMES),
        "mean": [1.0] * n_inputs,
        "deviation": [0.5] * n_inputs,
        "typical": [1.0] * n_inputs,
        "calibration": (1.0, 0.0),
        "threshold": 0.2,
        "horizon_days": 10,
        "classes": ONE_CLASS,
    }
    return ModelCard(**(values | fields))


def lines(events: Iterable[Event]) -> list[str]:
    """The events as lines of a log."""
    return [json.dumps(each) for each in events]


def naive_state(events: Sequence[Event], user: str, as_of_ms: int) -> dict[str, Any] | None:
    """The user's state as of a moment, from all of the prefix; None when the window saw nothing of him."""
    start_ms = (as_of_ms // HOP_MS - 1) * HOP_MS
    seen = [e for e in events if str(e["userId"]) == user and start_ms <= e["ts"] <= as_of_ms]
    if not seen:
        return None
    kept = [e for e in seen if e["page"] not in CANCEL_PAGES]
    gone = [e["ts"] for e in seen if e["page"] == CANCELLED]
    newest = max((e["ts"] * 2 + (e["level"] == "paid") for e in kept), default=None)
    state: dict[str, Any] = {
        "n_events": len(kept),
        "first_ms": min((e["ts"] for e in kept), default=None),
        "last_ms": max((e["ts"] for e in kept), default=None),
        "level_code": newest,
        "registered_ms": max(int(e["registration"]) for e in seen),
        "cancelled_ms": max(gone, default=None),
        "active_days": bits({(e["ts"] - start_ms) // DAY_MS for e in kept}) if kept else None,
    }
    for page in COUNTED_PAGES:
        state[n_of(page)] = sum(e["page"] == page for e in kept)
        state[n_paid_of(page)] = sum(e["page"] == page and e["level"] == "paid" for e in kept)
    for page in DECAYED_PAGES:
        for tau in TAUS_DAYS:
            grown = [math.exp((e["ts"] - start_ms) / DAY_MS / tau) for e in kept if e["page"] == page]
            state[f"s_{snake(page)}_{tau}d"] = math.fsum(grown)
    state["metro_code"] = metro(seen)
    for kind in ("night", "weekend", "holiday"):
        state[f"n_song_{kind}"] = sum(e["page"] == "NextSong" and kind in local_kinds(e) for e in kept)
    return state


def metro(events: Iterable[Event]) -> int:
    """The line of the table that has the user's area; 0 for none."""
    return max(CODES.get(e.get("location"), 0) for e in events)


def local_kinds(event: Event) -> set[str]:
    """What the clock shows where the event's user lives: night, weekend, holiday."""
    code = metro([event])
    zone = ZoneInfo(METROS[code - 1]["zone"] if code else ELSEWHERE["zone"])
    local = datetime.fromtimestamp(event["ts"] / 1000, UTC).astimezone(zone)
    found = {"night": local.hour < 6, "weekend": local.weekday() >= 5, "holiday": local.date() in HOLIDAYS}
    return {kind for kind, shown in found.items() if shown}


def holidays_from(day: date, days: int) -> int:
    """Holidays among so many days, this one the first."""
    return sum(day + timedelta(number) in HOLIDAYS for number in range(days))


def bits(days: set[int]) -> int:
    """The days as a map of bits."""
    return sum(1 << day for day in days)


def log_start(events: Sequence[Event], as_of_ms: int) -> int:
    """The first event of anybody in the window that scores; the moment itself where there is none."""
    start_ms = (as_of_ms // HOP_MS - 1) * HOP_MS
    seen = (
        e["ts"] for e in events if e["userId"] and start_ms <= e["ts"] <= as_of_ms and e["page"] not in CANCEL_PAGES
    )
    return min(seen, default=as_of_ms)


def naive_features(events: Sequence[Event], user: str, as_of_ms: int) -> dict[str, float] | None:
    """The user's features as of a moment, straight from the events; None for a user who is gone or unknown."""
    start_ms = (as_of_ms // HOP_MS - 1) * HOP_MS
    seen = [e for e in events if str(e["userId"]) == user and start_ms <= e["ts"] <= as_of_ms]
    kept = [e for e in seen if e["page"] not in CANCEL_PAGES]
    if not kept or any(e["page"] == CANCELLED for e in seen):
        return None
    newest = max(kept, key=lambda e: (e["ts"], e["level"] == "paid"))
    began = min(max(e["registration"] for e in seen), *(e["ts"] for e in kept))
    in_view = max((as_of_ms - max(log_start(events, as_of_ms), began)) / DAY_MS, 1.0)
    ages = {page: [(as_of_ms - e["ts"]) / DAY_MS for e in kept if e["page"] == page] for page in COUNTED_PAGES}
    n_songs = len(ages["NextSong"])

    def per_day(page: str, tau: int) -> float:
        return math.fsum(math.exp(-age / tau) for age in ages[page]) / (tau * (1 - math.exp(-in_view / tau)))

    def per_100_songs(page: str) -> float:
        return (100 * len(ages[page]) + PRIOR_SONGS * PER_100_SONGS[page]) / (n_songs + PRIOR_SONGS)

    def by_time(kind: str) -> float:
        played = sum(e["page"] == "NextSong" and kind in local_kinds(e) for e in kept)
        return (100 * played + PRIOR_SONGS * SHARES_BY_TIME[kind]) / (n_songs + PRIOR_SONGS)

    code = metro(seen)
    return {
        "days_silent": (as_of_ms - max(e["ts"] for e in kept)) / DAY_MS,
        "days_registered": max((as_of_ms - max(e["registration"] for e in seen)) / DAY_MS, 0.0),
        "days_in_view": in_view,
        "is_paid": float(newest["level"] == "paid"),
        "active_days_per_week": 7 * (len({(e["ts"] - start_ms) // DAY_MS for e in kept}) + 2) / (in_view + 6),
        "songs": float(n_songs),
        "songs_per_day_1d": per_day("NextSong", 1),
        "songs_per_day_7d": per_day("NextSong", 7),
        "songs_per_day_28d": per_day("NextSong", 28),
        "thumbs_down_per_day_7d": per_day("Thumbs Down", 7),
        "thumbs_down_per_day_28d": per_day("Thumbs Down", 28),
        "adverts_per_day_7d": per_day("Roll Advert", 7),
        "adverts_per_day_28d": per_day("Roll Advert", 28),
        "thumbs_up_per_100_songs": per_100_songs("Thumbs Up"),
        "thumbs_down_per_100_songs": per_100_songs("Thumbs Down"),
        "playlist_adds_per_100_songs": per_100_songs("Add to Playlist"),
        "friends_per_100_songs": per_100_songs("Add Friend"),
        "adverts_per_100_songs": per_100_songs("Roll Advert"),
        "home_visits_per_100_songs": per_100_songs("Home"),
        "help_visits_per_100_songs": per_100_songs("Help"),
        "downgrade_visits_per_100_songs": per_100_songs("Downgrade"),
        "settings_visits_per_100_songs": per_100_songs("Settings"),
        "upgrade_visits_per_100_songs": per_100_songs("Upgrade"),
        "logouts_per_100_songs": per_100_songs("Logout"),
        "metro_population": float((METROS[code - 1] if code else ELSEWHERE)["population_2014"]),
        "night_songs_per_100_songs": by_time("night"),
        "weekend_songs_per_100_songs": by_time("weekend"),
        "holiday_songs_per_100_songs": by_time("holiday"),
        "holidays_ahead": holidays_from(datetime.fromtimestamp(as_of_ms / 1000, UTC).date(), 10),
    }


def naive_free_days(as_of_ms: int, days: int) -> float:
    """How much of so many times 24 hours is weekend or holiday, day by day, in days."""
    end_ms, found_ms = as_of_ms + days * DAY_MS, 0
    for day_ms in range(as_of_ms // DAY_MS * DAY_MS, end_ms, DAY_MS):
        day = datetime.fromtimestamp(day_ms / 1000, UTC).date()
        if day.weekday() >= 5 or day in HOLIDAYS:
            found_ms += min(day_ms + DAY_MS, end_ms) - max(day_ms, as_of_ms)
    return found_ms / DAY_MS
