"""When a user comes, and what he does then: the generator's clock and its walk over pages."""

import math
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from random import Random

from producer.simulator.catalogue import SKEW, SONGS, songs
from producer.simulator.population import NOBODY, User, render
from producer.simulator.tables import State

SESSION_GAP_S = 1800.0
DAMPING = 0.09375  # of a day: how far the time of day is pulled towards the afternoon
DAMPING_PHASE_S = 3 * 3600.0
DAY_S = 86400.0
WEEKEND_KEPT = 0.5  # the chance that a session planned for a weekend or a holiday takes place

Row = tuple[int, str]  # epoch seconds, the line


def next_start(user: User, rng: Random) -> float:
    """When (epoch s) the user's next session begins: after a gap, mostly in the afternoon, rarely on a free day."""
    planned_s = user.last_s
    while True:
        planned_s += SESSION_GAP_S + rng.expovariate(1 / user.beta_s)
        phase = (planned_s % DAY_S - DAMPING_PHASE_S) / DAY_S
        damped_s = planned_s + DAMPING * DAY_S * math.sin(2 * math.pi * phase)
        if not is_free_day(int(damped_s // DAY_S)) or rng.random() < WEEKEND_KEPT:
            return max(damped_s, user.last_s + SESSION_GAP_S)  # the pull must not make two sessions overlap


@lru_cache(maxsize=4096)
def is_free_day(day: int) -> bool:
    """Whether the day (since the epoch, UTC) is a weekend or a federal holiday of the United States."""
    when = datetime.fromtimestamp(day * DAY_S, UTC).date()
    return when.weekday() >= 5 or when in _holidays(when.year)


@lru_cache(maxsize=16)
def _holidays(year: int) -> frozenset[date]:
    def weekday(month: int, which: int, day: int) -> date:
        """The `which`-th such weekday (Monday 0) of a month; -1 is the last."""
        if which > 0:
            first = date(year, month, 1)
            return first + timedelta((day - first.weekday()) % 7 + 7 * (which - 1))
        last = date(year, month + 1, 1) - timedelta(1)
        return last - timedelta((last.weekday() - day) % 7)

    fixed = {date(year, 1, 1), date(year, 7, 4), date(year, 11, 11), date(year, 12, 25)}
    moving = {weekday(1, 3, 0), weekday(2, 3, 0), weekday(5, -1, 0), weekday(9, 1, 0), weekday(10, 2, 0)}
    return frozenset(fixed | moving | {weekday(11, 4, 3)})


def session(user: User, start_s: float, session_id: int, rng: Random) -> list[Row]:
    """One session's rows in order; leaves the user as he is after it."""
    rows: list[Row] = []
    add, random, catalogue = rows.append, rng.random, songs()
    session_piece = f',"sessionId":{session_id},"song":'
    state: State | None = user.segment.beginnings[user.auth, user.level].certain(rng)
    now_s, song_ends_s, item = start_s, 0.0, 0
    while state is not None:
        last = state
        if state.page == "Submit Registration":
            user.registered_s = now_s
            render(user)
        first, surname, location, registered, tail = user.pieces if state.has_user else NOBODY
        artist = length = title = "null"
        if state.is_song:
            song = catalogue[int(SONGS * random() ** SKEW)]
            artist, length, title = song.artist, song.length, song.title
            song_ends_s = now_s + song.seconds
        second = int(now_s)
        add(
            (
                second,
                f'{{"artist":{artist}{state.auth_piece}{first}{item}{surname}{length}{state.level_piece}{location}'
                f"{state.page_piece}{registered}{session_piece}{title}{state.status_piece}{second}000{tail}",
            )
        )
        item += 1
        state = state.following.pick(rng)
        if state is not None:
            now_s = _time_of(state, now_s, song_ends_s, user.alpha_s, random())
    user.last_s, user.auth, user.level = now_s, last.auth, last.level
    if last.auth == "Cancelled":
        user.cancelled_s = now_s
    return rows


def _time_of(state: State, now_s: float, song_ends_s: float, alpha_s: float, uniform: float) -> float:
    """When the next page comes: a redirect at once, a song when the one that plays has ended, else after a pause."""
    if state.is_redirect:
        return now_s + 1.0
    if state.is_song and song_ends_s > now_s:
        return song_ends_s
    return now_s - alpha_s * math.log(1.0 - uniform)
