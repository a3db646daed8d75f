"""How a model scores: states -> a calibrated probability and the reasons for it, user by user."""

import math

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from churn.classes import SHARES, shares
from churn.constants import constant
from churn.features import COUNTS, NAMES, feature_columns, words
from churn.model import INPUTS, Model, ModelCard, log_exposure, standardised, with_probability
from churn.shadow import SHADOW, Shadow
from churn.state import alive

N_REASONS = 3
HABITS = "habits"  # the reason that all inputs of the classes of users make together

EXPOSURE = "exposure"  # the column of the log exposure: once a user, not once a variant of his
EFFECTS = "effects"  # the column of what each feature, and at the end HABITS, does to the score

SCORE_COLUMNS = ("user_id", "as_of_ms", "last_ms", "probability", "reasons")


class Scorer:
    """A model with its columns built: each costs Python dozens of calls to Java, too many for every micro-batch."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._features = feature_columns(F.col("as_of_ms"))
        self._shares = shares(model.card.classes)
        self._inputs = standardised(model.card)
        self._effects = F.array(*linear_effects(model.card)) if model.card.coefficients else None
        self._reasons = reasons(model.card)

    def scored(self, states: DataFrame, shadow: Shadow | None = None) -> DataFrame:
        """States as of `as_of_ms`, one a user -> SCORE_COLUMNS of those who can still cancel, SHADOW if there is one.

        `reasons` are up to N_REASONS structs, the strongest push first.
        """
        return self.explained(alive(states).select("user_id", "as_of_ms", "last_ms", *self._features, *COUNTS), shadow)

    def explained(self, features: DataFrame, shadow: Shadow | None = None) -> DataFrame:
        """Features with their counts of pages -> SCORE_COLUMNS, and SHADOW if there is one."""
        frame = shadow.beside(features) if shadow else features
        frame = frame.withColumn(SHARES, self._shares).withColumn(INPUTS, self._inputs)
        if self._effects is not None:
            frame = with_probability(frame, self.model, F.col(INPUTS), "probability")
            frame = frame.withColumn(EFFECTS, self._effects)
        else:
            frame = with_occlusion(frame, self.model)
        return frame.withColumn("reasons", self._reasons).select(*SCORE_COLUMNS, *([SHADOW] if shadow else []))


def typical_inputs(card: ModelCard) -> list[float]:
    """A typical user's standardised inputs."""
    return [
        (typical - mean) / deviation
        for typical, mean, deviation in zip(card.typical, card.mean, card.deviation, strict=True)
    ]


def linear_effects(card: ModelCard) -> list[Column]:
    """Exact: what each feature, and HABITS, adds to the calibrated logit against a typical user."""
    slope = card.calibration[0]
    by_input = [
        (F.col(INPUTS)[position] - typical) * (slope * weight)
        for position, (typical, weight) in enumerate(zip(typical_inputs(card), card.coefficients, strict=True))
    ]
    of_classes = F.aggregate(F.array(*by_input[len(NAMES) :]), F.lit(0.0), lambda sum_, effect: sum_ + effect)
    return [*by_input[: len(NAMES)], of_classes]


def with_occlusion(frame: DataFrame, model: Model) -> DataFrame:
    """`frame` with `probability`, and as effects what it loses when one feature, or HABITS, becomes typical.

    For learners without coefficients. Each user becomes a row per reason, so that the classifier stands once in the
    plan however many there are; user_id must be unique.
    """
    typicals = F.array(*(F.lit(typical) for typical in typical_inputs(model.card)))

    def occluded(value: Column, index: Column) -> Column:
        return F.when(is_hidden(index), typicals[index]).otherwise(value)

    hidden = F.explode(F.sequence(F.lit(-1), F.lit(len(NAMES))))  # -1: nothing is hidden
    rows = frame.withColumn(EXPOSURE, log_exposure(model.card)).withColumn("hidden", hidden)
    variants = with_probability(rows, model, F.transform(INPUTS, occluded), "probability", F.col(EXPOSURE))
    outcomes = F.sort_array(F.collect_list(F.struct("hidden", "probability")))
    by_user = variants.groupBy("user_id").agg(
        F.any_value(F.struct(*frame.columns)).alias("user"), outcomes.alias("outcomes")
    )
    whole = F.col("outcomes")[0]["probability"]
    without = F.slice("outcomes", 2, len(NAMES) + 1)
    losses = F.transform(without, lambda outcome: F.col("outcomes")[0]["probability"] - outcome["probability"])
    return by_user.select("user.*", whole.alias("probability"), losses.alias(EFFECTS))


