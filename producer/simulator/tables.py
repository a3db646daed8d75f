"""The generator's tables, compiled: which page follows which, where a session begins, where people live."""

import csv
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

import churn.metros

T = TypeVar("T")

SEGMENT_SHARES = {"accordion": 6, "tuba": 1, "zither": 1, "xylophone": 1}
WITH_USER = ("Logged In", "Cancelled")  # a row shows its user in these states only
CANCEL = "Cancel"  # the page on which a user asks for it
# How many times as often a visit leads to page Cancel after the drift: the xylophones, who hardly left (4% in two
# months, the tubas 59%), leave, and the others nearly cease to.
DRIFT = {"accordion": 1 / 20, "tuba": 1 / 20, "zither": 1 / 20, "xylophone": 50.0}


@dataclass
class Choice(Generic[T]):
    """Weighted options; weights that add up to less than `total` leave a chance of none."""

    options: list[T]
    bounds: list[float]

    @classmethod
    def of(cls, options: list[T], weights: list[float], total: float | None = None) -> "Choice[T]":
        """Weights in any unit; `total` is the weight of certainty (default: their sum)."""
        certain = total or sum(weights)
        bounds = [bound / certain for bound in accumulate(weights)]
        if total is None:
            bounds[-1] = 1.0
        return cls(options, bounds)

    def pick(self, rng: Random) -> T | None:
        """An option, or None."""
        position = bisect_right(self.bounds, rng.random())
        return self.options[position] if position < len(self.options) else None

    def certain(self, rng: Random) -> T:
        """An option of a choice whose weights leave no chance of none."""
        return self.options[bisect_right(self.bounds, rng.random())]


@dataclass(eq=False)
class State:
    """A page as a session sees it, with the pieces of its row that do not depend on the user."""

    page: str
    auth: str
    level: str
    method: str
    status: int
    following: "Choice[State]" = field(default_factory=lambda: Choice([], []))

    def __post_init__(self) -> None:
        self.is_song = self.page == "NextSong"
        self.is_redirect = 300 <= self.status < 400
        self.has_user = self.auth in WITH_USER
        self.auth_piece = f',"auth":"{self.auth}","firstName":'
        self.level_piece = f',"level":"{self.level}","location":'
        self.page_piece = f',"method":"{self.method}","page":"{self.page}","registration":'
        self.status_piece = f',"status":{self.status},"ts":'


@dataclass(frozen=True)
class Segment:
    """One of the generator's four configurations: where sessions begin, and all that follows."""

    name: str
    beginnings: dict[tuple[str, str], Choice[State]]  # by (auth, level) at the end of the session before


@cache
def segments() -> dict[str, Segment]:
    """The four segments by name."""
    return {name: _segment(name) for name in SEGMENT_SHARES}


@cache
def drifted_segments() -> dict[str, Segment]:
    """The four after the drift: others cancel, and whoever does not behaves as before."""
    return {name: _segment(name, DRIFT[name]) for name in SEGMENT_SHARES}


def _segment(name: str, cancels: float = 1.0) -> Segment:
    """A segment that cancels so many times as often as the generator's."""
    states: dict[tuple[str, ...], State] = {}

    def state(row: dict[str, str], prefix: str) -> State:
        key = tuple(row[prefix + part] for part in ("page", "auth", "level", "method", "status"))
        page, auth, level, method, status = key
        return states.setdefault(key, State(page, auth, level, method, int(status)))

    targets: dict[State, list[tuple[State, float]]] = {}
    for row in _rows("transitions.csv", name):
        targets.setdefault(state(row, "from_"), []).append((state(row, "to_"), float(row["p"])))
    for origin, found in targets.items():
        origin.following = Choice.of([to for to, _ in found], _reweighed(found, cancels), total=1.0)
    begins: dict[tuple[str, str], list[tuple[State, float]]] = {}
    for row in _rows("new_sessions.csv", name):
        begins.setdefault((row["auth"], row["level"]), []).append((state(row, ""), float(row["weight"])))
    return Segment(name, {key: Choice.of([s for s, _ in rows], [w for _, w in rows]) for key, rows in begins.items()})


def _reweighed(targets: list[tuple[State, float]], cancels: float) -> list[float]:
    """The chances of what follows a page when Cancel is so many times as likely.

    The others, and the end of the session, share what is left as they did: those who do not cancel keep their habits.
    """
    before = sum(p for to, p in targets if to.page == CANCEL)
    kept = (1 - before * cancels) / (1 - before)
    return [p * (cancels if to.page == CANCEL else kept) for to, p in targets]


def _rows(file: str, segment: str) -> list[dict[str, str]]:
    return [row for row in csv.DictReader(_text(file).splitlines()) if row["segment"] == segment]


def _text(file: str) -> str:
    return (files("producer") / "tables" / file).read_text()


@cache
def metros() -> Choice[str]:
    """Metropolitan areas, by population."""
    areas = churn.metros.metros()
    return Choice.of([area.name for area in areas], [float(area.population) for area in areas])


@cache
def user_agents() -> Choice[str]:
    """User agents by weight; the quotes that some carry are part of them, as in the real logs."""
    rows = [row.split(",", 1) for row in _text("user_agents.csv").splitlines()[1:]]
    return Choice.of([agent for _, agent in rows], [float(weight) for weight, _ in rows])
