"""What a trained model is: its card, its inputs, its calibrated probability."""

import math
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from typing import Any

from pyspark.ml import PredictionModel
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from churn.classes import SHARES, UserClasses, classes_from, shares
from churn.errors import ModelMismatch
from churn.features import NAMES
from churn.free_days import free_days_after
from churn.state import DAY_MS

INPUTS = "inputs"  # the column of a model's standardised inputs, in the card's order
PER_CLASS = 3  # inputs a class of users has: its share, that while the user pays, and that by how active he is

LOGIT_BOUND = 1e-9  # keeps the logit of a raw probability finite
IDENTITY = (1.0, 0.0)  # the calibration that changes nothing
LEAST_ACTIVITY, MOST_ACTIVITY = 0.05, 20.0  # of a free day: a log of almost nothing but such days tells no more


@dataclass(frozen=True)
class ModelCard:
    """All that scoring needs beside the Spark model, and all that a reader needs to trust it; kept as model.json.

    The inputs are the features in the model's scale (log1p), then PER_CLASS a class of users; `mean`, `deviation`
    and `typical` are theirs, in that order.
    `calibration` is (slope, intercept) on the raw probability's logit (Platt, 1999).
    `free_day_activity` is the events of a weekend day or a holiday by those of another day; with 1, as on a card that
    was written before there was this field, all days count alike.
    `coefficients` and `intercept` are the linear model's, in the standardised scale; other learners have none, and no
    intercept has a card that was written before there was this field.
    """

    version: str
    learner: str
    features: list[str]
    mean: list[float]
    deviation: list[float]
    typical: list[float]
    calibration: tuple[float, float]
    threshold: float
    horizon_days: int
    classes: UserClasses
    coefficients: list[float] = field(default_factory=list)
    intercept: float | None = None
    free_day_activity: float = 1.0
    metrics: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    code_version: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The card as plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Model:
    """A card and its Spark classifier, which reads a vector of standardised features."""

    card: ModelCard
    classifier: PredictionModel


def card_from(values: dict[str, Any], origin: str) -> ModelCard:
    """The card in `values`; raises ModelMismatch when it is not one, or not one that this code can score with."""
    try:
        parts = {"calibration": tuple(values["calibration"]), "classes": classes_from(values["classes"])}
        return usable(ModelCard(**{**values, **parts}), origin)
    except (TypeError, KeyError, ValueError, OverflowError) as error:
        raise ModelMismatch(f"{origin}: not a model card of this version ({error}); run `sparkify train`") from error


def usable(card: ModelCard, origin: str) -> ModelCard:
    """The same card; raises ModelMismatch when it is of other features, or its numbers give no score."""
    if tuple(card.features) != NAMES:
        strange = sorted(set(card.features) ^ set(NAMES)) or ["another order"]
        raise ModelMismatch(
            f"{origin}: trained on {len(card.features)} features, this code computes {len(NAMES)}; "
            f"they differ in {', '.join(strange[:5])}; run `sparkify train`"
        )
    n_inputs = len(card.features) + PER_CLASS * card.classes.size
    if not len(card.mean) == len(card.deviation) == len(card.typical) == n_inputs:
        raise ModelMismatch(
            f"{origin}: wanted are {n_inputs} means, deviations and typical values; run `sparkify train`"
        )
    if not is_computable(card):
        raise ModelMismatch(
            f"{origin}: wanted are finite numbers, deviations over 0, no or {n_inputs} coefficients, an intercept "
            f"only with them, a free day's activity from {LEAST_ACTIVITY:g} to {MOST_ACTIVITY:g}, and a horizon of "
            "whole days; run `sparkify train`"
        )
    return card


def is_computable(card: ModelCard) -> bool:
    """Whether a card's numbers can be scored with: JSON as Python reads it may hold NaN, and a file may be edited."""
    lists = (card.mean, card.deviation, card.typical, card.calibration, card.coefficients)
    intercepts = [] if card.intercept is None else [card.intercept]
    numbers = [*chain(*lists, intercepts), card.threshold, card.free_day_activity]
    are_finite = all(isinstance(number, int | float) and math.isfinite(number) for number in numbers)
    return (
        are_finite
        and len(card.calibration) == 2
        and min(card.deviation) > 0
        and LEAST_ACTIVITY <= card.free_day_activity <= MOST_ACTIVITY
        and isinstance(card.horizon_days, int)
        and card.horizon_days >= 1
        and len(card.coefficients) in (0, len(card.mean))
        and (card.intercept is None or len(card.coefficients) > 0)
    )


