"""The snapshots by what they are for, and the training snapshots as Spark's learners want them."""

from dataclasses import dataclass, replace

from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_training.folds import FOLD, FOLDS
from batch_training.learners import VECTOR
from batch_training.split import Split
from churn.errors import InvalidLog
from churn.labels import CANCEL_DAYS, LABEL
from churn.model import INPUTS, ModelCard, with_inputs


@dataclass(frozen=True)
class Roles:
    """The snapshots by role; those of training have a fold, by user, as well.

    `week`: those of the week that ends with the calibration snapshot.
    """

    training: DataFrame
    calibration: DataFrame
    week: DataFrame
    test: DataFrame
    positives: dict[str, int]
    training_rows: int


def by_role(frame: DataFrame, split: Split, horizon_days: int, seed: int) -> Roles:
    """The snapshots by role; raises InvalidLog when training, calibration or test holds no cancel, or nothing else."""
    moment = F.col("as_of_ms")
    of_role = {
        "training": frame.where(moment.isin(*split.training_ms)),
        "calibration": frame.where(moment == split.calibration_ms),
        "test": frame.where(moment == split.test_ms),
    }
    rows, positives = {}, {}
    for name, of in of_role.items():
        found = of.agg(F.count(F.lit(1)).alias("rows"), F.sum(LABEL).cast("long").alias("positives")).first()
        rows[name], positives[name] = found["rows"], found["positives"] or 0
    if not all(0 < positives[name] < rows[name] for name in rows):
        told = ", ".join(f"{name} {positives[name]} of {rows[name]}" for name in rows)
        raise InvalidLog(
            f"users who cancel within {horizon_days} days after a snapshot: {told}; each role needs at "
            "least one who does and one who does not: give a longer log or one of more users"
        )
    fold = F.pmod(F.xxhash64("user_id", F.lit(seed)), F.lit(FOLDS)).cast("int")
    return Roles(
        training=of_role["training"].drop(CANCEL_DAYS).withColumn(FOLD, fold),
        calibration=of_role["calibration"],
        week=frame.where(moment.isin(*split.week_ms)),
        test=of_role["test"],
        positives=positives,
        training_rows=rows["training"],
    )


def with_vectors(roles: Roles, card: ModelCard) -> Roles:
    """The same, with the vectors of inputs in the place of the features: all learners read the same."""
    calibration, week, test = (
        vectors(frame, card, "user_id", "as_of_ms", LABEL, CANCEL_DAYS)
        for frame in (roles.calibration, roles.week, roles.test)
    )
    training = vectors(roles.training, card, LABEL, FOLD)
    return replace(roles, training=training, calibration=calibration, week=week, test=test)


def vectors(frame: DataFrame, card: ModelCard, *kept: str) -> DataFrame:
    """Snapshots -> the columns that are `kept`, and the vector that Spark's learners want; computed once."""
    return with_inputs(frame, card).select(*kept, array_to_vector(INPUTS).alias(VECTOR)).localCheckpoint()
