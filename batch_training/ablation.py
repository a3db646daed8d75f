"""What each group of features brings: the model with all of them beside models that lack one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from rich.box import SIMPLE_HEAD
from rich.table import Table

from batch_training.cards import blank_card
from batch_training.champion import Paired, compared
from batch_training.evaluation import Outcome, average_precision, roc_auc
from batch_training.fitting import fitted, of_vectors
from batch_training.folds import FOLD, FOLDS
from batch_training.groups import CLASSES, GROUPS, UNHELPFUL, without
from batch_training.learners import Learner, chosen, learners
from batch_training.phases import SILENCE, Announce
from batch_training.report import short
from batch_training.roles import by_role, vectors
from batch_training.settings import Settings
from batch_training.training import Trained
from churn.labels import LABEL
from churn.model import Model, ModelCard

LEFT_OUT: tuple[tuple[str, ...], ...] = (*((group,) for group in (*GROUPS, CLASSES)), UNHELPFUL)
MEASURED_ON = {"held_out": "held-out users", "test": "test snapshot"}

WHO = ("user_id", "as_of_ms")

Row = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What a model says of users that it has not learnt from, and which user a row is of."""

    outcome: Outcome
    user: np.ndarray[Any, np.dtype[np.intp]]


def ablation(
    trained: Trained,
    settings: Settings,
    names: tuple[str, ...] = ("logistic",),
    left_out: tuple[tuple[str, ...], ...] = LEFT_OUT,
    announce: Announce = SILENCE,
) -> list[Row]:
    """A row a learner and group of features left out; the first of each learner has them all.

    `held_out_` figures are of the training snapshots, each user told by a model that was learnt from others; `test_`
    figures of the test snapshot. `difference` is an average precision less that with all features, with its 95%
    interval: the users are resampled, both models measured on the same draws.
    """
    roles = by_role(trained.snapshots, trained.report.split, settings.horizon_days, settings.seed)
    card = blank_card(roles.training, settings.horizon_days, settings.seed)
    competing = chosen(learners(settings.seed), names)
    whole: dict[str, dict[str, Told]] = {}
    rows = []
    for groups in ((), *left_out):
        announce(f"learning without {' and '.join(groups) or 'nothing'}")
        lacking = without(card, groups)
        training = vectors(roles.training, lacking, *WHO, LABEL, FOLD)
        test = vectors(roles.test, lacking, *WHO, LABEL)
        for learner in competing:
            told = {"held_out": held_out(learner, training, lacking), "test": later(learner, training, test, lacking)}
            whole.setdefault(learner.name, told)
            figures = measured(told, whole[learner.name], settings.seed)
            rows.append({"learner": learner.name, "without": list(groups), **figures})
    return sorted(rows, key=lambda row: names.index(row["learner"]))


def held_out(learner: Learner, training: DataFrame, card: ModelCard) -> Told:
    """Every row of the training snapshots, each told by a model of the other folds' users."""
    folds = []
    for fold in range(FOLDS):
        classifier = fitted(learner, training.where(F.col(FOLD) != fold))
        folds.append(told_of(training.where(F.col(FOLD) == fold), Model(card, classifier)))
    return joined(folds)


def later(learner: Learner, training: DataFrame, test: DataFrame, card: ModelCard) -> Told:
    """The test snapshot, told by a model of all training snapshots."""
    return joined([told_of(test, Model(card, fitted(learner, training)))])


def told_of(frame: DataFrame, model: Model) -> list[tuple[str, float, float]]:
    """User, probability and label, in an order that is the same for every model."""
    rows = of_vectors(frame, model).orderBy(*WHO).select("user_id", "probability", LABEL).collect()
    return [(row["user_id"], row["probability"], row[LABEL]) for row in rows]


def joined(parts: list[list[tuple[str, float, float]]]) -> Told:
    """The parts as one, users numbered."""
    users, probability, label = zip(*(row for part in parts for row in part), strict=True)
    _, numbers = np.unique(np.array(users), return_inverse=True)
    return Told(Outcome(np.array(probability), np.array(label)), numbers)


def measured(told: dict[str, Told], whole: dict[str, Told], seed: int) -> dict[str, Any]:
    """The figures by name."""
    return dict(figure for on in MEASURED_ON for figure in _figures(on, told[on], whole[on], seed))


def _figures(on: str, lacking: Told, whole: Told, seed: int) -> Iterator[tuple[str, Any]]:
    yield f"{on}_positives", int(lacking.outcome.label.sum())
    yield f"{on}_average_precision", average_precision(lacking.outcome)
    yield f"{on}_roc_auc", roc_auc(lacking.outcome)
    pair = Paired(lacking.outcome.probability, whole.outcome.probability, whole.outcome.label, whole.user)
    comparison = compared(pair, seed)
    yield f"{on}_difference", comparison.difference
    yield f"{on}_difference_95", list(comparison.difference_95)


def with_ablation(trained: Trained, rows: list[Row]) -> Trained:
    """With the rows, if any, on the model's card, under `ablation`."""
    if not rows:
        return trained
    card = trained.model.card
    noted = replace(card, metrics={**card.metrics, "ablation": rows})
    return replace(trained, model=Model(noted, trained.model.classifier))


def table(rows: list[Row]) -> Table:
    """The rows, for a person."""
    positives = {on: f"{rows[0][f'{on}_positives']:,} cancels" for on in MEASURED_ON}
    shown = Table(
        title="What each group of features brings",
        caption="Difference: average precision without the group less that with all features; in brackets its 95% "
        "interval, users resampled. A group that matters has an interval below zero. "
        + ", ".join(f"{words}: {positives[on]}" for on, words in MEASURED_ON.items()),
        caption_justify="left",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
        show_edge=False,
    )
    shown.add_column("learner")
    shown.add_column("without")
    for words in MEASURED_ON.values():
        for heading in ("AP", "AUC", f"{words}:\ndifference"):
            shown.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        cells = [cell for on in MEASURED_ON for cell in _cells(row, on)]
        shown.add_row(row["learner"], " and ".join(row["without"]) or "–", *cells)
    return shown


def _cells(row: Row, on: str) -> list[str]:
    figures = [short(row[f"{on}_{name}"], ".3f") for name in ("average_precision", "roc_auc")]
    difference, low, high = (short(each, "+.3f") for each in (row[f"{on}_difference"], *row[f"{on}_difference_95"]))
    return [*figures, f"{difference}\n({low} {high})" if row["without"] else ""]
