"""How soon an event shows in its user's score while the topic is fed at a steady rate, and how soon a stream starts."""

import json
import statistics
import subprocess
import sys
import time
import uuid
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from rich.table import Table

from benchmarks.stage import Stage, result_topics, set_up
from churn.errors import BadSetup
from churn.topics import TOPICS, USER_EVENTS, Topic
from churn_io.console import run, speech
from churn_io.kafka import create_topics
from producer.log_files import Line, lines
from producer.pacing import Lateness, Pace, paced

app = typer.Typer(pretty_exceptions_enable=False)

WARM_UP_SECONDS = 60  # the JVM compiles what the first batches need
START_LIMIT_SECONDS = 300


@dataclass(frozen=True)
class Latency:
    """Milliseconds from an event's way into the topic to its user's score there, which that event is part of."""

    rate: float
    events: int
    without_score: int  # of them, those of a user whom no record names with them: none, but for events too late
    p50_ms: float
    p99_ms: float
    worst_ms: float
    batches: int
    producer_p99_ms: float  # how far behind its deadline an event was sent
    start_seconds: float  # from the command to the first line on a batch


@app.command()
def live(
    rate: Annotated[list[float] | None, typer.Option(help="Events a second; may be repeated.")] = None,
    seconds: Annotated[int, typer.Option(min=1, help="Measured, after a minute to warm up.")] = 60,
    users: Annotated[int, typer.Option(min=1, help="Who makes them.")] = 22_277,
    folder: Annotated[Path, typer.Option(help="For the broker, the log and the report.")] = Path("build/bench"),
) -> None:
    """Feed a stream at each rate and tell how late its scores are."""
    rates = rate or [2_000.0, 10_000.0]
    needed = round(max(rates) * (WARM_UP_SECONDS + seconds)) + 1
    with set_up(folder, needed, users) as stage:
        found = [latency(stage, each, seconds) for each in rates]
    (folder / "live.json").write_text(json.dumps([asdict(each) for each in found], indent=2))
    speech.print(table(found))


def latency(stage: Stage, rate: float, seconds: int) -> Latency:
    """A new stream on a new topic, fed for the warm-up and the seconds."""
    name = f"live-{uuid.uuid4().hex[:6]}"
    events = next(topic for topic in TOPICS if topic.name == USER_EVENTS)
    topic = f"{events.name}-{name}"
    create_topics(stage.bootstrap, [Topic(topic, events.partitions, events.config)])
    scores, alerts, rejected = result_topics(stage, name)
    where = ["--bootstrap", stage.bootstrap, "--models", str(stage.models), "--topic", topic]
    where += ["--checkpoint", str(stage.folder / "checkpoints" / name)]
    where += ["--scores-topic", scores, "--alerts-topic", alerts, "--rejected-topic", rejected]
    log = paced_log(stage, rate, WARM_UP_SECONDS + seconds)
    with scoring(where, topic, log, stage.bootstrap) as start_seconds:
        lateness = feed(stage.bootstrap, topic, log, rate)
        time.sleep(5)  # for the last events' scores
    return measured(stage.bootstrap, topic, scores, rate, (lateness, start_seconds))


def paced_log(stage: Stage, rate: float, seconds: float) -> list[Line]:
    """The first lines of the stage's log, one of them more."""
    return list(islice(lines(stage.log), round(rate * seconds) + 1))


@contextmanager
def scoring(where: list[str], topic: str, log: list[Line], bootstrap: str) -> Iterator[float]:
    """A running `sparkify score`, and its seconds to the first line on a batch: that of the log's first event."""
    feed(bootstrap, topic, [log.pop(0)], rate=1.0)
    began = time.monotonic()
    command = [sys.executable, "-m", "sandbox", "score", *where]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as stream:
        said = stream.stdout or ()
        try:
            first = next((line for line in said if " batch " in line), None)
            if first is None:
                raise BadSetup(f"{' '.join(command[:4])} … ended with {stream.wait(START_LIMIT_SECONDS)} at its start")
            yield time.monotonic() - began
        finally:
            stream.terminate()
            for _line in said:
                continue


def feed(bootstrap: str, topic: str, log: list[Line], rate: float) -> Lateness:
    """Send the lines at a rate, each stamped with the wall clock; how late they were."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
    lateness = Lateness()
    for line in paced(log, Pace(rate=rate), lateness, time.monotonic, time.sleep):
        producer.send(topic, line.value, key=line.user)
    producer.close()
    return lateness


def measured(bootstrap: str, topic: str, scores_topic: str, rate: float, of_the_run: tuple[Lateness, float]) -> Latency:
    """Latencies of the events after the warm-up.

    An event is in the first batch whose clock (`as_of`) is not before it: the log is in order, so that this is wrong by
    no more than the events of one second of the log, some milliseconds at these rates.
    """
    sent = [(json.loads(value), at_ms) for value, at_ms in read(bootstrap, topic)]
    scored: dict[str, dict[int, int]] = defaultdict(dict)  # user -> clock -> when the score was appended
    for value, at_ms in read(bootstrap, scores_topic):
        score = json.loads(value)
        clock_ms = round(datetime.fromisoformat(score["as_of"]).timestamp() * 1000)
        scored[score["user_id"]][clock_ms] = at_ms
    clocks = sorted({clock for by_clock in scored.values() for clock in by_clock})
    counted_from_ms = sent[1][1] + WARM_UP_SECONDS * 1000
    found: list[int] = []
    without_score = 0
    for event, at_ms in sent:
        if at_ms < counted_from_ms or event["registration"] is None:
            continue
        place = bisect_left(clocks, event["ts"])
        scored_ms = scored[str(event["userId"])].get(clocks[place]) if place < len(clocks) else None
        if scored_ms is None:
            without_score += 1
        else:
            found.append(scored_ms - at_ms)
    percentiles = statistics.quantiles(found, n=100)
    lateness, start_seconds = of_the_run
    return Latency(
        rate=rate,
        events=len(found) + without_score,
        without_score=without_score,
        p50_ms=percentiles[49],
        p99_ms=percentiles[98],
        worst_ms=max(found),
        batches=len(clocks),
        producer_p99_ms=lateness.quantile_ms(0.99),
        start_seconds=start_seconds,
    )


def read(bootstrap: str, topic: str) -> Iterator[tuple[bytes, int]]:
    """Each record's value and the time (epoch ms) that the topic has for it, up to the present end, by time."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    found: list[tuple[bytes, int]] = []
    while any(consumer.position(each) < ends[each] for each in partitions):
        for records in consumer.poll(timeout_ms=500).values():
            found.extend((record.value, record.timestamp) for record in records)
    consumer.close()
    yield from sorted(found, key=lambda record: record[1])


def table(found: list[Latency]) -> Table:
    """A row a rate."""
    shown = Table(
        "events/s", "events", "without", "p50 ms", "p99 ms", "worst ms", "batches", "sent late, p99 ms", "start s"
    )
    for each in found:
        values = each.rate, each.events, each.without_score, each.p50_ms, each.p99_ms, each.worst_ms, each.batches
        figures = (f"{value:,.0f}" for value in values)
        shown.add_row(*figures, f"{each.producer_p99_ms:.1f}", f"{each.start_seconds:.1f}")
    return shown


if __name__ == "__main__":
    run(app)
