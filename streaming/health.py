"""`python -m streaming.health`: whether the stream has turned over lately. No Spark: it is asked every few seconds."""

import os
import sys
import time
from pathlib import Path

HEARTBEAT = "SPARKIFY_HEARTBEAT"
STALE = "SPARKIFY_STALE_SECONDS"
STALE_SECONDS = 600  # a catch-up's largest batch takes three minutes on one slow core


def complaint(heartbeat: Path, stale_seconds: float, now_s: float) -> str | None:
    """What is wrong with the stream that touches this file, as of `now_s` (epoch seconds); None for a healthy one."""
    try:
        silent = now_s - heartbeat.stat().st_mtime
    except FileNotFoundError:
        return f"no batch is done yet, nor was the topic found empty: no {heartbeat}; see the stream's log"
    if silent > stale_seconds:
        return f"the stream turned over {silent:.0f} s ago, {STALE} allows {stale_seconds:g}; see its log"
    return None


def main() -> None:
    """Ask about the file that SPARKIFY_HEARTBEAT names; exit code 1, and a line that says why, if all is not well."""
    named = os.environ.get(HEARTBEAT)
    if not named:
        sys.exit(f"{HEARTBEAT} names no file; set it for this check and for `sparkify score` alike")
    allowed = os.environ.get(STALE) or str(STALE_SECONDS)
    if not allowed.isdecimal():
        sys.exit(f"{STALE} is {allowed!r}; set it to whole seconds, or leave it out for {STALE_SECONDS}")
    sys.exit(complaint(Path(named), int(allowed), time.time()))


if __name__ == "__main__":
    main()
