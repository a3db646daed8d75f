"""How a model scores: states -> a calibrated probability and the reasons for it, user by user."""

import math

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from churn.features import feature_columns, words
from churn.model import Model, ModelCard, standardised, with_probability
from churn.state import alive

N_REASONS = 3

EFFECTS = "effects"  # the column of what each feature does to the score, in the card's order
INPUTS = "inputs"  # the column of a model's standardised inputs, in the card's order

SCORE_COLUMNS = ("user_id", "as_of_ms", "last_ms", "probability", "reasons")


class Scorer:
    """A model with its columns built: each costs Python dozens of calls to Java, too many for every micro-batch."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._features = feature_columns(F.col("as_of_ms"))
        # one array, computed once: inlined wherever it is used, the inputs would outgrow a Java method
        self._inputs = F.array(*standardised(model.card))
        self._effects = F.array(*linear_effects(model.card)) if model.card.coefficients else None
        self._reasons = reasons(model.card)

    def scored(self, states: DataFrame) -> DataFrame:
        """States as of `as_of_ms`, one a user -> SCORE_COLUMNS of those who can still cancel.

        `reasons` are up to N_REASONS structs, the strongest push first.
        """
        return self.explained(alive(states).select("user_id", "as_of_ms", "last_ms", *self._features))

    def explained(self, features: DataFrame) -> DataFrame:
        """Features -> SCORE_COLUMNS."""
        frame = features.withColumn(INPUTS, self._inputs)
        if self._effects is not None:
            frame = with_probability(frame, self.model, F.col(INPUTS), "probability")
            frame = frame.withColumn(EFFECTS, self._effects)
        else:
            frame = with_occlusion(frame, self.model)
        return frame.withColumn("reasons", self._reasons).select(*SCORE_COLUMNS)


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
