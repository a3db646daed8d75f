"""What a trained model is, and how it scores: a calibrated probability, and the reasons for it."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from pyspark.ml import PredictionModel
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from churn.errors import ModelMismatch
from churn.features import NAMES, words

N_REASONS = 3
LOGIT_BOUND = 1e-9  # keeps the logit of a raw probability finite

EFFECTS = "effects"  # the column of what each feature does to the score, in the card's order
INPUTS = "inputs"  # the column of a model's standardised inputs, in the card's order

SCORE_COLUMNS = ("user_id", "as_of_ms", "last_ms", "probability", "reasons")


@dataclass(frozen=True)
class ModelCard:
    """All that scoring needs beside the Spark model, and all that a reader needs to trust it; kept as model.json.

    `mean`, `deviation` and `typical` are in the model's scale (log1p of the feature), in the order of `features`.
    `calibration` is (slope, intercept) on the raw probability's logit (Platt, 1999).
    `coefficients` are the linear model's, in the standardised scale; empty for other learners.
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
    coefficients: list[float] = field(default_factory=list)
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
    """The card in `values`; raises ModelMismatch when it is not one, or not one for this code's features."""
    try:
        card = ModelCard(**{**values, "calibration": tuple(values["calibration"])})
    except (TypeError, KeyError) as error:
        raise ModelMismatch(f"{origin}: not a model card of this version ({error}); run `sparkify train`") from error
    if tuple(card.features) != NAMES:
        strange = sorted(set(card.features) ^ set(NAMES)) or ["another order"]
        raise ModelMismatch(
            f"{origin}: trained on {len(card.features)} features, this code computes {len(NAMES)}; "
            f"they differ in {', '.join(strange[:5])}; run `sparkify train`"
        )
    return card


def scaled(value: Column) -> Column:
    """A feature in the model's scale: counts and rates act by their order of magnitude."""
    return F.log1p(value)


def standardised(card: ModelCard) -> list[Column]:
    """The model's inputs: scaled features less their mean, by their deviation, in the card's order."""
    return [
        (scaled(F.col(name)) - mean) / deviation
        for name, mean, deviation in zip(card.features, card.mean, card.deviation, strict=True)
    ]


def calibrated(card: ModelCard, raw: Column) -> Column:
    """The raw probability, calibrated: sigmoid(slope * logit(raw) + intercept)."""
    bounded = F.least(F.greatest(raw, F.lit(LOGIT_BOUND)), F.lit(1.0 - LOGIT_BOUND))
    slope, intercept = card.calibration
    return 1.0 / (1.0 + F.exp(-(F.log(bounded / (1.0 - bounded)) * slope + intercept)))


def with_probability(frame: DataFrame, model: Model, inputs: Column, name: str) -> DataFrame:
    """`frame` and a column `name`: the calibrated probability for an array of standardised inputs."""
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
    return scored.withColumn(name, calibrated(model.card, raw)).drop(vector, output)


def scored(features: DataFrame, model: Model) -> DataFrame:
    """Features -> SCORE_COLUMNS; `reasons` are up to N_REASONS structs, the strongest push first."""
    # one array, computed once: inlined wherever it is used, the inputs would outgrow a Java method
    frame = features.withColumn(INPUTS, F.array(*standardised(model.card)))
    if model.card.coefficients:
        frame = with_probability(frame, model, F.col(INPUTS), "probability")
        frame = frame.withColumn(EFFECTS, F.array(*linear_effects(model.card)))
    else:
        frame = with_occlusion(frame, model)
    return frame.withColumn("reasons", reasons(model.card)).select(*SCORE_COLUMNS)


def typical_inputs(card: ModelCard) -> list[float]:
    """A typical user's standardised inputs."""
    return [
        (typical - mean) / deviation
        for typical, mean, deviation in zip(card.typical, card.mean, card.deviation, strict=True)
    ]


def linear_effects(card: ModelCard) -> list[Column]:
    """Exact: what each feature adds to the calibrated logit against a typical user."""
    slope = card.calibration[0]
    return [
        (F.col(INPUTS)[position] - typical) * (slope * weight)
        for position, (typical, weight) in enumerate(zip(typical_inputs(card), card.coefficients, strict=True))
    ]


def with_occlusion(frame: DataFrame, model: Model) -> DataFrame:
    """`frame` with `probability`, and as effects what it loses when one feature becomes typical.

    For learners without coefficients. Each user becomes a row per feature, so that the classifier stands once in the
    plan however many features there are; user_id must be unique.
    """
    typicals = F.array(*(F.lit(typical) for typical in typical_inputs(model.card)))

    def occluded(value: Column, index: Column) -> Column:
        return F.when(index == F.col("hidden"), typicals[index]).otherwise(value)

    hidden = F.explode(F.sequence(F.lit(-1), F.lit(len(model.card.features) - 1)))  # -1: nothing is hidden
    variants = with_probability(frame.withColumn("hidden", hidden), model, F.transform(INPUTS, occluded), "probability")
    outcomes = F.sort_array(F.collect_list(F.struct("hidden", "probability")))
    by_user = variants.groupBy("user_id").agg(
        F.any_value(F.struct(*frame.columns)).alias("user"), outcomes.alias("outcomes")
    )
    whole = F.col("outcomes")[0]["probability"]
    without = F.slice("outcomes", 2, len(model.card.features))
    losses = F.transform(without, lambda outcome: F.col("outcomes")[0]["probability"] - outcome["probability"])
    return by_user.select("user.*", whole.alias("probability"), losses.alias(EFFECTS))


def reasons(card: ModelCard) -> Column:
    """The features that push the score up most against a typical user, each with its values and in words."""
    candidates = [
        F.struct(
            F.col(EFFECTS)[position].alias("effect"),
            F.lit(name).alias("feature"),
            F.col(name).alias("value"),
            F.expm1(F.lit(typical)).alias("typical"),
            F.concat(
                F.lit(f"{words(name)}: "),
                F.format_number(F.col(name), 2),
                F.lit(f" (typical {math.expm1(typical):,.2f})"),
            ).alias("text"),
        )
        for position, (name, typical) in enumerate(zip(card.features, card.typical, strict=True))
    ]
    pushes = F.filter(F.array(*candidates), lambda reason: reason["effect"] > 0)
    return F.slice(F.sort_array(pushes, asc=False), 1, N_REASONS)