def scaled(value: Column) -> Column:
    """A feature in the model's scale: counts and rates act by their order of magnitude."""
    return F.log1p(value)


def raw_inputs(classes: UserClasses) -> list[Column]:
    """A model's inputs before they are standardised: the scaled features, then those of the classes (column SHARES).

    How likely a visit ends in a cancel differs from class to class and with the level, and how often there is one
    with the user: the products let a linear model see all three.
    """
    features = [scaled(F.col(name)) for name in NAMES]
    of_class = [F.col(SHARES)[number] for number in range(classes.size)]
    activity = scaled(F.col("active_days_per_week"))
    return [
        *features,
        *of_class,
        *(share * F.col("is_paid") for share in of_class),
        *(share * activity for share in of_class),
    ]


def standardised(card: ModelCard) -> Column:
    """A model's inputs as an array: each less its mean, by its deviation. Needs the features and SHARES."""
    # one array, computed once: inlined wherever it is used, the inputs would outgrow a Java method
    scale = zip(raw_inputs(card.classes), card.mean, card.deviation, strict=True)
    return F.array(*((value - mean) / deviation for value, mean, deviation in scale))


def with_inputs(features: DataFrame, card: ModelCard) -> DataFrame:
    """Features with their counts of pages -> with SHARES and INPUTS."""
    return features.withColumn(SHARES, shares(card.classes)).withColumn(INPUTS, standardised(card))


def uncalibrated(card: ModelCard) -> ModelCard:
    """The card with which a model says what its learner says."""
    return replace(card, calibration=IDENTITY, free_day_activity=1.0)


def calibrated(card: ModelCard, raw: Column, exposure: Column | None = None) -> Column:
    """The raw probability, calibrated: sigmoid(slope * logit(raw) + intercept + log_exposure).

    `exposure` is the card's `log_exposure` where that has been computed already.
    """
    bounded = F.least(F.greatest(raw, F.lit(LOGIT_BOUND)), F.lit(1.0 - LOGIT_BOUND))
    slope, intercept = card.calibration
    offset = log_exposure(card) if exposure is None else exposure
    return 1.0 / (1.0 + F.exp(-(F.log(bounded / (1.0 - bounded)) * slope + intercept + offset)))


def log_exposure(card: ModelCard) -> Column:
    """The logarithm of the events expected in the horizon after `as_of_ms`, by those of as many working days.

    Who cancels does so on a visit: half as many visits, half as many cancels. That is an offset, as Poisson regression
    has it (McCullagh and Nelder, Generalized Linear Models, 1989, chapter 6); the log odds are close to the logarithm
    of the rate as long as cancels are rare.
    """
    if card.free_day_activity == 1.0:
        return F.lit(0.0)
    free_days = free_days_after(F.col("as_of_ms") / F.lit(float(DAY_MS)), card.horizon_days)
    return F.log(1.0 - free_days * ((1.0 - card.free_day_activity) / card.horizon_days))


def with_probability(
    frame: DataFrame, model: Model, inputs: Column, name: str, exposure: Column | None = None
) -> DataFrame:
    """`frame`, which has `as_of_ms`, and a column `name`: the calibrated probability for standardised inputs."""
    vector, output = f"{name}_vector", f"{name}_output"
    classifier = model.classifier.copy(
        {
            model.classifier.getParam("featuresCol"): vector,
            model.classifier.getParam("probabilityCol"): output,
            model.classifier.getParam("rawPredictionCol"): "",
            model.classifier.getParam("predictionCol"): "",
        }
    )
    raw = vector_to_array(F.col(output))[1]
    scored = classifier.transform(frame.withColumn(vector, array_to_vector(inputs)))
    return scored.withColumn(name, calibrated(model.card, raw, exposure)).drop(vector, output)
