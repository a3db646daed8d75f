"""The protocol of most published work on these data, to compare with it: a row a user over the whole log.

It flatters (batch_training/capstone_report.py says why), so nothing that is fitted here leaves this module.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from batch_training.evaluation import (
    Outcome,
    average_precision,
    f1_of_churn,
    roc_auc,
    weighted_f1,
    weighted_f1_of_majority,
)
from batch_training.fitting import outcome, without_summary
from batch_training.learners import MAJORITY, VECTOR, Learner, learners
from batch_training.logs import AcceptedEvents, Counts, accepted_events, readable
from batch_training.phases import SILENCE, Announce
from batch_training.snapshots import in_order
from churn.errors import InvalidLog
from churn.events import CANCEL_PAGES, CANCELLED, SONG, has_code
from churn.labels import LABEL
from churn.state import DAY_MS, n_of

COUNTED = (SONG, "Thumbs Up", "Thumbs Down", "Add to Playlist", "Add Friend", "Roll Advert")
TENURE = "tenure_days"
FEATURES = (TENURE, *map(n_of, COUNTED), "songs_per_active_day", "thumbs_down_per_song", "paid_share")
ONE_IN = 5  # so many users test: four fifths to learn from is the usual split
CERTAIN = 0.5  # at or over it a learner says "cancels": its own prediction, as published work takes it


@dataclass(frozen=True)
class Part:
    """The users of a part of the split, and how many of them cancel."""

    users: int
    cancels: int

    @property
    def has_both(self) -> bool:
        """Whether some cancel and some do not."""
        return 0 < self.cancels < self.users


@dataclass(frozen=True)
class Usual:
    """What the protocol gives: the parts, each learner's figures, the majority's first.

    `typical`: feature -> its medians over all users, of those who stay and of those who cancel.
    """

    counts: Counts
    training: Part
    test: Part
    typical: dict[str, tuple[float, float]]
    results: tuple[dict[str, Any], ...]


def usual(spark: SparkSession, log: str, seed: int, present_ms: int, announce: Announce = SILENCE) -> Usual:
    """The figures of the protocol on a log; `seed` splits the users and is the learners'. Raises InvalidLog."""
    announce("reading the log")
    events = accepted_events(spark, log, present_ms)
    users, counts = whole_log(events)
    training, test = split(users, seed)
    parts = part(training), part(test)
    if not all(each.has_both for each in parts):
        raise InvalidLog(f"{log}: {too_few(*parts)}")
    scaled = standardised(training, test)
    base_rate = parts[0].cancels / parts[0].users
    told = outcome(test.withColumn("probability", F.lit(base_rate)))
    results = [figures(MAJORITY, told)]
    for learner in learners(seed):
        announce(f"training {learner.name}")
        results.append(figures(learner.name, predicted(learner, *scaled)))
    return Usual(counts, *parts, medians(users), tuple(results))


def whole_log(events: AcceptedEvents) -> tuple[DataFrame, Counts]:
    """The row of every user, in the order of their ids, and the log's account; the one pass over the log."""
    with readable(events.path):
        users = histories(events.events).localCheckpoint()
    n = users.count()
    return in_order(users, n, "user_id"), events.counts(n > 0)


def histories(events: DataFrame) -> DataFrame:
    """Accepted events -> a row a user: user_id, FEATURES, and the label, 1.0 for those who ever cancel.

    A history ends before its first row of a Cancel page; a user of whom there is no other row has zeros.
    """
    leaves_ms = F.min(F.when(has_code(*CANCEL_PAGES), F.col("ts_ms"))).over(Window.partitionBy("user_id"))
    seen = F.col("ts_ms") < F.coalesce("leaves_ms", F.lit(2**63 - 1))
    totals = (
        events.withColumn("leaves_ms", leaves_ms)
        .groupBy("user_id")
        .agg(
            F.max(has_code(CANCELLED)).cast("double").alias(LABEL),
            F.max(F.when(seen, F.col("ts_ms") - F.col("registered_ms"))).alias("tenure_ms"),
            F.count_if(seen).alias("n_events"),
            F.count_if(seen & F.col("is_paid")).alias("n_paid"),
            # count_distinct would carry every row through one more shuffle
            F.size(F.collect_set(F.when(seen, F.floor(F.col("ts_ms") / DAY_MS)))).alias("active_days"),
            *(F.count_if(seen & has_code(page)).cast("double").alias(n_of(page)) for page in COUNTED),
        )
    )
    return totals.select(
        "user_id",
        F.coalesce(F.col("tenure_ms") / F.lit(float(DAY_MS)), F.lit(0.0)).alias(TENURE),
        *map(n_of, COUNTED),
        ratio(n_of(SONG), "active_days").alias("songs_per_active_day"),
        ratio(n_of("Thumbs Down"), n_of(SONG)).alias("thumbs_down_per_song"),
        ratio("n_paid", "n_events").alias("paid_share"),
        LABEL,
    )


