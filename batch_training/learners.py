"""The learners as data: a name and Spark's estimator. All read the same vector of standardised features."""

from dataclasses import dataclass
from importlib.util import find_spec

from pyspark.ml import Predictor
from pyspark.ml.classification import (
    GBTClassifier,
    LogisticRegression,
    MultilayerPerceptronClassifier,
    RandomForestClassifier,
)

from batch_training.classes import CLASSES
from churn.features import NAMES
from churn.labels import LABEL
from churn.model import PER_CLASS

VECTOR = "vector"  # the column of inputs, as Spark's learners want them
N_INPUTS = len(NAMES) + PER_CLASS * CLASSES
XGBOOST_NEEDS = ("xgboost", "pandas", "pyarrow", "sklearn")  # the extra `xgboost` in setup.cfg
MAJORITY = "majority"  # gives everybody the base rate: what any learner must beat


@dataclass(frozen=True)
class Learner:
    """A way to learn; its name goes into the model's version."""

    name: str
    estimator: Predictor


def learners(seed: int) -> tuple[Learner, ...]:
    """Sizes are bound by cancels, not by users: some hundred positives carry shallow trees and few neurons only."""
    columns = {"featuresCol": VECTOR, "labelCol": LABEL}
    seeded = {**columns, "seed": seed}
    return (
        Learner(
            "logistic",
            # the inputs are standardised already, so the penalty acts on comparable weights
            LogisticRegression(**columns, regParam=0.001, elasticNetParam=0.5, maxIter=50, standardization=False),
        ),
        Learner(
            "forest",
            RandomForestClassifier(**seeded, numTrees=60, maxDepth=6, minInstancesPerNode=20),
        ),
        Learner(
            "gbt",
            GBTClassifier(
                **seeded,
                maxIter=30,
                maxDepth=3,
                maxBins=16,
                stepSize=0.1,
                subsamplingRate=0.7,
                minInstancesPerNode=20,
            ),
        ),
        Learner(
            "perceptron",
            # few steps: nothing else keeps its 600 weights from learning the training users by heart
            MultilayerPerceptronClassifier(**seeded, layers=[N_INPUTS, 16, 2], maxIter=15),
        ),
        *optional(seed),
    )


def optional(seed: int) -> tuple[Learner, ...]:
    """XGBoost, where the extra `xgboost` is installed."""
    if not all(find_spec(name) for name in XGBOOST_NEEDS):
        return ()
    from batch_training.xgboost_trees import XGBoostTrees  # noqa: PLC0415  # for want of it all others still learn

    estimator = XGBoostTrees(
        features_col=VECTOR,
        label_col=LABEL,
        random_state=seed,
        n_estimators=60,
        max_depth=3,
        learning_rate=0.05,
        subsample=0.7,
        colsample_bytree=0.5,
        min_child_weight=3.0,  # sums p(1 - p): some 70 users at the base rate
        max_bin=64,
    )
    return (Learner("xgboost", estimator),)
