"""When a score becomes an alert: over the threshold, and not within the cool-down of the user's last alert."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from churn.shadow import SHADOW
from churn.state import DAY_MS

COOL_DOWN_DAYS = 7  # a week: shorter repeats the same lapse, longer misses a relapse


@dataclass(frozen=True)
class Candidate:
    """A score over the threshold: whose, as of when (epoch ms), and the record on churn-scores."""

    user_id: str
    as_of_ms: int
    score: Mapping[str, Any]


@dataclass(frozen=True)
class Alert:
    """A decided alert; `record` is what the alert topic gets."""

    user_id: str
    as_of_ms: int
    record: Mapping[str, Any]


def alert_id(user_id: str, as_of_ms: int) -> str:
    """The same id for the same user and moment, however often a batch is repeated."""
    return hashlib.sha256(f"{user_id}|{as_of_ms}".encode()).hexdigest()[:16]


def decided(candidates: Iterable[Candidate], alerted: Mapping[str, int], cool_down_days: float) -> list[Alert]:
    """The alerts among `candidates` (one a user), given each user's last alert (epoch ms).

    A user who stays over the threshold is alerted again when the cool-down ends. A candidate older than the last
    alert, as a rebuild from the topic's beginning makes them, is within the cool-down.
    """
    cool_down_ms = cool_down_days * DAY_MS
    return [
        Alert(c.user_id, c.as_of_ms, {"alert_id": alert_id(c.user_id, c.as_of_ms), **without_shadow(c.score)})
        for c in candidates
        if c.user_id not in alerted or c.as_of_ms - alerted[c.user_id] >= cool_down_ms
    ]


def without_shadow(score: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record less what a challenger says: an alert is the same whether there is one or not."""
    return {name: value for name, value in score.items() if name != SHADOW}
