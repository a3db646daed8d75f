"""Logs as they lie on disk: lines of JSON in a file, a folder of files, plain or gzipped."""

import gzip
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from churn.errors import InvalidLog

MAX_AHEAD_MS = 3_600_000  # Kafka refuses a record further ahead than an hour, and with it the whole batch around it
SUFFIXES = (".json", ".ndjson", ".jsonl", ".log", ".gz")


class Line(NamedTuple):  # a frozen dataclass takes longer to make than the parser to read the line
    """A line of a log, untouched; `user` and `ts_ms` are None where the line does not tell."""

    value: bytes
    source: str
    number: int
    user: bytes | None
    ts_ms: int | None
    is_bad: bool
    loop: int = 1  # the round of a log that is played more than once


def files(path: Path) -> list[Path]:
    """The log's files in the order of their names; raises InvalidLog when there are none."""
    if not path.exists():
        raise InvalidLog(f"{path}: no such file or folder; name a log, or make one with `sparkify simulate`")
    if path.is_file():
        return [path]
    found = sorted(each for each in path.rglob("*") if each.suffix in SUFFIXES and not each.name.startswith("."))
    if not found:
        raise InvalidLog(f"{path}: holds no file that ends in {', '.join(SUFFIXES)}")
    return found


def source_name(path: Path, file: Path) -> str:
    """What a file of the log is called: its path within the folder, or its name."""
    return file.name if path.is_file() else file.relative_to(path).as_posix()


def latest_ms() -> int:
    """The last moment (epoch ms) at which Kafka takes a record now."""
    return int(time.time() * 1000) + MAX_AHEAD_MS


def lines(path: Path) -> Iterator[Line]:
    """All lines that are not blank; raises InvalidLog for a file that cannot be read, or a log without a line."""
    any_line = False
    end_ms = latest_ms()
    for file in files(path):
        source = source_name(path, file)
        try:
            with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
                for number, raw in enumerate(opened, start=1):
                    value = raw.rstrip(b"\r\n")
                    if value.strip():
                        any_line = True
                        yield line(value, source, number, end_ms)
        except (OSError, EOFError, zlib.error) as error:
            raise InvalidLog(f"{file}: cannot be read ({error}); check the file") from error
    if not any_line:
        raise InvalidLog(f"{path}: an empty log; name one with events")


def line(value: bytes, source: str, number: int, end_ms: int = 2**53) -> Line:
    """What the producer needs to know of a line; a bad one is marked, and goes on as it is.

    A time after `end_ms` is none: a replay would wait for it, and the broker refuse it.
    """
    try:
        event = orjson.loads(value)
        user, ts_ms = event.get("userId"), event.get("ts")
    except (orjson.JSONDecodeError, AttributeError):
        return Line(value, source, number, None, None, True)
    is_time = isinstance(ts_ms, int) and not isinstance(ts_ms, bool) and 0 <= ts_ms <= end_ms
    key = str(user).encode() if isinstance(user, str | int) and not isinstance(user, bool) and user != "" else None
    return Line(value, source, number, key, ts_ms if is_time else None, not is_time)


def shifted(original: Line, shift_ms: int, loop: int) -> Line:
    """The line in a later round, later by `shift_ms`; its JSON is written anew: the one case in which bytes change."""
    if original.ts_ms is None or shift_ms == 0:
        return original._replace(loop=loop)
    event = orjson.loads(original.value)
    event["ts"] = original.ts_ms + shift_ms
    return original._replace(value=orjson.dumps(event), ts_ms=event["ts"], loop=loop)
