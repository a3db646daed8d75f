"""What the page says, gathered: figures from the training run, what the model looks at, and what made it."""

import platform
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyspark
from pyspark.sql import SparkSession

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
from batch_training.training import Candidate, Settings, Trained
from churn.model import ModelCard


@dataclass(frozen=True)
class Rule:
    """A way to choose the threshold, and what it did on one snapshot; `profit` where the rule knows of one."""

    name: str
    snapshot: str
    threshold: float
    alerts: int
    precision: float | None
    recall: float
    profit: float | None = None


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
    rules: tuple[Rule, ...]
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
        return next(result.test for result in self.report.results if result.learner == self.report.chosen)


def gathered(trained: Trained, verdict: Verdict, settings: Settings, models: str) -> Facts:
    """The facts on a trained model; `models` is the registry that holds it."""
    users = sampled(trained.test, trained.model.card, settings.seed)
    return Facts(
        card=trained.model.card,
        report=trained.report,
        outcomes={each.result.learner: each.test for each in trained.candidates},
        rules=tuple(rules(trained)),
        importance=permutation_importance(users, trained.model, settings.seed),
        contributions=contributions(users, trained.model),
        verdict=verdict,
        origin=Origin(
            command(trained.report.log, models, settings),
            versions(SparkSession.active(), trained.model.card),
            tuple((each.result.learner, parameters(each)) for each in trained.candidates),
        ),
    )


def rules(trained: Trained) -> Iterator[Rule]:
    """The rule of the budget, on the snapshot that chose its threshold and on the one that tests it."""
    chosen = next(each for each in trained.candidates if each.result.learner == trained.report.chosen)
    threshold = trained.model.card.threshold
    for snapshot, outcome in (("calibration", chosen.calibration), ("test", chosen.test)):
        yield at_threshold(f"budget of {trained.report.budget:.1%}", snapshot, outcome, threshold)


def at_threshold(name: str, snapshot: str, outcome: Outcome, threshold: float) -> Rule:
    """What alerts at or over the threshold found of a snapshot; there is no precision without an alert."""
    alerted = outcome.probability >= threshold
    alerts, hits = int(alerted.sum()), float(outcome.label[alerted].sum())
    precision = hits / alerts if alerts else None
    return Rule(name, snapshot, threshold, alerts, precision, hits / float(outcome.label.sum()))


def command(log: str, models: str, settings: Settings) -> str:
    """The command line that trains so, with every option said, also those that have their default."""
    words = ["sparkify", "train", log, "--models", models]
    for field in fields(settings):
        value, flag = getattr(settings, field.name), f"--{field.name.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif value is not None and value is not False:
            words += [flag, str(value)]
    return shlex.join(words)


def versions(spark: SparkSession, card: ModelCard) -> tuple[tuple[str, str], ...]:
    """What ran, and on how much."""
    java = spark._jvm.java.lang.System
    return (
        ("sparkify-churn", card.code_version),
        ("Python", platform.python_version()),
        ("PySpark", pyspark.__version__),
        ("numpy", np.__version__),
        ("Java", f"{java.getProperty('java.version')} ({java.getProperty('java.vendor')})"),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("Spark's master", f"{spark.sparkContext.master}, {spark.sparkContext.defaultParallelism} tasks at a time"),
        ("shuffle partitions", spark.conf.get("spark.sql.shuffle.partitions")),
    )


def parameters(candidate: Candidate) -> str:
    """The parameters with which a learner was fitted, names of columns left out."""
    found = {param.name: value for param, value in candidate.model.classifier.extractParamMap().items()}
    return ", ".join(f"{name}={found[name]}" for name in sorted(found) if not name.endswith("Col"))
