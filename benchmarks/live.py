"""`python -m benchmarks.live`: how soon an event shows in its user's score at a steady rate, and a stream starts."""

import json
import statistics
import time
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks.fed import SETTLE_SECONDS, delays, feed, scoring
from benchmarks.stage import Stage, set_up
from churn_io.console import run, speech
from producer.log_files import lines

app = typer.Typer(pretty_exceptions_enable=False)

WARM_UP_SECONDS = 60  # the JVM compiles what the first batches need
FILLED = 10_000  # events on the stage's own topic, which nobody reads here


@dataclass(frozen=True)
class Latency:
    """Milliseconds from an event's way into the topic to its user's score there, which that event is part of."""

    rate: float
    events: int
    without_score: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    batches: int
    producer_p99_ms: float  # how far behind its deadline an event was sent
    start_seconds: float


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
    with set_up(folder, needed, users, FILLED) as stage:
        found = [latency(stage, each, seconds) for each in rates]
    (folder / "live.json").write_text(json.dumps([asdict(each) for each in found], indent=2))
    speech.print(table(found))


def latency(stage: Stage, rate: float, seconds: int) -> Latency:
    """A new stream, fed for the warm-up and the seconds."""
    log = islice(lines(stage.log), round(rate * (WARM_UP_SECONDS + seconds)) + 1)
    with scoring(stage, next(log)) as stream:
        from_ms = 1000 * (time.time() + WARM_UP_SECONDS)
        lateness = feed(stage.bootstrap, stream.events, log, rate)
        time.sleep(SETTLE_SECONDS)
    found = delays(stream, from_ms)
    waits = [delay_ms for _sent_ms, delay_ms in found.found]
    percentiles = statistics.quantiles(waits, n=100)
    return Latency(
        rate=rate,
        events=len(waits) + found.without_score,
        without_score=found.without_score,
        p50_ms=percentiles[49],
        p99_ms=percentiles[98],
        worst_ms=max(waits),
        batches=found.batches,
        producer_p99_ms=lateness.quantile_ms(0.99),
        start_seconds=stream.start_seconds,
    )


def table(found: list[Latency]) -> Table:
    """A row a rate."""
    headings = ("events/s", "events", "without", "p50", "p99", "worst", "batches", "sent late", "start s")
    shown = Table(*headings, caption="p50, p99, worst: ms to the score; sent late: p99, ms", box=SIMPLE_HEAD)
    for each in found:
        values = each.rate, each.events, each.without_score, each.p50_ms, each.p99_ms, each.worst_ms, each.batches
        figures = (f"{value:,.0f}" for value in values)
        shown.add_row(*figures, f"{each.producer_p99_ms:.1f}", f"{each.start_seconds:.1f}")
    return shown


if __name__ == "__main__":
    run(app)