def ratio(part_of: str, whole: str) -> Column:
    """One column by another; 0 where that is 0."""
    return F.when(F.col(whole) > 0, F.col(part_of) / F.col(whole)).otherwise(F.lit(0.0))


def split(users: DataFrame, seed: int) -> tuple[DataFrame, DataFrame]:
    """Users at random into training and test, one in ONE_IN; by their ids, so that no partition has a say in it."""
    is_test = F.pmod(F.xxhash64("user_id", F.lit(seed)), F.lit(ONE_IN)) == 0
    return users.where(~is_test), users.where(is_test)


def part(users: DataFrame) -> Part:
    """The rows counted."""
    n, cancels = users.agg(F.count(F.lit(1)), F.coalesce(F.sum(LABEL), F.lit(0.0))).first()
    return Part(n, int(cancels))


def too_few(training: Part, test: Part) -> str:
    """What the parts hold and what they would have to."""
    return (
        f"of the users to learn from {training.cancels} of {training.users} cancel, of those to test on {test.cancels} "
        f"of {test.users}; each part needs at least one who cancels (Cancellation Confirmation) and one who does not: "
        "give a log of more users, or another --seed"
    )


def standardised(training: DataFrame, test: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Both parts as the label and the vector of features; mean 0 and deviation 1 are those of the training part."""
    raw = VectorAssembler(inputCols=list(FEATURES), outputCol="features")
    scaler = StandardScaler(inputCol="features", outputCol=VECTOR, withMean=True).fit(raw.transform(training))
    learnt, tested = (scaler.transform(raw.transform(each)).select(LABEL, VECTOR) for each in (training, test))
    return learnt.localCheckpoint(), tested.localCheckpoint()


def predicted(learner: Learner, training: DataFrame, test: DataFrame) -> Outcome:
    """What the learner, fitted on the one part, says of the other."""
    estimator = learner.estimator
    if estimator.hasParam("layers"):  # the first layer is the inputs, which are fewer here
        layers = estimator.getParam("layers")
        estimator = estimator.copy({layers: [len(FEATURES), *estimator.getOrDefault(layers)[1:]]})
    scores = without_summary(estimator.fit(training)).transform(test)
    return outcome(scores.select(vector_to_array("probability")[1].alias("probability"), LABEL))


def figures(learner: str, told: Outcome) -> dict[str, Any]:
    """A learner's figures on the test part, with what a weighted F1 has to beat."""
    return {
        "learner": learner,
        "f1": f1_of_churn(told, CERTAIN),
        "weighted_f1": weighted_f1(told, CERTAIN),
        "weighted_f1_of_majority": weighted_f1_of_majority(float(told.label.mean())),
        "roc_auc": roc_auc(told),
        "average_precision": average_precision(told),
    }


def medians(users: DataFrame) -> dict[str, tuple[float, float]]:
    """Each feature's median, of the users who stay and of those who cancel."""
    rows = np.array(users.select(LABEL, *FEATURES).collect(), dtype=np.float64)
    stay, cancel = (np.median(rows[rows[:, 0] == label, 1:], axis=0) for label in (0.0, 1.0))
    return {name: (float(stay[i]), float(cancel[i])) for i, name in enumerate(FEATURES)}
