"""Spark beside DuckDB: the same aggregates from the same Parquet files, on as many cores, in turn, equal results."""

import time
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from pyspark.sql import DataFrame
from rich.box import SIMPLE_HEAD
from rich.table import Table

from batch_training.logs import accepted_events
from churn.errors import BadSetup
from churn.state import by_day, states_at, with_local_time
from sandbox.study import sql
from sandbox.study.cost import ROUNDS, moments
from sandbox.study.measures import timed
from sandbox.study.run import Row, Run

PART = "duckdb"
MOMENTS = 6  # as many snapshots as training takes of such a log
SAME = 1e-9
STEPS = {"daily": ("user_id", "day_ms", "is_midnight"), "states": ("user_id", "as_of_ms")}  # and their keys


def rows(run: Run) -> list[Row]:
    """A row a size, step and for both: median seconds of each engine, their ratio, and how far the results differ."""
    found = [row for users in run.plan.compared_sizes for row in of_log(run, users)]
    run.keep(PART, rows=found)
    return found


def of_log(run: Run, users: int) -> list[Row]:
    """The rows of one simulated log."""
    with (
        run.simulated(users, run.plan.seeds[0]) as (log, _),
        TemporaryDirectory(dir=run.plan.folder, prefix="parquet-") as scratch,
    ):
        run.announce(f"a log of {users:,} users as Parquet")
        log_events = accepted_events(run.spark, str(log), int(time.time() * 1000))
        log_events.events.transform(with_local_time).write.parquet(f"{scratch}/events")
        counts = log_events.counts()
        moments_ms = moments(counts.first_ms, counts.last_ms, MOMENTS)
        found = compared(run, Path(scratch), moments_ms)
    return [{"users": users, "events": counts.accepted, **row} for row in found]


def compared(run: Run, scratch: Path, moments_ms: list[int]) -> list[Row]:
    """Both engines' steps in turn, the first turn not counted, then their results side by side."""
    duck = connected(run.spark.sparkContext.defaultParallelism)
    events = run.spark.read.parquet(f"{scratch}/events")
    queries = in_sql(events, f"read_parquet('{scratch}/events/*.parquet')", moments_ms)
    turns: list[dict[str, tuple[float, float]]] = []
    for turn in range(ROUNDS + 1):
        run.announce(f"Spark and DuckDB, turn {turn} of {ROUNDS}")
        by_spark, frames = in_spark(events, moments_ms)
        by_duck = {step: timed(partial(duck.execute, query))[0] for step, query in queries.items()}
        turns.append({step: (by_spark[step], by_duck[step]) for step in STEPS})
    found = []
    for step, keys in STEPS.items():
        spark_s, duck_s = (median(turn[step][engine] for turn in turns[1:]) for engine in (0, 1))
        frames[step].write.parquet(f"{scratch}/{step}")
        apart = difference(duck, f"read_parquet('{scratch}/{step}/*.parquet')", step, keys)
        found.append({"step": step, "spark_seconds": spark_s, "duckdb_seconds": duck_s, "difference": apart})
    return [with_ratio(row) for row in (*found, both(found))]


def connected(threads: int) -> Any:
    """A DuckDB in memory with as many threads as Spark has; raises BadSetup when it is not installed."""
    try:
        import duckdb  # noqa: PLC0415  the other parts do without
    except ImportError as error:
        raise BadSetup(
            "duckdb is not installed; `pip install -e '.[dev]'` brings it, or leave this part out"
        ) from error
    duck = duckdb.connect(config={"threads": threads})
    for macro in sql.MACROS:
        duck.execute(macro)
    return duck


def in_sql(events: DataFrame, source: str, moments_ms: list[int]) -> dict[str, str]:
    """What DuckDB does in each step: a table of the step's name, made anew."""
    queries = {
        "daily": sql.of_daily(events, source),
        "states": sql.of_states(by_day(events), moments_ms, "daily"),
    }
    return {step: f"CREATE OR REPLACE TABLE {step} AS {query}" for step, query in queries.items()}


def in_spark(events: DataFrame, moments_ms: list[int]) -> tuple[dict[str, float], dict[str, DataFrame]]:
    """Spark's seconds by step, planning included, and its results, materialised as in training."""
    daily_s, partials = timed(lambda: by_day(events).localCheckpoint())
    states_s, states = timed(lambda: states_at(partials, moments_ms).localCheckpoint())
    return {"daily": daily_s, "states": states_s}, {"daily": partials, "states": states}


def difference(duck: Any, spark: str, step: str, keys: tuple[str, ...]) -> float:
    """The largest between what the relation `spark` and DuckDB's table of that step hold, of any column."""
    described = duck.execute(f"DESCRIBE SELECT * FROM {spark}").fetchall()
    columns = {name: kind for name, kind, *_ in described if name not in keys}
    return float(duck.execute(sql.of_difference(spark, step, keys, columns)).fetchone()[0])


def both(rows: list[Row]) -> Row:
    """All steps as one: the seconds added, the largest difference."""
    seconds = {name: sum(row[name] for row in rows) for name in ("spark_seconds", "duckdb_seconds")}
    return {"step": "both", **seconds, "difference": max(row["difference"] for row in rows)}


def with_ratio(row: Row) -> Row:
    """The row with how many times as long Spark takes."""
    return {**row, "spark_by_duckdb": row["spark_seconds"] / row["duckdb_seconds"]}


def table(rows: list[Row]) -> Table:
    """A line a size and step."""
    shown = Table(title="Spark beside DuckDB, from the same Parquet", box=SIMPLE_HEAD)
    for heading in ("users", "events", "step", "Spark s", "DuckDB s", "Spark / DuckDB", f"equal to {SAME:.0e}"):
        shown.add_column(heading, justify="left" if heading == "step" else "right")
    for row in rows:
        seconds = (f"{row[name]:.2f}" for name in ("spark_seconds", "duckdb_seconds"))
        equal = "yes" if row["difference"] <= SAME else f"no, {row['difference']:.1e}"
        size = (f"{row['users']:,}", f"{row['events']:,}")
        shown.add_row(*size, row["step"], *seconds, f"{row['spark_by_duckdb']:.2f}", equal)
    return shown
