"""How close the forecast comes to the best possible: simulated logs, every learner, and the oracle in one table."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

from pyspark.sql import SparkSession
from rich.box import SIMPLE_HEAD
from rich.table import Table

from batch_training.evaluation import Outcome, average_precision, roc_auc
from batch_training.learners import MAJORITY
from batch_training.settings import Settings
from batch_training.training import train
from producer.simulator import Settings as Simulation
from producer.simulator import write_log
from sandbox.oracle import oracle

START = datetime(2018, 10, 1, tzinfo=UTC)
DAYS = 61  # as the public sets
ORACLE = "oracle"

Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """Which populations: sizes, and seeds, none of which was looked at when features or learners were chosen."""

    folder: Path
    sizes: Sequence[int]
    seeds: Sequence[int]


def study(spark: SparkSession, plan: Plan, announce: Callable[[str], None]) -> list[Row]:
    """A row a population and learner, with the oracle's, and `report.json` beside the folder's logs."""
    rows: list[Row] = []
    for users in plan.sizes:
        for seed in plan.seeds:
            announce(f"{users:,} users, seed {seed}")
            rows += of_population(spark, plan.folder, users, seed)
            (plan.folder / "report.json").write_text(json.dumps({"rows": rows, "means": means(rows)}, indent=2))
    return rows


def of_population(spark: SparkSession, folder: Path, users: int, seed: int) -> list[Row]:
    """The rows of one simulated population; its log is deleted afterwards."""
    log, truth = folder / f"log-{users}-{seed}", folder / f"truth-{users}-{seed}.json"
    try:
        write_log(Simulation(users, DAYS, START, seed), log, truth, by_day=True)
        trained = train(spark, str(log), Settings(), datetime.now(UTC))
        report = trained.report
        told = oracle(trained.snapshots, truth, report.split)
    finally:
        shutil.rmtree(log, ignore_errors=True)
        truth.unlink(missing_ok=True)
    of = {"users": users, "seed": seed}
    rows = [
        {**of, "learner": result.learner, "chosen": result.learner == report.chosen, **figures(result.test)}
        for result in report.results
    ]
    return [*rows, {**of, "learner": ORACLE, "chosen": False, **figures(as_metrics(told))}]


def as_metrics(told: Outcome) -> dict[str, float]:
    """The oracle's figures by the names of the others'."""
    return {
        "average_precision": average_precision(told),
        "roc_auc": roc_auc(told),
        "base_rate": float(told.label.mean()),
    }


def figures(metrics: dict[str, Any]) -> dict[str, float]:
    """What the table needs."""
    return {name: float(metrics[name]) for name in ("base_rate", "average_precision", "roc_auc")}


def means(rows: list[Row]) -> list[Row]:
    """Per size and learner: the means over the seeds, and the share of the oracle's gain over the base rate.

    "chosen" is the model that training would publish, whichever learner it is.
    """
    found = []
    for users in dict.fromkeys(row["users"] for row in rows):
        of_size = [row for row in rows if row["users"] == users]
        ceiling = gain([row for row in of_size if row["learner"] == ORACLE])
        named = {name: [row for row in of_size if row["learner"] == name] for name in names(of_size)}
        named["chosen"] = [row for row in of_size if row["chosen"]]
        for learner, these in named.items():
            average = {name: mean(row[name] for row in these) for name in figures(these[0])}
            found.append({"users": users, "learner": learner, **average, "of_oracle": gain(these) / ceiling})
    return found


def names(rows: list[Row]) -> list[str]:
    """The learners, in the order of the rows."""
    return [name for name in dict.fromkeys(row["learner"] for row in rows) if name != MAJORITY]


def gain(rows: list[Row]) -> float:
    """The mean average precision over the base rate."""
    return float(mean(row["average_precision"] - row["base_rate"] for row in rows))


def table(rows: list[Row]) -> Table:
    """The means, for a person."""
    shown = Table(title="Forecast against the oracle, at the test snapshot", box=SIMPLE_HEAD)
    for heading in ("users", "learner", "base rate", "AP", "AUC", "of the oracle's gain"):
        shown.add_column(heading, justify="left" if heading == "learner" else "right")
    for row in means(rows):
        cells = (f"{row[name]:.3f}" for name in ("base_rate", "average_precision", "roc_auc"))
        shown.add_row(f"{row['users']:,}", row["learner"], *cells, f"{row['of_oracle']:.0%}")
    return shown
