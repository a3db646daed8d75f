"""A running stream that is fed at a steady rate, and how long each event took to show in its user's score."""

import json
import subprocess
import time
import uuid
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from benchmarks.peers.final import records
from benchmarks.stage import Stage, new_topics, score_command
from churn.errors import BadSetup
from churn.topics import CHURN_SCORES, USER_EVENTS
from producer.log_files import Line
from producer.pacing import Lateness, Pace, paced
from producer.publisher import Publisher

START_LIMIT_SECONDS = 300
POLL_SECONDS = 0.05
LINGER_MS = 5  # as a service that sends its events when they happen; a replay waits ten times as long
SETTLE_SECONDS = 5  # for the last events' scores


@dataclass(frozen=True)
class Stream:
    """A `sparkify score` that has finished its first batch."""

    bootstrap: str
    events: str  # its topics
    scores: str
    pid: int
    start_seconds: float  # from the command to the first line on a batch


@dataclass(frozen=True)
class Delays:
    """When events were sent (epoch ms) and the ms until their scores were on the topic."""

    found: list[tuple[int, int]]
    without_score: int  # no record of their user includes them: too late, or he cancels in the same batch
    batches: int


@contextmanager
def scoring(stage: Stage, first: Line) -> Iterator[Stream]:
    """A stream on topics of its own that was started on one event; it is stopped at the block's end."""
    name = f"live-{uuid.uuid4().hex[:6]}"
    (events,) = new_topics(stage.bootstrap, [USER_EVENTS], name)
    feed(stage.bootstrap, events, [first], rate=1.0)
    command = score_command(stage, name, "--topic", events)
    log = stage.folder / "stream.log"  # not a pipe: one that nobody reads is full after ten minutes, and holds all up
    began = time.monotonic()
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            while b" batch " not in log.read_bytes():
                if process.poll() is not None or time.monotonic() - began > START_LIMIT_SECONDS:
                    raise BadSetup(f"{' '.join(command[:4])} … finished no batch; see {log}")
                time.sleep(POLL_SECONDS)
            yield Stream(stage.bootstrap, events, f"{CHURN_SCORES}-{name}", process.pid, time.monotonic() - began)
            if process.poll() is not None:
                raise BadSetup(f"{' '.join(command[:4])} … ended by itself with {process.returncode}; see {log}")
        finally:
            process.terminate()


def feed(bootstrap: str, topic: str, log: Iterable[Line], rate: float) -> Lateness:
    """Send the lines at a rate by the replay's publisher, each stamped with the wall clock; how late they were."""
    lateness = Lateness()
    with Publisher(bootstrap, topic, linger_ms=LINGER_MS) as publisher:
        for line in paced(log, Pace(rate=rate), lateness, time.monotonic, time.sleep):
            publisher.send(line, round(1000 * time.time()))
        publisher.flush()
    return lateness


def delays(stream: Stream, from_ms: float) -> Delays:
    """Of the events that were sent from that moment (epoch ms) on.

    An event is in the first batch whose clock (`as_of`) is not before it: the log is in order, so that this is wrong by
    no more than the events of one second of the log, some milliseconds at these rates.
    """
    scored: dict[str, dict[int, int]] = defaultdict(dict)  # user -> clock -> when the score was appended
    for record in records(stream.bootstrap, stream.scores):
        score = json.loads(record.value)
        clock_ms = round(datetime.fromisoformat(score["as_of"]).timestamp() * 1000)
        scored[score["user_id"]][clock_ms] = record.timestamp
    clocks = sorted({clock for by_clock in scored.values() for clock in by_clock})
    found: list[tuple[int, int]] = []
    without_score = 0
    for record in records(stream.bootstrap, stream.events):
        event = json.loads(record.value)
        if record.timestamp < from_ms or event["registration"] is None:
            continue
        place = bisect_left(clocks, event["ts"])
        scored_ms = scored[str(event["userId"])].get(clocks[place]) if place < len(clocks) else None
        if scored_ms is None:
            without_score += 1
        else:
            found.append((record.timestamp, scored_ms - record.timestamp))
    return Delays(found, without_score, len(clocks))
