"""Records as nobody would send them on purpose, made by hypothesis, and what must become of each, said naively."""

import json
import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn.events import PAGES
from tests.builders import START_MS, event

MOST = 1_000  # digits and levels that Jackson reads
SURELY_SHORT = 900

LONG = 2**63
MAX_AHEAD_MS = 24 * 3600 * 1000
YEAR_2000_MS = 946_684_800_000

LETTERS = 'a7é日😀?\u0000\n\u200b\u202e\ufeff\ufffd\ud800\udc00{}]"\\\\'  # unseen, halved, closing what is open
ids = st.lists(st.sampled_from(LETTERS), max_size=8).map("".join) | st.integers(60, 70).map(lambda size: "é" * size)
numbers = st.one_of(
    st.sampled_from([LONG, LONG - 1, -LONG, -LONG - 1, 0, -1, 1, START_MS // 1000, START_MS, 4_102_444_800_000]),
    st.integers(START_MS - 90 * MAX_AHEAD_MS, START_MS + 90 * MAX_AHEAD_MS),
    st.integers(-(2**65), 2**65),
    st.floats(),
    st.sampled_from([1e300, -1e300, 5e-324, 2.0**53, 1.5e12]),
)
scalars = st.none() | st.booleans() | numbers | ids
trees = scalars | st.lists(scalars, max_size=2) | st.dictionaries(ids, scalars, max_size=2)
pairs = st.one_of(
    st.tuples(st.just("ts"), numbers),
    st.tuples(st.just("registration"), numbers),
    st.tuples(st.just("userId"), ids),
    st.tuples(st.sampled_from(["userId", "page", "ts", "level", "registration", "location", "song", "USERID"]), trees),
)
users = st.sampled_from(["hostile", "", None, 7])


@st.composite
def objects(draw: Callable[..., Any]) -> str:
    """An event's JSON with up to two fields that hold anything, wherever they stand, and perhaps one less."""
    wanted = event(draw(st.integers(0, 60)), draw(st.sampled_from(PAGES)), draw(users), location="Bend, OR")
    found = list(wanted.items())
    for pair in draw(st.lists(pairs, max_size=2)):
        found.insert(draw(st.integers(0, len(found))), pair)
    if draw(st.booleans()):
        del found[draw(st.integers(0, len(found) - 1))]
    return "{" + ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in found) + "}"


ENDINGS = ["}", "]", "] }", ",0]", ",0] }", "\n", "\r\n", "\t ", " x", " x}", "null", "{}", "/* */", "\u0000", ";"]


@st.composite
def families(draw: Callable[..., Any]) -> list[bytes]:
    """An event, and the same with something after it, in a list, cut short, and with a byte that is another."""
    raw = draw(objects()).encode()
    places = draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=3))
    ended = [raw + ending.encode() for ending in draw(st.lists(st.sampled_from(ENDINGS), min_size=1, max_size=3))]
    other = draw(st.binary(min_size=1, max_size=2))
    replaced = [raw[:place] + other + raw[place + 1 :] for place in places]
    return [raw, *ended, b"[" + raw + b"]", *(raw[:place] for place in places), *replaced]


def unread(value: str) -> str:
    """An event with a field that nobody reads."""
    return json.dumps(event(1, user="hostile"))[:-1] + f', "unread": {value}}}'


ODD = ["", " ", "\n", "null", "true", "7", '""', "[]", "{}", "[[]]", "NaN", "{'ts': 1}", "\ufeff{}", "\u0000"]
odd_texts = st.one_of(
    st.sampled_from(ODD),
    trees.map(json.dumps),
    st.integers(1, 3000).map(lambda depth: unread("[" * depth + "]" * depth)),
    st.integers(1, 3000).map(lambda digits: unread("9" * digits)),
    st.integers(1, 3000).map(lambda depth: "[" * depth),
    st.integers(1, 3000).map(lambda depth: '{"ts":' * depth),
)
odd_bytes = odd_texts.map(str.encode) | st.binary(max_size=200) | st.none()
oddities = st.lists(odd_bytes, min_size=1, max_size=3)
# several values at once: hypothesis takes milliseconds for each of its own
values = families() | families() | oddities


# other values in each run, also in CI, where hypothesis by itself would draw the same ones
FRESH = settings(deadline=None, database=None, derandomize=False, suppress_health_check=list(HealthCheck))


def some(least: int) -> list[bytes | None]:
    """At least so many values, no two alike."""
    found: dict[bytes | None, None] = {}

    def collect(drawn: list[bytes | None]) -> None:
        found.update(dict.fromkeys(drawn))

    examples = least // 5  # an example has that many values; but some are alike, and then it takes more examples
    while len(found) < least:
        settings(FRESH, max_examples=examples)(given(values)(collect))()
        examples *= 2
    return list(found)