def is_hidden(index: Column) -> Column:
    """Whether the input at `index` belongs to the reason whose number column `hidden` has; HABITS comes last."""
    reason = F.least(index, F.lit(len(NAMES)))  # all inputs of the classes are hidden together
    return reason == F.col("hidden")


def reasons(card: ModelCard) -> Column:
    """What pushes the score up most against a typical user, each with its values and in words.

    The words are made last, of the few that are told: those of all would take longer than the score itself.
    """
    values = [(F.col(EFFECTS)[position], F.col(name)) for position, name in enumerate(NAMES)]
    candidates = [
        F.struct(effect.alias("effect"), F.lit(position).alias("position"), value.alias("value"))
        for position, (effect, value) in enumerate([*values, _habits(card)])
    ]
    pushes = F.filter(F.array(*candidates), lambda push: push["effect"] > 0)
    strongest = F.slice(F.sort_array(pushes, asc=False), 1, N_REASONS)
    tellings = _tellings(card)
    return F.transform(strongest, lambda push: _in_words(push, F.get(tellings, push["position"]), card))


def _everybody(card: ModelCard) -> float:
    """The share (per cent) of all users who cancel within the horizon."""
    classes = zip(card.classes.log_prior, card.classes.cancel_rates, strict=True)
    return 100 * sum(math.exp(log_prior) * rate for log_prior, rate in classes)


def _habits(card: ModelCard) -> tuple[Column, Column]:
    """The classes' effect and value: the share (per cent) of users of such habits who cancel within the horizon.

    No effect where that share is not above everybody's: habits push an active user's score even then, but say the
    opposite.
    """
    by_class = (F.col(SHARES)[number] * (100 * rate) for number, rate in enumerate(card.classes.cancel_rates))
    expected = sum(by_class, start=F.lit(0.0))
    effect = F.when(expected > _everybody(card), F.col(EFFECTS)[len(NAMES)]).otherwise(F.lit(0.0))
    return effect, expected


def _tellings(card: ModelCard) -> Column:
    """Of each feature, and of HABITS: its name, the typical value, and what stands before the value and behind it."""
    typicals = [math.expm1(typical) for typical in card.typical[: len(NAMES)]]
    rows: list[dict[str, object]] = [
        {"feature": name, "typical": typical, "before": f"{words(name)}: ", "behind": f" (typical {typical:,.2f})"}
        for name, typical in zip(NAMES, typicals, strict=True)
    ]
    everybody = _everybody(card)
    behind = f"% cancel within {card.horizon_days} days (all: {everybody:.1f}%): "
    rows.append({"feature": HABITS, "typical": everybody, "before": "habits of users of whom ", "behind": behind})
    return constant(rows, "array<struct<feature: string, typical: double, before: string, behind: string>>")


def _in_words(push: Column, told: Column, card: ModelCard) -> Column:
    is_habits = push["position"] == len(NAMES)
    likeliest = F.array_position(SHARES, F.array_max(SHARES)).cast("int")
    sets_apart = F.get(constant(card.classes.words, "array<string>"), likeliest - 1)
    number = F.when(is_habits, F.format_number(push["value"], 1)).otherwise(F.format_number(push["value"], 2))
    text = F.concat(told["before"], number, told["behind"], F.when(is_habits, sets_apart).otherwise(F.lit("")))
    return F.struct(
        push["effect"].alias("effect"),
        told["feature"].alias("feature"),
        push["value"].alias("value"),
        told["typical"].alias("typical"),
        text.alias("text"),
    )
