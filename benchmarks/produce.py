"""`python -m benchmarks.produce`: lines a second of the replay, and of a bare loop around kafka-python's `send`."""

import gc
import json
import statistics
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from kafka import KafkaProducer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks.stage import new_topics, simulated_log
from churn.errors import BadSetup
from churn.topics import USER_EVENTS
from churn_io.console import run, speech
from producer.log_files import lines
from producer.pacing import Pace
from producer.publisher import BATCH_BYTES, LINGER_MS, Publisher, partition_of
from producer.replay import Selection, replay, selected
from sandbox.broker import running_broker

app = typer.Typer(pretty_exceptions_enable=False)

USERS = 2_000


@dataclass(frozen=True)
class Way:
    """How fast lines got onto the topic, from the first to the last acknowledgement: medians over the turns."""

    name: str
    lines_per_second: float
    cpu_us_per_line: float  # of the process, all threads


@dataclass(frozen=True)
class Task:
    """The first `events` lines of a log, for one broker."""

    bootstrap: str
    log: Path
    events: int

    def topic(self) -> str:
        """A new one, like the product's."""
        (made,) = new_topics(self.bootstrap, [USER_EVENTS], uuid.uuid4().hex[:8])
        return made


@app.command()
def produce(
    events: Annotated[int, typer.Option(min=1000, help="Lines in each turn.")] = 200_000,
    turns: Annotated[int, typer.Option(min=1, help="How often each way runs.")] = 5,
    folder: Annotated[Path, typer.Option(help="For the broker, the log and the report.")] = Path("build/bench"),
) -> None:
    """Send the same lines by the replay and by the bare loop, in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    log = simulated_log(folder, events, USERS)
    with running_broker(folder / "kafka-produce") as broker:
        task = Task(broker.bootstrap, log, events)
        timed = [(by_replay(task), by_bare_loop(task)) for _turn in range(turns)]
    found = [median(name, each) for name, each in zip(("replay", "bare loop"), zip(*timed, strict=True), strict=True)]
    ratio = found[0].lines_per_second / found[1].lines_per_second
    (folder / "produce.json").write_text(json.dumps({"ways": list(map(asdict, found)), "ratio": ratio}, indent=2))
    speech.print(table(found, ratio))


def by_replay(task: Task) -> tuple[float, float]:
    """The product, from the file on."""
    with Publisher(task.bootstrap, task.topic()) as sink:

        def whole() -> None:
            done = replay(selected(Selection(task.log, limit=task.events)), sink, Pace())
            if done.acknowledged < task.events:
                raise BadSetup(f"{task.log}: wanted {task.events} lines, {done.acknowledged} arrived; delete it")

        return timing(whole, task.events)


def by_bare_loop(task: Task) -> tuple[float, float]:
    """kafka-python's ceiling: keys, values, headers and partitions are there before the clock starts."""
    topic = task.topic()
    producer = KafkaProducer(
        bootstrap_servers=task.bootstrap, linger_ms=LINGER_MS, batch_size=BATCH_BYTES, metrics_enabled=False
    )
    partitions = len(producer.partitions_for(topic))
    rows = []
    for line in islice(lines(task.log), task.events):
        headers = [("source", line.source.encode()), ("line", b"%d" % line.number)]
        rows.append((line.value, line.user, headers, partition(line.user, partitions), line.ts_ms))

    def whole() -> None:
        for row in rows:
            producer.send(topic, *row)
        producer.flush()

    try:
        return timing(whole, task.events)
    finally:
        producer.close()


@cache
def partition(user: bytes | None, partitions: int) -> int:
    """Kafka's choice, remembered; where those without a user go is of no matter here."""
    return partition_of(user or b"", partitions)


def timing(work: Callable[[], None], events: int) -> tuple[float, float]:
    """Lines a second, and microseconds of CPU for each."""
    gc.collect()
    began, cpu_began = time.monotonic(), time.process_time()
    work()
    return events / (time.monotonic() - began), 1e6 * (time.process_time() - cpu_began) / events


def median(name: str, turns: tuple[tuple[float, float], ...]) -> Way:
    """The middle turn, by rate and by CPU time."""
    return Way(name, statistics.median(rate for rate, _ in turns), statistics.median(cpu for _, cpu in turns))


def table(found: list[Way], ratio: float) -> Table:
    """A row a way."""
    shown = Table(
        "way", "lines/s", "CPU µs/line", caption=f"replay : bare loop = {ratio:.2f} by lines/s", box=SIMPLE_HEAD
    )
    for way in found:
        shown.add_row(way.name, f"{way.lines_per_second:,.0f}", f"{way.cpu_us_per_line:.1f}")
    return shown


if __name__ == "__main__":
    run(app)
