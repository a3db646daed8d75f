"""The state of churn/state.py for one event at a time, as somebody without Spark would keep it: a list of numbers.

The names are said again here because the peers' environments have no PySpark; flink.py's SQL would disagree after
a slip.
"""

from math import exp, log1p
from typing import Any

DAY_MS = 24 * 3600 * 1000
HOP_DAYS = 28
HOP_MS = HOP_DAYS * DAY_MS

SONG = "NextSong"
CANCELLED = "Cancellation Confirmation"
CANCEL_PAGES = ("Cancel", CANCELLED)
COUNTED_PAGES = (
    SONG, "Thumbs Up", "Thumbs Down", "Add to Playlist", "Add Friend", "Roll Advert", "Home", "Help",
    "Downgrade", "Settings", "Upgrade", "Logout",
)  # fmt: skip
DECAYED_PAGES = (SONG, "Thumbs Down", "Roll Advert")
TAUS_DAYS = (1, 7, 28)


def snake(page: str) -> str:
    """'Thumbs Up' -> 'thumbs_up': the page in the names of aggregates."""
    return "song" if page == SONG else page.lower().replace(" ", "_")


FIELDS = (
    "n_events", "first_ms", "last_ms", "level_code", "registered_ms", "cancelled_ms",
    *(f"n_{snake(page)}" for page in COUNTED_PAGES),
    *(f"n_paid_{snake(page)}" for page in COUNTED_PAGES),
    *(f"s_{snake(page)}_{tau}d" for page in DECAYED_PAGES for tau in TAUS_DAYS),
)  # fmt: skip
SCORED = FIELDS[3:]
SCORE_WEIGHT = 0.01  # stands for the model: as cheap as a peer could wish

N_EVENTS, FIRST_MS, LAST_MS, LEVEL_CODE, REGISTERED_MS, CANCELLED_MS = range(6)
COUNT = {page: FIELDS.index(f"n_{snake(page)}") for page in COUNTED_PAGES}
PAID_AFTER_COUNT = len(COUNTED_PAGES)  # a page's paid count lies so many places after its count
DECAYED = {page: FIELDS.index(f"s_{snake(page)}_{TAUS_DAYS[0]}d") for page in DECAYED_PAGES}

Values = list[Any]  # in the order of FIELDS; times are None until an event gives one
Record = dict[str, Any]


def has_user(event: Record) -> bool:
    """Whether the event counts: visitors have no id, or a pseudo id and no registration."""
    return bool(event["userId"]) and event["registration"] is not None


def window_starts(ts_ms: int) -> tuple[int, int]:
    """Starts (epoch ms) of the two windows that hold the moment, the newer one first."""
    newest = ts_ms // HOP_MS * HOP_MS
    return newest, newest - HOP_MS


def nothing() -> Values:
    """The values of a window without events."""
    return [0, None, None, None, None, None] + [0] * (len(FIELDS) - 6)


def add(values: Values, event: Record, window_start_ms: int) -> None:
    """Count an event in one of its windows, in place."""
    page, ts_ms = event["page"], event["ts"]
    values[REGISTERED_MS] = max(values[REGISTERED_MS] or 0, int(event["registration"]))
    if page not in CANCEL_PAGES:
        _add_behaviour(values, page, ts_ms, event["level"] == "paid")
    elif page == CANCELLED:
        values[CANCELLED_MS] = max(values[CANCELLED_MS] or 0, ts_ms)
    decayed = DECAYED.get(page)
    if decayed is not None:
        days = (ts_ms - window_start_ms) / DAY_MS
        for position, tau in enumerate(TAUS_DAYS, start=decayed):
            values[position] += exp(days / tau)


def record(user_id: str, window_start_ms: int, values: Values) -> Record:
    """What is published of a user's window."""
    return {
        "user_id": user_id,
        "window_start_ms": window_start_ms,
        **dict(zip(FIELDS, values, strict=True)),
        "score": _score(values),
    }


def _add_behaviour(values: Values, page: str, ts_ms: int, is_paid: bool) -> None:
    if not values[N_EVENTS]:
        values[FIRST_MS] = values[LAST_MS] = values[LEVEL_CODE] = ts_ms
    values[N_EVENTS] += 1
    # conditions, as calls of min and max take longer than all other lines here
    if ts_ms < values[FIRST_MS]:  # noqa: PLR1730
        values[FIRST_MS] = ts_ms
    if ts_ms > values[LAST_MS]:  # noqa: PLR1730
        values[LAST_MS] = ts_ms
    if ts_ms * 2 + is_paid > values[LEVEL_CODE]:  # noqa: PLR1730
        values[LEVEL_CODE] = ts_ms * 2 + is_paid
    count = COUNT.get(page)
    if count is not None:
        values[count] += 1
        values[count + PAID_AFTER_COUNT] += is_paid


def _score(values: Values) -> float:
    total = sum(log1p(value) for value in values[-len(SCORED) :] if value)
    return 1 / (1 + exp(-SCORE_WEIGHT * total))
