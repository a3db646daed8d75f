"""XGBoost, learnt by its Spark estimator and kept as Spark's own boosted trees: whoever scores needs no XGBoost."""

import json
import logging
from typing import Any

import numpy as np
from pyspark.ml.classification import GBTClassificationModel
from pyspark.sql import DataFrame, SparkSession
from xgboost import Booster
from xgboost.spark import SparkXGBClassifier

HALF = 0.5  # Spark's probability is the logistic function of twice the sum of the trees
LEAF = -1  # what XGBoost writes in place of a leaf's children

# it tells of every fit on stderr, in the midst of the program's own words
logging.getLogger("XGBoost-PySpark").setLevel(logging.WARNING)


class XGBoostTrees(SparkXGBClassifier):  # type: ignore[misc]  # pyspark's types are skipped
    """XGBoost's estimator with its own parameters; what it fits is a GBTClassificationModel that scores the same."""

    def _fit(self, dataset: DataFrame) -> GBTClassificationModel:
        booster = super()._fit(dataset).get_booster()
        return as_spark_trees(booster, dataset.sparkSession).setFeaturesCol(self.getOrDefault("featuresCol"))


def as_spark_trees(booster: Booster, spark: SparkSession) -> GBTClassificationModel:
    """The booster (binary, logistic) as Spark's model; its probabilities are equal up to float32's rounding of sums.

    The base score becomes one more tree, a leaf. No input may be missing: Spark has no default direction.
    """
    learner = json.loads(booster.save_raw("json"))["learner"]
    trees = [_Tree(tree) for tree in learner["gradient_booster"]["model"]["trees"]]
    n_inputs = booster.num_features()
    builder = _Builder(spark)
    models = [builder.tree(builder.leaf(base_margin(learner)), n_inputs)]
    models += [builder.tree(builder.node(tree, 0), n_inputs) for tree in trees]
    return builder.ensemble(models, n_inputs)


def base_margin(learner: dict[str, Any]) -> float:
    """What XGBoost adds to every sum of leaves: the logit of its base score."""
    base = float(learner["learner_model_param"]["base_score"].strip("[]"))
    return float(np.log(base / (1.0 - base)))


def spark_threshold(split: float) -> float:
    """The t for which x <= t, in double, is what XGBoost asks: x, rounded to float32, < split.

    Halfway between the split and the float32 before it; there, the rounding goes to the even one of the two.
    """
    condition = np.float32(split)
    before = np.nextafter(condition, np.float32(-np.inf))
    halfway = (np.float64(before) + np.float64(condition)) / 2
    is_even = not before.view(np.int32) & 1
    return float(halfway if is_even else np.nextafter(halfway, -np.inf))


class _Tree:
    """One tree of XGBoost's JSON: parallel lists, indexed by node; a leaf's value stands where splits have theirs."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.left: list[int] = values["left_children"]
        self.right: list[int] = values["right_children"]
        self.inputs: list[int] = values["split_indices"]
        self.conditions: list[float] = values["split_conditions"]
        self.gains: list[float] = values["loss_changes"]


class _Builder:
    """Spark's nodes and trees; their Scala constructors are private, which Java does not know."""

    def __init__(self, spark: SparkSession) -> None:
        self._gateway = spark.sparkContext._gateway
        self._ml = self._gateway.jvm.org.apache.spark.ml
        # of a node's training rows Spark wants a summary, which only importances read: those will be the sums of gains
        one_row = self._array(self._gateway.jvm.double, [1.0, 0.0, 0.0])
        self._rows = self._gateway.jvm.org.apache.spark.mllib.tree.impurity.VarianceCalculator(one_row, 1)

    def leaf(self, value: float) -> Any:
        """A leaf."""
        return self._ml.tree.LeafNode(value, 0.0, self._rows)

    def node(self, tree: _Tree, number: int) -> Any:
        """A node and all below it."""
        condition = float(np.float32(tree.conditions[number]))
        if tree.left[number] == LEAF:
            return self.leaf(condition)
        split = self._ml.tree.ContinuousSplit(tree.inputs[number], spark_threshold(condition))
        left, right = self.node(tree, tree.left[number]), self.node(tree, tree.right[number])
        return self._ml.tree.InternalNode(0.0, 0.0, float(tree.gains[number]), left, right, split, self._rows)

    def tree(self, root: Any, n_inputs: int) -> Any:
        """A tree by its root."""
        return self._ml.regression.DecisionTreeRegressionModel(self._uid("dtr"), root, n_inputs)

    def ensemble(self, trees: list[Any], n_inputs: int) -> GBTClassificationModel:
        """The sum of the trees as a model of two classes."""
        array = self._array(self._ml.regression.DecisionTreeRegressionModel, trees)
        weights = self._array(self._gateway.jvm.double, [HALF] * len(trees))
        model = self._ml.classification.GBTClassificationModel(self._uid("gbtc"), array, weights, n_inputs, 2)
        return GBTClassificationModel(model)

    def _uid(self, prefix: str) -> str:
        return str(self._ml.util.Identifiable.randomUID(prefix))

    def _array(self, of: Any, values: list[Any]) -> Any:
        array = self._gateway.new_array(of, len(values))
        for position, value in enumerate(values):
            array[position] = value
        return array
