"""The folds of users that the learners are compared on, each of which must hold who cancels and who does not."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from churn.errors import InvalidLog
from churn.labels import LABEL

FOLDS = 3  # of users, to compare the learners: thrice the cancels of a single snapshot
FOLD = "fold"


def require_both_in_folds(training: DataFrame, horizon_days: int) -> None:
    """Raise InvalidLog when a fold holds no cancel, or nothing else: a learner could not be measured on it."""
    counted = training.groupBy(FOLD).agg(F.count(F.lit(1)).alias("rows"), F.sum(LABEL).cast("long").alias("positives"))
    found = {row[FOLD]: (row["positives"], row["rows"]) for row in counted.collect()}
    folds = [found.get(fold, (0, 0)) for fold in range(FOLDS)]
    if not all(0 < positives < rows for positives, rows in folds):
        told = ", ".join(f"{positives} of {rows}" for positives, rows in folds)
        raise InvalidLog(
            f"training users who cancel within {horizon_days} days after a snapshot, by fold: {told}; each of "
            f"the {FOLDS} folds needs at least one who does and one who does not: give a longer log or one of more "
            "users, or divide them otherwise by --seed"
        )
