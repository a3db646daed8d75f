"""A learner fitted and calibrated, and what it says of snapshots."""

from dataclasses import replace

import numpy as np
from pyspark.ml import PredictionModel
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from batch_training.evaluation import Floats, Outcome
from batch_training.learners import VECTOR, Learner
from churn.labels import CANCEL_DAYS, LABEL
from churn.model import INPUTS, Model, ModelCard, with_inputs, with_probability


def fitted(learner: Learner, training: DataFrame) -> PredictionModel:
    """The learner's classifier, with its parameters."""
    return without_summary(learner.estimator.fit(training, dict(learner.parameters)))


def without_summary(classifier: PredictionModel) -> PredictionModel:
    """The fitted model as it is after loading: its training summary would drag the session into every scoring task."""
    if getattr(classifier, "hasSummary", False):
        nothing = SparkSession.active()._jvm.scala.Option.empty()
        classifier._java_obj.setSummary(nothing)
    return classifier


def with_weights(card: ModelCard, classifier: PredictionModel) -> ModelCard:
    """The card with a linear model's weights, which make its reasons exact; other models leave it as it is."""
    if not hasattr(classifier, "coefficients"):
        return card
    weights = [float(weight) for weight in classifier.coefficients]
    return replace(card, coefficients=weights, intercept=float(classifier.intercept))


def with_scores(frame: DataFrame, model: Model) -> DataFrame:
    """`frame` with `probability`."""
    return with_probability(with_inputs(frame, model.card), model, F.col(INPUTS), "probability")


def of_vectors(frame: DataFrame, model: Model) -> DataFrame:
    """`frame`, which has the vectors of inputs, with `probability`."""
    return with_probability(frame.withColumn(INPUTS, vector_to_array(VECTOR)), model, F.col(INPUTS), "probability")


def outcome(scores: DataFrame) -> Outcome:
    """`probability`, `label` and, if there, `cancel_days`, brought to the driver: a snapshot has a row a user."""
    names = [name for name in ("probability", LABEL, CANCEL_DAYS) if name in scores.columns]
    rows = np.array(scores.select(*names).collect(), dtype=np.float64)  # a null becomes not a number
    return Outcome(*rows.T)


def highest_by_user(scores: DataFrame) -> Floats:
    """Each user's highest `probability`, brought to the driver."""
    rows = scores.groupBy("user_id").agg(F.max("probability").alias("highest")).select("highest").collect()
    return np.array(rows, dtype=np.float64)[:, 0]
