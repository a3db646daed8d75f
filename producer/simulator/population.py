"""The users: their hidden segment and rates, and the pieces of a row that never change for them."""

import json
import math
from dataclasses import dataclass, field
from random import Random

from producer.simulator.catalogue import MEN, SURNAMES, WOMEN
from producer.simulator.tables import SEGMENT_SHARES, Choice, Segment, metros, segments, user_agents

ALPHA_S = 90.0  # mean seconds between two pages
BETA_S = 7 * 86400.0  # mean seconds between two sessions
TENURE_S = 32 * 86400.0  # mean time from registration to the log's start
LONGEST_TENURE_S = 5 * 365 * 86400.0
FREE_TO_PAID = (10, 2)
LOGGED_IN_TO_OUT = (10, 1)

SEGMENTS = Choice.of(list(SEGMENT_SHARES), [float(share) for share in SEGMENT_SHARES.values()])
LEVELS = Choice.of(["free", "paid"], [float(weight) for weight in FREE_TO_PAID])
AUTHS = Choice.of(["Logged In", "Logged Out"], [float(weight) for weight in LOGGED_IN_TO_OUT])


@dataclass(slots=True)
class User:
    """A user; `auth` and `level` are those at the end of the last session. Times in epoch seconds."""

    user_id: int
    segment: Segment
    alpha_s: float
    beta_s: float
    registered_s: float | None
    auth: str
    level: str
    first_level: str
    first_name: str
    last_name: str
    gender: str
    location: str
    user_agent: str
    last_s: float = 0.0
    cancelled_s: float | None = None
    pieces: tuple[str, ...] = field(default=())

    def truth(self) -> dict[str, object]:
        """What no log shows; for evaluation only."""
        return {
            "userId": str(self.user_id),
            "segment": self.segment.name,
            "alpha_s": self.alpha_s,
            "beta_s": self.beta_s,
            "registration": None if self.registered_s is None else int(self.registered_s) * 1000,
            "level_at_start": self.first_level,
            "cancel_ms": None if self.cancelled_s is None else int(self.cancelled_s) * 1000,
        }


def rate(mean: float, rng: Random) -> float:
    """A user's own mean: lognormal around the population's."""
    return mean * math.exp(rng.gauss(0.0, 1.0)) / math.sqrt(math.e)


def initial_user(user_id: int, start_s: float, rng: Random) -> User:
    """Somebody who has registered before the log begins."""
    tenure_s = min(rng.expovariate(1 / TENURE_S), LONGEST_TENURE_S)
    user = _user(user_id, rng, start_s - tenure_s, AUTHS.certain(rng), LEVELS.certain(rng))
    user.last_s = start_s - 2 * user.beta_s
    return user


def new_user(user_id: int, arrival_s: float, rng: Random) -> User:
    """Somebody who comes as a guest while the log runs."""
    user = _user(user_id, rng, None, "Guest", "free")
    user.last_s = arrival_s
    return user


def _user(user_id: int, rng: Random, registered_s: float | None, auth: str, level: str) -> User:
    is_woman = rng.random() < 0.46
    user = User(
        user_id=user_id,
        segment=segments()[SEGMENTS.certain(rng)],
        alpha_s=rate(ALPHA_S, rng),
        beta_s=rate(BETA_S, rng),
        registered_s=registered_s,
        auth=auth,
        level=level,
        first_level=level,
        first_name=rng.choice(WOMEN if is_woman else MEN),
        last_name=rng.choice(SURNAMES),
        gender="F" if is_woman else "M",
        location=metros().certain(rng),
        user_agent=user_agents().certain(rng),
    )
    render(user)
    return user


NOBODY = (
    'null,"gender":null,"itemInSession":',
    ',"lastName":null,"length":',
    "null",
    "null",
    ',"userAgent":null,"userId":""}\n',
)


def render(user: User) -> None:
    """Prepare the pieces of the user's rows, in the order in which `sessions.row` joins them."""
    user.pieces = (
        f'{json.dumps(user.first_name)},"gender":"{user.gender}","itemInSession":',
        f',"lastName":{json.dumps(user.last_name)},"length":',
        json.dumps(user.location),
        "null" if user.registered_s is None else str(int(user.registered_s) * 1000),
        f',"userAgent":{json.dumps(user.user_agent)},"userId":"{user.user_id}"}}\n',
    )
