"""A version's classifier: from its weights, or from its folder, which may name no class of its own choosing.

Spark's own PipelineModel makes an object of whatever class a stage's metadata names, Java or Python.
"""

import json
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.ml import PredictionModel
from pyspark.ml.classification import (
    GBTClassificationModel,
    LogisticRegressionModel,
    MultilayerPerceptronClassificationModel,
    RandomForestClassificationModel,
)
from pyspark.sql import SparkSession

from churn.errors import ModelMismatch
from churn_io.storage import Storage, in_one_line

PIPELINES = ("org.apache.spark.ml.PipelineModel", "pyspark.ml.pipeline.PipelineModel")  # as Java and Python write it
KNOWN: dict[str, Any] = {
    f"org.apache.spark.ml.classification.{each.__name__}": each
    for each in (
        GBTClassificationModel,
        LogisticRegressionModel,
        MultilayerPerceptronClassificationModel,
        RandomForestClassificationModel,
    )
}


def linear(weights: list[float], intercept: float) -> LogisticRegressionModel:
    """Spark's logistic regression with these weights, without the jobs in which Spark would read its folder."""
    spark = SparkSession.active()
    ml = spark._jvm.org.apache.spark.ml
    array = spark.sparkContext._gateway.new_array(spark._jvm.double, len(weights))
    for position, weight in enumerate(weights):
        array[position] = float(weight)
    uid = ml.util.Identifiable.randomUID("logreg")
    model = ml.classification.LogisticRegressionModel(uid, ml.linalg.Vectors.dense(array), float(intercept))
    return LogisticRegressionModel(model)


def loaded(storage: Storage, pipeline: str) -> PredictionModel:
    """The one stage of a pipeline's folder; raises ModelMismatch unless it is whole, and of a learner's class."""
    try:
        (stage,) = (f"{pipeline}/stages/{name}" for name in storage.names(f"{pipeline}/stages"))
        named = (_class(storage, pipeline), _class(storage, stage))
        if named[0] in PIPELINES and named[1] in KNOWN:  # its reader in turn refuses data of another class
            return KNOWN[named[1]].load(storage.spark_path(stage))
    except (PySparkException, Py4JError, OSError, LookupError, ValueError) as error:
        said = in_one_line(error)
        raise ModelMismatch(f"{pipeline}: not a complete Spark pipeline ({said}); run `sparkify train`") from error
    raise ModelMismatch(
        f"{pipeline}: names the classes {' and '.join(named)}, which none of our models has, and is not loaded; "
        "find out who wrote it, and run `sparkify train`"
    )


def _class(storage: Storage, folder: str) -> str:
    """The class that the folder's metadata name."""
    (part,) = (name for name in storage.names(f"{folder}/metadata") if name.startswith("part-"))
    return str(json.loads(storage.read(f"{folder}/metadata/{part}"))["class"])
