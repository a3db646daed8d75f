"""What training costs: seconds and memory against the log's length, and against the number of snapshots."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from pyspark.sql import SparkSession
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

from batch_training.settings import Settings
from batch_training.snapshots import snapshots
from batch_training.training import history, train
from churn.labels import HISTORY_DAYS
from churn.state import DAY_MS
from sandbox.study.measures import LEARNERS, PHASES, Stopwatch, forget_peaks, peaks, timed
from sandbox.study.run import Row, Run

PART = "cost"
SNAPSHOTS = (2, 6, 12)
ROUNDS = 3  # in turn, and the median of each: another program's load meets all alike
PHASE_NAMES = (*PHASES.values(), LEARNERS)


def rows(run: Run) -> list[Row]:
    """A row a length of the log, then a row a number of snapshots; each has ratios to the first of its kind."""
    found = [*by_length(run), *by_snapshots(run)]
    run.keep(PART, rows=found)
    return found


def by_length(run: Run) -> list[Row]:
    """Training on ever longer logs of one seed; the shortest is trained twice, the first time to warm Spark up."""
    found: list[Row] = []
    seed = run.plan.seeds[0]
    for users in run.plan.cost_sizes:
        run.announce(f"training on a log of {users:,} users")
        with run.simulated(users, seed) as (log, _):
            if not found:
                train(run.spark, str(log), Settings(), datetime.now(UTC))
            found.append({"kind": "length", "users": users, **of_training(run.spark, log)})
    return with_ratio(found, "seconds_per_million_rows")


def of_training(spark: SparkSession, log: Path) -> Row:
    """What one training took."""
    watch = Stopwatch()
    forget_peaks(spark)
    trained = train(spark, str(log), Settings(), datetime.now(UTC), watch)
    watch.stop()
    read = trained.report.counts.read
    return {
        "rows": read,
        **{f"{phase}_seconds": watch.seconds[phase] for phase in PHASE_NAMES},
        "seconds": watch.total,
        "seconds_per_million_rows": watch.total / read * 1e6,
        "reading_per_million_rows": watch.seconds["reading"] / read * 1e6,
        **peaks(spark),
    }


def by_snapshots(run: Run) -> list[Row]:
    """Reading one log, and taking 2, 6 or 12 snapshots of it: medians of ROUNDS, after one that is not counted."""
    users = run.plan.middle_size
    taken: dict[int, list[Row]] = {number: [] for number in SNAPSHOTS}
    with run.simulated(users, run.plan.seeds[0]) as (log, _):
        for turn in range(ROUNDS + 1):
            for number in SNAPSHOTS:
                run.announce(f"{number} snapshots of {users:,} users, turn {turn} of {ROUNDS}")
                row = of_snapshots(run.spark, log, number)
                if turn:
                    taken[number].append(row)
    found = [
        {"kind": "snapshots", "users": users, **{name: median(row[name] for row in these) for name in these[0]}}
        for these in taken.values()
    ]
    return with_ratio(with_ratio(found, "reading_seconds"), "seconds")


def of_snapshots(spark: SparkSession, log: Path, number: int) -> Row:
    """The seconds of the pass over the log, and of that many snapshots of what it gives."""
    reading, past = timed(lambda: history(spark, str(log), int(time.time() * 1000)))
    moments_ms = moments(past.counts.first_ms, past.counts.last_ms, number)
    taking, frame = timed(lambda: snapshots(past.partials, moments_ms, Settings().horizon_days).localCheckpoint())
    return {
        "rows": past.counts.read,
        "snapshots": number,
        "snapshot_rows": frame.count(),
        "reading_seconds": reading,
        "snapshots_seconds": taking,
        "seconds": reading + taking,
    }


def moments(first_ms: int, last_ms: int, number: int) -> list[int]:
    """Midnights (epoch ms), evenly from when there is history to when a horizon is left."""
    earliest = first_ms // DAY_MS + 1 + HISTORY_DAYS
    latest = last_ms // DAY_MS - Settings().horizon_days
    step = (latest - earliest) / (number - 1)
    return [round(earliest + place * step) * DAY_MS for place in range(number)]


def with_ratio(rows: list[Row], name: str) -> list[Row]:
    """The rows with `NAME_ratio`: how many times the first row's figure."""
    return [{**row, f"{name}_ratio": row[name] / rows[0][name]} for row in rows]


def table(rows: list[Row]) -> Group:
    """Two tables: by length, and by number of snapshots."""
    return Group(_by_length(rows), _by_snapshots(rows))


def _by_length(rows: list[Row]) -> Table:
    shown = _titled(
        "Training against the log's length",
        "Seconds; ratio: those per million rows, as a multiple of the first line's. "
        "GiB: of the driver, at its peak; heap: of them, at most.",
    )
    for heading in ("M rows", *PHASE_NAMES, "all s", "s/M", "ratio", "GiB", "heap"):
        shown.add_column(heading, justify="right")
    for row in rows:
        if row["kind"] == "length":
            seconds = (f"{row[f'{phase}_seconds']:.1f}" for phase in PHASE_NAMES)
            memory = ("–" if row[name] is None else f"{row[name] / 1024:.1f}" for name in ("driver_mib", "heap_mib"))
            whole = f"{row['seconds']:.1f}", f"{row['seconds_per_million_rows']:.1f}"
            ratio = f"{row['seconds_per_million_rows_ratio']:.2f}"
            shown.add_row(f"{row['rows'] / 1e6:.1f}", *seconds, *whole, ratio, *memory)
    return shown


def _by_snapshots(rows: list[Row]) -> Table:
    shown = _titled(
        "Features against the number of snapshots, one log", "ratio: as a multiple of the first line's seconds"
    )
    headings: Sequence[str] = ("snapshots", "their rows", "reading s", "ratio", "snapshots s", "both s", "ratio")
    for heading in headings:
        shown.add_column(heading, justify="right")
    for row in rows:
        if row["kind"] == "snapshots":
            shown.add_row(
                str(row["snapshots"]), f"{row['snapshot_rows']:,}",
                f"{row['reading_seconds']:.1f}", f"{row['reading_seconds_ratio']:.2f}",
                f"{row['snapshots_seconds']:.1f}", f"{row['seconds']:.1f}", f"{row['seconds_ratio']:.2f}",
            )  # fmt: skip
    return shown


def _titled(title: str, caption: str) -> Table:
    return Table(
        title=title, caption=caption, caption_justify="left", box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False
    )
