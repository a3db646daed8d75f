"""Logs as hypothesis makes them: several users in one session, without users, at window edges, with cancels."""

from hypothesis import strategies as st

from churn.events import CANCELLED, PAGES, SONG
from churn.state import DAY_MS, HOP_MS
from tests.builders import REGISTERED_MS, START_MS, event

DAYS = 100  # three windows' starts lie inside

FIRST_HOP_MS = (START_MS // HOP_MS + 1) * HOP_MS
EDGES = [
    moment + offset for moment in (FIRST_HOP_MS, FIRST_HOP_MS + HOP_MS, START_MS + 40 * DAY_MS) for offset in (-1, 0, 1)
]

moments = st.one_of(st.integers(START_MS, START_MS + DAYS * DAY_MS), st.sampled_from(EDGES))
user_ids = st.sampled_from(["u1", "u2", "u3", 4, "", None])
pages = st.one_of(st.just(SONG), st.sampled_from([page for page in PAGES if page != CANCELLED]))
levels = st.sampled_from(["free", "paid"])
locations = st.sampled_from(
    [
        "New York-Newark-Jersey City, NY-NJ-PA",
        "Phoenix-Mesa-Scottsdale, AZ",
        "Urban Honolulu, HI",
        "Cañon City, CO",
        "Atlantis",
        None,
    ]
)


@st.composite
def events(draw):
    """One event of any user on any page but the cancel's last."""
    user = draw(user_ids)
    registration = draw(st.sampled_from([REGISTERED_MS, float(REGISTERED_MS)])) if user else None
    fields = {"level": draw(levels), "registration": registration, "location": draw(locations)}
    return event(0, draw(pages), user, ts=draw(moments), **fields)


@st.composite
def logs(draw, max_size=60):
    """Events in order of arrival, which is not the order of time; now and then a user cancels at the end."""
    found = draw(st.lists(events(), min_size=1, max_size=max_size))
    if draw(st.booleans()):
        last = max(each["ts"] for each in found)
        found.append(event(0, CANCELLED, "u1", ts=last + 1000, auth="Cancelled"))
    return draw(st.permutations(found))


def users_of(log):
    """The ids of the users in a log, as text."""
    return sorted({str(each["userId"]) for each in log if each["userId"]})
