"""The log: all users' sessions merged in time order, and written."""

import heapq
import json
import math
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from random import Random

from churn.errors import BadSetup
from churn_io.files import aside
from producer.simulator.population import User, initial_user, new_user
from producer.simulator.sessions import DAY_S, Row, next_start, session
from producer.simulator.tables import SEGMENT_SHARES, drifted_segments
from producer.simulator.writing import written, written_by_day

GROWTH_PER_DAY = 0.1 / 365  # of the users there are
FLUSH_S = 1800.0  # rows are sorted and let go in steps of simulated time
FIRST_USER_ID = 1

Progress = Callable[[float, int], None]  # share of the simulated time, rows so far


@dataclass(frozen=True)
class Settings:
    """How many users to begin with, for how long, from when (UTC), and the seed of it all.

    `drift_day`: after so many days others begin to cancel (tables.DRIFT); None is never.
    """

    users: int
    days: float
    start: datetime
    seed: int
    drift_day: float | None = None

    def __post_init__(self) -> None:
        if self.users < 1 or self.days <= 0:
            raise BadSetup(f"a log needs users and days; found users={self.users}, days={self.days:g}")
        if self.drift_day is not None and not 0 <= self.drift_day < self.days:
            raise BadSetup(f"a drift falls into the log's {self.days:g} days; found drift day {self.drift_day:g}")

    @property
    def start_s(self) -> float:
        """The log's first second (epoch)."""
        return self.start.timestamp()

    @property
    def end_s(self) -> float:
        """The second (epoch) after the log's last."""
        return self.start_s + self.days * DAY_S

    @property
    def drift_s(self) -> float:
        """The second (epoch) from which sessions begin otherwise; infinite without a drift."""
        return math.inf if self.drift_day is None else self.start_s + self.drift_day * DAY_S


@dataclass(frozen=True)
class Summary:
    """What was written."""

    rows: int
    users: int
    cancels: int
    bytes: int
    seconds: float


def simulated(settings: Settings, known: list[User] | None = None) -> Iterator[list[Row]]:
    """The log in time order, in chunks of rows (epoch s, line); fills `known` with all its users.

    Memory holds the users and the sessions that run, never the log.
    """
    rng = Random(settings.seed)
    known = [] if known is None else known
    numbers = dict.fromkeys(SEGMENT_SHARES, 0)  # one counter a segment: users of two segments share session ids
    waiting: list[tuple[float, int, User]] = []
    pending: list[Row] = []
    for first in _population(settings, rng, numbers):
        known.append(first.user)
        pending += first.rows
        if first.user.cancelled_s is None:
            waiting.append((first.start_s, first.user.user_id, first.user))
    heapq.heapify(waiting)
    flush_s, drift_s = settings.start_s, settings.drift_s
    while waiting and waiting[0][0] < settings.end_s:
        start_s, user_id, user = waiting[0]
        if start_s >= flush_s:
            yield _settled(pending, start_s)
            flush_s = start_s + FLUSH_S
        if start_s >= drift_s:
            user.segment = drifted_segments()[user.segment.name]
        numbers[user.segment.name] += 1
        pending += session(user, start_s, numbers[user.segment.name], rng)
        if user.cancelled_s is None:
            heapq.heapreplace(waiting, (next_start(user, rng), user_id, user))
        else:
            heapq.heappop(waiting)
    yield _settled(pending, settings.end_s)


def _settled(pending: list[Row], until_s: float) -> list[Row]:
    """Take the rows before `until_s` out of the pending ones, sorted."""
    pending.sort(key=itemgetter(0))
    cut = bisect_left(pending, int(until_s), key=itemgetter(0))
    settled = pending[:cut]
    del pending[:cut]
    return settled


@dataclass(frozen=True)
class Beginning:
    """How a user enters the log: with the rows of a session that runs across its start, and the next session (s)."""

    user: User
    start_s: float
    rows: list[Row]


def _population(settings: Settings, rng: Random, numbers: dict[str, int]) -> Iterator[Beginning]:
    """Those who are there at the start, and those who come later."""
    user_id = FIRST_USER_ID
    for _ in range(settings.users):
        yield _survivor(user_id, settings, rng, numbers)
        user_id += 1
    arrival_s = settings.start_s
    while (arrival_s := arrival_s + rng.expovariate(settings.users * GROWTH_PER_DAY / DAY_S)) < settings.end_s:
        yield Beginning(new_user(user_id, arrival_s, rng), arrival_s, [])
        user_id += 1


def _survivor(user_id: int, settings: Settings, rng: Random, numbers: dict[str, int]) -> Beginning:
    """A user who has not cancelled before the log begins; what happens before it is lived, not written."""
    while True:
        user = initial_user(user_id, settings.start_s, rng)
        rows: list[Row] = []
        start_s = next_start(user, rng)
        while start_s < settings.start_s and user.cancelled_s is None:
            lived = session(user, start_s, numbers[user.segment.name] + 1, rng)
            rows = [row for row in lived if row[0] >= settings.start_s]
            start_s = next_start(user, rng)
        if user.cancelled_s is None or user.cancelled_s >= settings.start_s:
            user.first_level = user.level
            numbers[user.segment.name] += bool(rows)  # a session that nobody sees uses up no number
            return Beginning(user, start_s, rows)


def write_log(
    settings: Settings, out: Path, truth: Path | None = None, by_day: bool = False, progress: Progress | None = None
) -> Summary:
    """Write the log to a file (.json or .json.gz) or, by day, to a folder of files; renamed when complete."""
    began = time.monotonic()
    known: list[User] = []
    rows = size = 0
    with written_by_day(out) if by_day else written(out) as write:
        for chunk in simulated(settings, known):
            size += write(chunk)
            rows += len(chunk)
            if progress and chunk:
                progress((chunk[-1][0] - settings.start_s) / (settings.end_s - settings.start_s), rows)
    if truth:
        with aside(truth) as file:
            file.writelines(json.dumps(user.truth()) + "\n" for user in known)
    cancels = sum(user.cancelled_s is not None and user.cancelled_s < settings.end_s for user in known)
    return Summary(rows, len(known), cancels, size, time.monotonic() - began)