def expected(value: bytes | None, recorded_ms: int) -> str | None:
    """'accepted', 'without_user' or the reason; None where parsers may disagree: no UTF-8, other quotes, sizes."""
    if value is None or not value.strip(b" \t\r\n"):
        return "empty"
    try:
        text = value.decode()
        found = json.loads(text, object_pairs_hook=Pairs)
    except UnicodeDecodeError:
        return None
    except RecursionError:  # Python's own limit may be the lower one
        return "not_the_wanted_json" if text.count("[") + text.count("{") > MOST else None
    except ValueError:
        return None if LENIENT.search(text) or comes_again(text) else "not_the_wanted_json"
    if longest_run(text) > SURELY_SHORT or (NO_NUMBER.search(text) and not is_flat(text)):
        return None
    return naive_reason(found, recorded_ms) if isinstance(found, Pairs) else "not_the_wanted_json"


class Pairs(list[tuple[str, Any]]):
    """A JSON object with its keys in their order, the doubled ones too."""


# What Jackson reads all the same: single quotes, a byte order mark, a letter in \\u whose low byte is a digit.
LENIENT = re.compile(r"'|^\ufeff|\\u[0-9a-fA-F]{0,3}[^\x00-\x7f]")


# A text without its closing quote, and what is broken in it stands where the quote should.
DAMAGED_END = re.compile(r'([\x00-\x1f]|\\[^"\\/bfnrtu]|\\u[0-9a-fA-F]{0,3}[^0-9a-fA-F])[ \t\r\n]*[,}]')


def comes_again(text: str) -> bool:
    """Whether a field may end damaged and be there twice: Jackson goes on, and an intact one counts (docs/input.md)."""
    return bool(DAMAGED_END.search(text)) and any(text.count(f'"{name}"') > 1 for name in WANTED)


# No JSON, and yet read by Python, by Spark's parser of fields, and not by its parser of lists.
NO_NUMBER = re.compile(r"NaN|Infinity")


def is_flat(text: str) -> bool:
    """Whether the text ends with its first closing brace: then the parser of lists is not asked."""
    return text.find("}") == len(text) - 1


def longest_run(text: str) -> int:
    """The more of brackets and of digits in the text."""
    return max(text.count("[") + text.count("{"), sum(map(str.isdigit, text)))


def naive_reason(pairs: Pairs, recorded_ms: int) -> str:
    """The rules of churn/events.py, said again over what Python's own parser found."""
    read = [(name, WANTED[name](value)) for name, value in pairs if name in WANTED]
    found = dict.fromkeys(WANTED) | {name: value for name, value in read if value is not WRONG}
    if None in found.values() and any(value is WRONG for _, value in read):
        return "not_the_wanted_json"
    return broken_rule(found, recorded_ms) or ("accepted" if is_of_a_user(found) else "without_user")


def broken_rule(found: dict[str, Any], recorded_ms: int) -> str | None:
    """The reason of the first rule that the fields break."""
    ts, registration, page, level, user = map(found.get, ("ts", "registration", "page", "level", "userId"))
    checks = {
        "ts_missing": lambda: ts is None,
        "ts_not_positive": lambda: ts <= 0,
        "ts_too_early": lambda: ts < YEAR_2000_MS,
        "ts_in_the_future": lambda: ts > recorded_ms + MAX_AHEAD_MS,
        "page_missing": lambda: page is None,
        "page_unknown": lambda: page not in PAGES,
        "level_unknown": lambda: level not in ("free", "paid"),
        "registration_not_a_time": lambda: registration is not None and not 0 <= registration <= 2**53,
        "registration_in_the_future": lambda: registration is not None and registration > ts + MAX_AHEAD_MS,
        "user_id_not_an_id": lambda: user is not None and not is_id(user),
    }
    return next((reason for reason, is_broken in checks.items() if is_broken()), None)


def is_of_a_user(found: dict[str, Any]) -> bool:
    """Whether somebody was logged in."""
    return bool(found["userId"]) and found["registration"] is not None


WRONG = object()  # a value of another type than the wanted


def as_long(value: Any) -> Any:
    """JSON's value if it is a whole number of 64 bits, or null."""
    is_whole = isinstance(value, int) and not isinstance(value, bool) and -LONG <= value < LONG
    return value if value is None or is_whole else WRONG


def as_double(value: Any) -> Any:
    """JSON's value as a double, or null. Spark also reads the names of NaN and infinity."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    names = {"NaN": math.nan, "+INF": math.inf, "+Infinity": math.inf, "Infinity": math.inf}
    names |= {"INF": math.inf, "-INF": -math.inf, "-Infinity": -math.inf}
    return names.get(value, WRONG) if isinstance(value, str) else WRONG


def as_text(value: Any) -> str | None:
    """JSON's value as the text that Spark makes of it; of lists and objects only how they begin."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return value if value is None or isinstance(value, str) else json.dumps(value)


WANTED = {
    "userId": as_text,
    "page": as_text,
    "ts": as_long,
    "level": as_text,
    "registration": as_double,
    "location": as_text,
}


def is_id(text: str) -> bool:
    """Short, no JSON, and of characters that are there to be seen."""
    unseen = any(unicodedata.category(letter) in ("Cc", "Cf", "Cs") for letter in text)
    return len(text) <= 64 and text[:1] not in ("{", "[") and not unseen and not set(text) & {"?", "\ufffd"}
