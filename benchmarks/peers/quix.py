"""The job in Quix Streams: RocksDB behind a changelog topic, at least once. Run two, of one consumer group.

A key's record is published at every fifth of its events; quix_final.py publishes the rest after the run.
"""

import time
from pathlib import Path
from typing import Any

from aggregates import N_EVENTS, Record, add, has_user, nothing, record, window_starts
from contract import Bounds, bounds, first, flags, report
from quixstreams import Application, State, message_context

PUBLISHED_EVERY = 5  # events of a key; all of them would be 2 records an event
KEPT_WINDOWS = 3  # a user's newest
IDLE_SECONDS = 5  # no record for so long: the other process has the rest
STATE_NAME = "windows"


class Progress:
    """What a process has done, and when it has nothing left to do."""

    def __init__(self, wanted: Bounds) -> None:
        self.wanted = wanted
        self.events = 0
        self.published = 0
        self.last = time.monotonic()
        self.app: Application | None = None

    def is_wanted(self, _event: Record) -> bool:
        """Whether the record at hand is one of the first --events."""
        at = message_context()
        return at.offset < self.wanted.end[at.partition]

    def after(self, _topic: str, partition: int, offset: int) -> None:
        """Called for each record when it is through; stops where a topic goes on beyond --events."""
        if offset < self.wanted.end[partition]:
            self.events += 1
            self.last = time.monotonic()
        elif self.app and time.monotonic() - self.last > IDLE_SECONDS:
            self.app.stop()


def main() -> None:
    """Run until no record is left for this process, report."""
    parser = flags(__doc__)
    parser.add_argument("--group", required=True, help="consumer group; the same for both processes, new for each run")
    parser.add_argument("--state", type=Path, required=True, metavar="DIR", help="each process needs its own")
    args = parser.parse_args()
    started = time.monotonic()
    progress = Progress(first(args.events, args.topic, bounds(args.bootstrap, args.topic)))
    app = progress.app = Application(
        broker_address=args.bootstrap,
        consumer_group=args.group,
        auto_offset_reset="earliest",
        state_dir=args.state,
        loglevel="WARNING",
        on_message_processed=progress.after,
        consumer_extra_config={"queued.min.messages": 200_000},
        producer_extra_config={"linger.ms": 20, "queue.buffering.max.messages": 1_000_000},
    )
    define(app, args.topic, args.out, progress)
    app.run(timeout=IDLE_SECONDS)
    # the flush at the end counts, the idle wait before it does not
    report(progress.events, time.monotonic() - started - IDLE_SECONDS, progress.published)


def define(app: Application, topic: str, out: str, progress: Progress) -> None:
    """Events -> records, keyed by user and window."""
    events = app.topic(topic, key_deserializer="str", value_deserializer="json")
    records = app.topic(out, key_serializer="str", value_serializer="json")
    table = app.dataframe(events).filter(progress.is_wanted).filter(has_user)
    table = table.apply(changed, stateful=True, expand=True)

    def count(_record: Record) -> None:
        progress.published += 1

    table.update(count).to_topic(records, key=key)


def changed(event: Record, state: State) -> list[Record]:
    """Count the event in its two windows; returns the records that are due."""
    windows: dict[str, list[Any]] = state.get(STATE_NAME) or {}
    due = []
    for start in window_starts(event["ts"]):
        values = windows.setdefault(str(start), nothing())
        add(values, event, start)
        if values[N_EVENTS] % PUBLISHED_EVERY == 1:
            due.append(record(event["userId"], start, values))
    for start in sorted(windows, key=int)[:-KEPT_WINDOWS]:  # for good, so with its last values
        due.append(record(event["userId"], int(start), windows.pop(start)))
    state.set(STATE_NAME, windows)
    return due


def key(of: Record) -> str:
    """A record's key in the topic."""
    return f"{of['user_id']}|{of['window_start_ms']}"


if __name__ == "__main__":
    main()
