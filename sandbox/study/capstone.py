"""What the usual protocol gives by chance: simulated sets of the small public set's size, and their figures' spread."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession
from rich.box import SIMPLE_HEAD
from rich.table import Table

from batch_training.capstone import usual
from producer.simulator import Settings as Simulation
from producer.simulator import write_log
from sandbox.study.run import START, Row, Run

PART = "capstone"
USERS, DAYS = 225, 63  # as the small public set
QUARTILES = ("min", "lower quartile", "median", "upper quartile", "max")
FIGURES = {  # the figure -> its name in the table
    "f1": "F1 of churn",
    "weighted_f1": "weighted F1",
    "weighted_f1_of_majority": "majority's weighted F1",
    "roc_auc": "AUC",
    "average_precision": "AP",
}


@dataclass(frozen=True)
class Sets:
    """Which sets: each seed is one population, and how its users are split; logs are in the folder while needed."""

    folder: Path
    seeds: tuple[int, ...] = tuple(range(1, 21))
    users: int = USERS


def rows(run: Run) -> list[Row]:
    """A row a set and learner; the report has their distribution as well."""
    found = of_sets(run.spark, Sets(run.plan.folder), run.announce)
    run.keep(PART, rows=found, distribution=distribution(found))
    return found


def of_sets(spark: SparkSession, sets: Sets, announce: Callable[[str], None] = lambda _phase: None) -> list[Row]:
    """A row a set and learner, with the protocol's figures. Raises InvalidLog when a set has too few cancels."""
    rows: list[Row] = []
    for seed in sets.seeds:
        announce(f"usual protocol, {sets.users:,} users, seed {seed}")
        rows += of_set(spark, sets.folder, sets.users, seed)
    return rows


def of_set(spark: SparkSession, folder: Path, users: int, seed: int) -> list[Row]:
    """The rows of one simulated set; its log is deleted afterwards."""
    log = folder / f"usual-{users}-{seed}.json"
    try:
        write_log(Simulation(users, DAYS, START, seed), log)
        found = usual(spark, str(log), seed, present_ms=round(datetime.now(UTC).timestamp() * 1000))
    finally:
        log.unlink(missing_ok=True)
    of = {"seed": seed, "test_users": found.test.users, "test_cancels": found.test.cancels}
    return [{**of, **result} for result in found.results]


def distribution(rows: list[Row]) -> list[Row]:
    """The rows of sets -> a row a learner and figure: how many sets, and QUARTILES over them."""
    found = []
    for learner in dict.fromkeys(row["learner"] for row in rows):
        of_learner = [row for row in rows if row["learner"] == learner]
        for figure in FIGURES:
            ends = np.percentile([row[figure] for row in of_learner], (0, 25, 50, 75, 100))
            named = dict(zip(QUARTILES, map(float, ends), strict=True))
            found.append({"learner": learner, "figure": figure, "sets": len(of_learner), **named})
    return found


def table(rows: list[Row]) -> Table:
    """The distribution of the rows of sets, for a person."""
    sets = len({row["seed"] for row in rows})
    shown = Table(title=f"The usual protocol on {sets} sets of simulated users", box=SIMPLE_HEAD)
    for heading in ("learner", "figure", *QUARTILES):
        shown.add_column(heading, justify="right" if heading in QUARTILES else "left")
    for row in distribution(rows):
        shown.add_row(row["learner"], FIGURES[row["figure"]], *(f"{row[name]:.3f}" for name in QUARTILES))
    return shown
