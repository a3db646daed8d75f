"""The ceiling: how well a model forecasts that is told what no log shows, each simulated user's segment and rates."""

from pathlib import Path

import numpy as np
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from batch_training.evaluation import Outcome
from batch_training.fitting import without_summary
from batch_training.split import Split
from churn.labels import CANCEL_DAYS, LABEL
from producer.simulator.tables import SEGMENT_SHARES

TRUTH = "userId STRING, segment STRING, alpha_s DOUBLE, beta_s DOUBLE"


def oracle(snapshots: DataFrame, truth: Path, split: Split) -> Outcome:
    """What the oracle says at the test snapshot, having learnt from the training snapshots."""
    hidden = snapshots.sparkSession.read.schema(TRUTH).json(str(truth)).withColumnRenamed("userId", "user_id")
    told = snapshots.join(hidden, on="user_id", how="inner").select(
        "as_of_ms", LABEL, CANCEL_DAYS, array_to_vector(F.array(*inputs())).alias("features")
    )
    learner = LogisticRegression(labelCol=LABEL, regParam=1e-4, maxIter=100)
    fitted = without_summary(learner.fit(told.where(F.col("as_of_ms").isin(*split.training_ms))))
    scored = fitted.transform(told.where(F.col("as_of_ms") == split.test_ms))
    found = scored.select(vector_to_array("probability")[1], LABEL, CANCEL_DAYS).collect()
    return Outcome(*np.array(found, dtype=np.float64).T)


def inputs() -> list[Column]:
    """The segment, by itself, with the level, and with the rate of visits, as the generator combines them."""
    log_gap, level = F.log("beta_s"), F.col("is_paid")
    found = [log_gap, F.log("alpha_s"), level]
    for segment in SEGMENT_SHARES:
        is_it = (F.col("segment") == segment).cast("double")
        found += [is_it, is_it * log_gap, is_it * level]
    return found
