"""What a model looks at: how much worse it ranks without one feature, and what each feature does to its scores."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from churn.features import NAMES
from churn.labels import LABEL
from churn.model import INPUTS, Model, ModelCard, with_inputs, with_probability
from churn.scoring import EFFECTS, HABITS, is_hidden, with_occlusion

REPEATS = 5  # shuffles of each feature; their spread tells chance from use
MOST_USERS = 20_000  # of the snapshot; more would cost a minute, and hardly narrow the spread
NOTHING = -1  # the number under which no feature is hidden
REASONS = (*NAMES, HABITS)


@dataclass(frozen=True)
class Drop:
    """What the average precision loses when a feature is shuffled across users, a value a repeat."""

    name: str
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the repeats."""
        return sum(self.values) / len(self.values)


@dataclass(frozen=True)
class Importance:
    """The drops, the largest mean first, of that many users, who have that average precision unshuffled."""

    users: int
    average_precision: float
    drops: tuple[Drop, ...]


@dataclass(frozen=True)
class Contributions:
    """What each input does to the score: a linear model's weights, or else the mean effect of hiding a feature."""

    is_linear: bool
    by_name: tuple[tuple[str, float], ...]


def sampled(snapshot: DataFrame, card: ModelCard, seed: int) -> DataFrame:
    """user_id, as_of_ms, label and INPUTS of the snapshot's users, or of MOST_USERS of them."""
    few = snapshot.orderBy(F.xxhash64("user_id", F.lit(seed)), "user_id").limit(MOST_USERS)
    return with_inputs(few, card).select("user_id", "as_of_ms", LABEL, INPUTS).localCheckpoint()


def permutation_importance(users: DataFrame, model: Model, seed: int) -> Importance:
    """Each feature, and all inputs of the classes together (HABITS), shuffled REPEATS times (Breiman, 2001).

    `users` as `sampled` gives them. One job, whatever the learner: a row a user, repeat and what is shuffled.
    """
    hidden = F.explode(F.sequence(F.when(F.col("repeat") == 0, NOTHING).otherwise(0), F.lit(len(NAMES))))
    variants = with_partners(users, seed).withColumn("hidden", hidden)
    # a column an input: a lambda over the array would be interpreted, which takes a third longer
    inputs = F.array(*(_partners_if_hidden(position) for position in range(len(model.card.mean))))
    scored = with_probability(variants, model, inputs, "probability")
    rows = average_precisions(scored).orderBy("repeat").collect()
    (whole,) = (row["average_precision"] for row in rows if row["hidden"] == NOTHING)
    drops = [
        Drop(name, tuple(whole - row["average_precision"] for row in rows if row["hidden"] == number))
        for number, name in enumerate(REASONS)
    ]
    (counted,) = (row["users"] for row in rows if row["hidden"] == NOTHING)
    return Importance(counted, whole, tuple(sorted(drops, key=lambda drop: -drop.mean)))


def _partners_if_hidden(position: int) -> Column:
    return F.when(is_hidden(F.lit(position)), F.col("partner")[position]).otherwise(F.col(INPUTS)[position])


def with_partners(users: DataFrame, seed: int) -> DataFrame:
    """Each user REPEATS times (`repeat`), with the inputs of a user drawn without replacement (`partner`)."""
    repeated = users.withColumn("repeat", F.explode(F.sequence(F.lit(0), F.lit(REPEATS - 1))))
    in_order = Window.partitionBy("repeat").orderBy("user_id")
    shuffled = Window.partitionBy("repeat").orderBy(F.xxhash64("user_id", F.lit(seed), "repeat"), "user_id")
    partners = repeated.select("repeat", F.row_number().over(shuffled).alias("place"), F.col(INPUTS).alias("partner"))
    return repeated.withColumn("place", F.row_number().over(in_order)).join(
        partners, on=["repeat", "place"], how="inner"
    )


def average_precisions(scored: DataFrame) -> DataFrame:
    """`hidden`, `repeat` -> `users` and `average_precision`, as evaluation.average_precision: ties count as one."""
    down = (
        Window.partitionBy("hidden", "repeat")
        .orderBy(F.desc("probability"))
        .rangeBetween(Window.unboundedPreceding, Window.currentRow)
    )
    precision = F.sum(LABEL).over(down) / F.count(F.lit(1)).over(down)
    return (
        scored.select("hidden", "repeat", LABEL, precision.alias("precision"))
        .groupBy("hidden", "repeat")
        .agg(
            F.count(F.lit(1)).alias("users"),
            # not a number where the sample holds no cancel
            F.coalesce(F.try_divide(F.sum(F.col(LABEL) * F.col("precision")), F.sum(LABEL)), F.lit(float("nan"))).alias(
                "average_precision"
            ),
        )
    )


def contributions(users: DataFrame, model: Model) -> Contributions:
    """A linear model's calibrated weights, exact; for others what hiding a feature does to the probability.

    A weight is the change of the calibrated log odds for one standard deviation of the input. An effect is the mean
    absolute change of the probability when the feature becomes typical.
    """
    card = model.card
    if card.coefficients:
        slope = card.calibration[0]
        found = [(name, slope * weight) for name, weight in zip(input_names(card), card.coefficients, strict=True)]
    else:
        effects = with_occlusion(users.select("user_id", "as_of_ms", INPUTS), model)
        means = [F.avg(F.abs(F.col(EFFECTS)[number])) for number in range(len(REASONS))]
        found = list(zip(REASONS, effects.agg(F.array(*means)).first()[0], strict=True))
    return Contributions(bool(card.coefficients), tuple(sorted(found, key=lambda each: -abs(each[1]))))


def input_names(card: ModelCard) -> list[str]:
    """The model's inputs in their order (churn.model.raw_inputs); classes are numbered from 1."""
    numbers = range(1, card.classes.size + 1)
    forms = ("class {}", "class {} while paid", "class {} by activity")
    return [*NAMES, *(form.format(number) for form in forms for number in numbers)]
