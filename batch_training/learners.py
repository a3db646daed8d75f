"""The learners as data: a name, Spark's estimator, a grid. All read the same vector of standardised features."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

from pyspark.ml import Predictor
from pyspark.ml.classification import (
    GBTClassifier,
    LogisticRegression,
    MultilayerPerceptronClassifier,
    RandomForestClassifier,
)
from pyspark.ml.param import Param
from pyspark.ml.tuning import ParamGridBuilder

from batch_training.classes import CLASSES
from churn.errors import BadSetup
from churn.features import NAMES
from churn.labels import LABEL
from churn.model import PER_CLASS

VECTOR = "vector"  # the column of inputs, as Spark's learners want them
N_INPUTS = len(NAMES) + PER_CLASS * CLASSES
log = logging.getLogger(__name__)

XGBOOST_NEEDS = ("xgboost", "pandas", "pyarrow", "sklearn")  # the extra `xgboost` in setup.cfg
MAJORITY = "majority"  # gives everybody the base rate: what any learner must beat


Parameters = Mapping[Param[Any], Any]
DEFAULT: Parameters = {}


@dataclass(frozen=True)
class Learner:
    """A way to learn; its name goes into the model's version.

    `parameters` overrule the estimator's own; `grid` holds those to choose from, of which {} are the estimator's own.
    """

    name: str
    estimator: Predictor
    grid: tuple[Parameters, ...] = (DEFAULT,)
    parameters: Parameters = field(default_factory=dict)

    def varied(self, **values: list[Any]) -> "Learner":
        """With a grid: the estimator's own parameters, then each combination of these values."""
        builder = ParamGridBuilder()
        for name, each in values.items():
            builder.addGrid(self.estimator.getParam(name), each)
        return replace(self, grid=(DEFAULT, *builder.build()))

    def untuned(self) -> "Learner":
        """With the estimator's own parameters alone."""
        return replace(self, grid=(DEFAULT,))


def learners(seed: int) -> tuple[Learner, ...]:
    """Sizes are bound by cancels, not by users: some hundred positives carry shallow trees and few neurons only.

    The parameters of the estimators are those that served best on simulated logs; the grids look around them.
    """
    columns = {"featuresCol": VECTOR, "labelCol": LABEL}
    seeded = {**columns, "seed": seed}
    return (
        Learner(
            "logistic",
            # the inputs are standardised already, so the penalty acts on comparable weights
            LogisticRegression(**columns, regParam=0.001, elasticNetParam=0.5, maxIter=50, standardization=False),
        ).varied(regParam=[0.0003, 0.003, 0.01], elasticNetParam=[0.0, 0.5, 1.0]),
        Learner(
            "forest",
            RandomForestClassifier(**seeded, numTrees=60, maxDepth=6, minInstancesPerNode=20),
        ).varied(maxDepth=[4, 8], minInstancesPerNode=[10, 50]),
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
        ).varied(maxDepth=[2, 4], maxIter=[30, 60]),
        Learner(
            "perceptron",
            # few steps: nothing else keeps its 700 weights from learning the training users by heart
            MultilayerPerceptronClassifier(**seeded, layers=[N_INPUTS, 16, 2], maxIter=15),
        ).varied(layers=[[N_INPUTS, 8, 2], [N_INPUTS, 16, 2]], maxIter=[10, 30]),
        *optional(seed),
    )


def optional(seed: int) -> tuple[Learner, ...]:
    """XGBoost, where the extra `xgboost` is installed."""
    if not all(find_spec(name) for name in XGBOOST_NEEDS):
        return ()
    try:  # for want of it all others still learn
        from batch_training.xgboost_trees import XGBoostTrees  # noqa: PLC0415
    except Exception as error:  # noqa: BLE001 its library, or one that it needs, may be there and not load
        log.warning("xgboost is installed but cannot be used: %s", error)
        return ()

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
        verbose=False,
    )
    return (Learner("xgboost", estimator).varied(max_depth=[2, 4], n_estimators=[30, 120]),)


def chosen(known: tuple[Learner, ...], names: tuple[str, ...]) -> tuple[Learner, ...]:
    """Those of these names, all without any; raises BadSetup when there is no such learner."""
    strange = [name for name in names if name not in {learner.name for learner in known}]
    if strange:
        there = ", ".join(learner.name for learner in known)
        extra = "" if "xgboost" in there else "; `pip install '.[xgboost]'` brings xgboost"
        raise BadSetup(f"no learner is called {', '.join(strange)}; there are {there}{extra}")
    return tuple(learner for learner in known if not names or learner.name in names)
