"""`python -m benchmarks.curves`: how a drain goes with more events, users, partitions and cores."""

import json
import subprocess
import time
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks.engines import DRAIN, fresh
from benchmarks.processes import Sample, sampled
from benchmarks.stage import Stage, score_command, set_up
from churn.errors import BadSetup
from churn_io.console import run, speech

app = typer.Typer(pretty_exceptions_enable=False)

SAMPLE_SECONDS = 0.5


@dataclass(frozen=True)
class Case:
    """What is drained, and by how many cores."""

    events: int
    users: int
    partitions: int
    cores: int


@dataclass(frozen=True)
class Drain:
    """What it took. The rates are events a second: with the start-up, and from the end of one batch to that of another.

    Memory is what was resident at most, the JVM's and Python's; the checkpoint is what is left of it at the end.
    """

    case: Case
    seconds: float
    rate: float
    batch_rates: list[float]  # from the second batch on
    cpu_us_an_event: float
    resident_mib: float
    checkpoint_mib: float


@app.command()
def curves(
    events: Annotated[list[int] | None, typer.Option(help="Records on the topic.")] = None,
    users: Annotated[list[int] | None, typer.Option(help="Who made them.")] = None,
    partitions: Annotated[list[int] | None, typer.Option(help="Of the topic.")] = None,
    cores: Annotated[list[int] | None, typer.Option(help="Of Spark.")] = None,
    folder: Annotated[Path, typer.Option(help="For the broker, the logs and the report.")] = Path("build/bench"),
) -> None:
    """Drain topics that differ in one number at a time: an option's first value is the base's."""
    chosen = {"events": events, "users": users, "partitions": partitions, "cores": cores}
    found = []
    for case in cases(chosen):
        with set_up(folder, case.events, case.users, partitions=case.partitions) as stage:
            found.append(drained(stage, case))
        speech.print(table(found[-1:]))
        (folder / "curves.json").write_text(json.dumps([asdict(each) for each in found], indent=2))
    speech.print(table(found))


def cases(chosen: dict[str, list[int] | None]) -> list[Case]:
    """The base, and those that differ from it in one number."""
    base = Case(1_000_000, 22_277, 2, 2)
    base = replace(base, **{name: values[0] for name, values in chosen.items() if values})
    return [base] + [replace(base, **{name: each}) for name, values in chosen.items() for each in (values or [])[1:]]


def drained(stage: Stage, case: Case) -> Drain:
    """One run of `sparkify score` over the whole topic."""
    name = f"curve-{time.time_ns():x}"
    checkpoint = fresh(stage.checkpoint(name))
    command = score_command(stage, name, *DRAIN, "--master", f"local[{case.cores}]")
    began = time.monotonic()
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process,
        sampled(process.pid, SAMPLE_SECONDS) as samples,
    ):
        said = [(time.monotonic(), line) for line in process.stdout or ()]
    seconds = time.monotonic() - began
    batches = [(at, int(line.split("+")[1].split()[0])) for at, line in said if " batch " in line]
    if process.returncode or sum(read for _at, read in batches) != case.events:
        raise BadSetup(
            f"{' '.join(command[:4])} … ended with {process.returncode}: {''.join(row for _, row in said)[-600:]}"
        )
    rates = [read / (at - before) for (before, _), (at, read) in pairwise(batches)]
    return Drain(
        case, seconds, case.events / seconds, rates, **taken_by(samples, case.events), checkpoint_mib=mib(checkpoint)
    )


def taken_by(samples: list[Sample], events: int) -> dict[str, float]:
    """The machine's share of a drain."""
    return {
        "cpu_us_an_event": max(each.cpu_seconds for each in samples) * 1e6 / events,
        "resident_mib": max(each.resident_mib for each in samples),
    }


def mib(folder: Path) -> float:
    """MiB of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def table(found: list[Drain]) -> Table:
    """A row a drain."""
    headings = ("events", "users", "parts", "cores", "events/s", "k/s by batch", "µs", "MiB", "kept")
    told = (
        "k/s by batch: slowest and fastest after the first; µs: CPU of an event; MiB: in memory, of the checkpoint kept"
    )
    shown = Table(*headings, caption=told, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for each in found:
        ends = f"{min(each.batch_rates) / 1e3:.0f} to {max(each.batch_rates) / 1e3:.0f}" if each.batch_rates else ""
        figures = (f"{value:,.0f}" for value in (each.cpu_us_an_event, each.resident_mib, each.checkpoint_mib))
        shown.add_row(*(f"{value:,}" for value in asdict(each.case).values()), f"{each.rate:,.0f}", ends, *figures)
    return shown


if __name__ == "__main__":
    run(app)
