"""How close the forecast comes to the best possible: simulated logs, every learner, and the oracle."""

import hashlib
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyspark

import batch_training
import churn
import producer
from batch_training.candidates import tested
from batch_training.cards import installed
from batch_training.settings import Settings
from batch_training.threshold import for_budget
from batch_training.training import Trained, train
from churn.errors import InvalidLog
from sandbox.study import oracle
from sandbox.study.forecast_tables import means, table
from sandbox.study.measures import Stopwatch, forget_peaks, peaks
from sandbox.study.run import DAYS, ORACLE, START, Row, Run

__all__ = ["rows", "table"]

PART = "forecast"
FIGURES = ("base_rate", "average_precision", "roc_auc", "brier", "ece", "lead_days")
WITH_INTERVAL = ("average_precision", "roc_auc")


def rows(run: Run) -> list[Row]:
    """A row a population and learner, with the oracle's; or one that says why a population is too small.

    What the report holds of the same code and settings is not measured again, and stays whether wanted now or not.
    """
    code = code_version()
    known = [row for row in run.kept().get(PART, {}).get("rows", []) if row["code"] == code]
    found: list[Row] = []
    for users in run.plan.sizes:
        for seed in run.plan.seeds:
            of = {"users": users, "seed": seed, "code": code}
            these = [row for row in known if (row["users"], row["seed"]) == (users, seed)]
            if not these:
                run.announce(f"{users:,} users, seed {seed}")
                these = [{**of, **row} for row in of_population(run, users, seed)]
                known += these
                run.keep(PART, rows=known, means=means(known))
            found += these
    return found


def code_version() -> str:
    """A digest of all that decides a population's figures: training's code and settings, the simulator's, and Spark's.

    Of the files, not of a commit: a change that is not committed counts.
    """
    packages = (Path(package.__file__ or "").parent for package in (churn, batch_training, producer))
    files = [file for package in packages for file in sorted(package.glob("*.py"))]
    simulator = Path(producer.__file__ or "").parent
    files += [*sorted(simulator.glob("simulator/*.py")), *sorted(simulator.glob("tables/*.csv"))]
    files += sorted((Path(churn.__file__ or "").parent / "tables").glob("*.csv"))
    files += [Path(oracle.__file__), Path(__file__)]
    xgboost = installed("xgboost-cpu", "xgboost")
    given = (asdict(Settings()), DAYS, str(START), pyspark.__version__, np.__version__, xgboost)
    memory = os.environ.get("SPARKIFY_DRIVER_MEMORY", "")
    digest = hashlib.sha256(f"{given} {memory}".encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def of_population(run: Run, users: int, seed: int) -> list[Row]:
    """The rows of one simulated population."""
    watch = Stopwatch()
    with run.simulated(users, seed) as (log, truth):
        forget_peaks(run.spark)
        try:
            trained = train(run.spark, str(log), Settings(), datetime.now(UTC), watch)
        except InvalidLog as error:
            return [{"refused": str(error).removeprefix(f"{log}: ")}]
        watch.stop()
        cost = {"rows": trained.report.counts.read, "train_seconds": watch.total, **peaks(run.spark)}
        told = of_oracle(trained, truth)
    learners = [
        {"learner": result.learner, "chosen": result.learner == trained.report.chosen, **figures(result.test)}
        | {"fit_seconds": result.seconds}
        for result in trained.report.results
    ]
    ceiling = {"learner": ORACLE, "chosen": False, **figures(told), "fit_seconds": None}
    return [{**row, **cost} for row in (*learners, ceiling)]


def of_oracle(trained: Trained, truth: Path) -> dict[str, Any]:
    """The oracle's figures by the names of the others'; it alerts its own highest scores within the same budget."""
    told = oracle.oracle(trained.snapshots, truth, trained.report.split)
    settings = Settings()
    return tested(told, for_budget(told.probability, settings.goals.budget), settings)


def figures(test: dict[str, Any]) -> dict[str, Any]:
    """What is kept of the test snapshot's figures, and what the base rate, said of everybody, has as Brier score."""
    base_rate = test["base_rate"]
    return {
        **{name: test[name] for name in FIGURES},
        "brier_of_base_rate": base_rate * (1 - base_rate),
        "intervals": {name: test["intervals"][name] for name in WITH_INTERVAL if name in test["intervals"]},
    }
