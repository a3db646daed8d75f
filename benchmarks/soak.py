"""`python -m benchmarks.soak`: a stream at a steady rate for half an hour; its memory and latency are to stay flat."""

import json
import statistics
import time
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmarks.fed import SETTLE_SECONDS, Delays, delays, feed, scoring
from benchmarks.live import FILLED
from benchmarks.processes import Sample, sampled
from benchmarks.stage import set_up
from churn.errors import BadSetup
from churn_io.console import run, speech
from producer.log_files import lines

app = typer.Typer(pretty_exceptions_enable=False)

SAMPLE_SECONDS = 5
PARTS = 6  # of the time, a row each
FEW = 100  # too few for percentiles


@dataclass(frozen=True)
class Part:
    """A part of the soak: resident memory of the stream's processes at its highest, and the scores' delays."""

    minute: float  # from the start to the part's end
    resident_mib: float
    events: int
    p50_ms: float
    p99_ms: float


@app.command()
def soak(
    minutes: Annotated[float, typer.Option(min=1, help="How long.")] = 30.0,
    rate: Annotated[float, typer.Option(min=1, help="Events a second: half of what the machine can is meant.")] = 5_000,
    users: Annotated[int, typer.Option(min=1, help="Who makes them.")] = 22_277,
    folder: Annotated[Path, typer.Option(help="For the broker, the log and the report.")] = Path("build/bench"),
) -> None:
    """Feed a stream for long and tell, part by part, its memory and how late its scores are."""
    needed = round(rate * minutes * 60) + 1
    with set_up(folder, needed, users, FILLED) as stage:
        log = islice(lines(stage.log), needed)
        with scoring(stage, next(log)) as stream, sampled(stream.pid, SAMPLE_SECONDS) as samples:
            began_ms = 1000 * time.time()
            feed(stage.bootstrap, stream.events, log, rate)
            time.sleep(SETTLE_SECONDS)
        found = parts(delays(stream, began_ms), samples, began_ms, minutes)
    (folder / "soak.json").write_text(json.dumps([asdict(each) for each in found], indent=2))
    speech.print(table(found))


def parts(found: Delays, samples: list[Sample], began_ms: float, minutes: float) -> list[Part]:
    """The soak in PARTS of equal length."""
    length_ms = minutes * 60_000 / PARTS
    rows = []
    for number in range(PARTS):
        first, last = began_ms + number * length_ms, began_ms + (number + 1) * length_ms
        waits = [delay_ms for sent_ms, delay_ms in found.found if first <= sent_ms < last]
        if len(waits) < FEW:
            raise BadSetup(f"only {len(waits)} scores in part {number + 1} of {PARTS}; see the stream's log")
        percentiles = statistics.quantiles(waits, n=100)
        memory = max(each.resident_mib for each in samples if first <= each.at_ms < last)
        rows.append(Part((number + 1) * minutes / PARTS, memory, len(waits), percentiles[49], percentiles[98]))
    return rows


def table(found: list[Part]) -> Table:
    """A row a part."""
    shown = Table("minute", "MiB", "events", "p50 ms", "p99 ms")
    for each in found:
        figures = (f"{value:,.0f}" for value in (each.resident_mib, each.events, each.p50_ms, each.p99_ms))
        shown.add_row(f"{each.minute:g}", *figures)
    return shown


if __name__ == "__main__":
    run(app)
