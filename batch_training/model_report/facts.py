"""What the page says, gathered: figures from the training run, what the model looks at, and what made it."""

import platform
import shlex
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyspark
from pyspark.sql import SparkSession

from batch_training.candidates import Candidate
from batch_training.cards import installed
from batch_training.champion import Verdict
from batch_training.evaluation import Outcome
from batch_training.model_report.importance import (
    Contributions,
    Importance,
    contributions,
    permutation_importance,
    sampled,
)
from batch_training.report import Report
from batch_training.settings import Settings
from batch_training.training import Trained
from churn.model import ModelCard


@dataclass(frozen=True)
class Origin:
    """What makes the model again: the command, the versions of what ran it, and each learner's parameters."""

    command: str
    versions: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Facts:
    """All that a page says of a model; `outcomes` are the learners' forecasts of the test snapshot, by name."""

    card: ModelCard
    report: Report
    outcomes: dict[str, Outcome]
    importance: Importance
    contributions: Contributions
    verdict: Verdict
    origin: Origin

    @property
    def chosen(self) -> Outcome:
        """The chosen learner's forecast of the test snapshot."""
        return self.outcomes[self.report.chosen]

    @property
    def test(self) -> dict[str, Any]:
        """The chosen learner's figures on the test snapshot."""
        return self.report.best.test


def gathered(trained: Trained, verdict: Verdict, settings: Settings, models: str) -> Facts:
    """The facts on a trained model; `models` is the registry that holds it."""
    users = sampled(trained.test, trained.model.card, settings.seed)
    return Facts(
        card=trained.model.card,
        report=trained.report,
        outcomes={each.result.learner: each.test for each in trained.candidates},
        importance=permutation_importance(users, trained.model, settings.seed),
        contributions=contributions(users, trained.model),
        verdict=verdict,
        origin=Origin(
            command(trained.report.log, models, settings),
            versions(SparkSession.active(), trained.model.card),
            tuple((each.result.learner, parameters(each)) for each in trained.candidates),
        ),
    )


def command(log: str, models: str, settings: Settings) -> str:
    """The command line that trains so, with every option said, also those that have their default."""
    return shlex.join(["sparkify", "train", log, "--models", models, *settings.options()])


def versions(spark: SparkSession, card: ModelCard) -> tuple[tuple[str, str], ...]:
    """What ran, and on how much."""
    java = spark._jvm.java.lang.System
    return (
        ("sparkify-churn", card.code_version),
        ("Python", platform.python_version()),
        ("PySpark", pyspark.__version__),
        ("numpy", np.__version__),
        ("XGBoost", installed("xgboost-cpu", "xgboost") or "not installed"),
        ("Java", f"{java.getProperty('java.version')} ({java.getProperty('java.vendor')})"),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("Spark's master", f"{spark.sparkContext.master}, {spark.sparkContext.defaultParallelism} tasks at a time"),
        ("shuffle partitions", spark.conf.get("spark.sql.shuffle.partitions")),
    )


def parameters(candidate: Candidate) -> str:
    """The parameters with which a learner was fitted, names of columns left out."""
    learner = candidate.learner
    given = learner.estimator.extractParamMap(dict(learner.parameters))
    found = {param.name: value for param, value in given.items() if value is not None}
    return ", ".join(f"{name}={found[name]}" for name in sorted(found) if not name.lower().endswith("col"))
