"""The model registry: a folder a version, and one pointer file that says which of them scores."""

import json
import os

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.ml import PipelineModel, PredictionModel
from pyspark.sql import SparkSession

from churn.errors import ModelMismatch, NoModel
from churn.model import Model, ModelCard, card_from
from churn_io.storage import Storage, in_one_line, is_object_store

POINTER = "current"
CARD = "model.json"
PIPELINE = "pipeline"


class Registry:
    """Models under `root`, on any file system that Spark knows: ROOT/VERSION/{pipeline, model.json}, ROOT/current."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.storage = Storage(spark)
        self.root = root.rstrip("/") or "/"

    def publish(self, card: ModelCard, classifier: PredictionModel) -> None:
        """Write a new version as a whole, then point to it; a reader sees the old or the new model, nothing between."""
        folder = f"{self.root}/{card.version}"
        # a rename on an object store is a copy; there the pointer alone makes a version visible
        aside = folder if is_object_store(folder) else f"{self.root}/.{card.version}.{os.getpid()}"
        pipeline = PipelineModel([classifier]).write().overwrite()
        pipeline.save(self.storage.spark_path(f"{aside}/{PIPELINE}"))
        self.storage.write(f"{aside}/{CARD}", json.dumps(card.as_dict(), indent=2))
        if aside != folder:
            self.storage.move(aside, folder)
        self.storage.write(f"{self.root}/{POINTER}", f"{card.version}\n")

    def free_version(self, wanted: str) -> str:
        """`wanted`, or with -2, -3 … behind it when there is such a version already."""
        taken = set(self.storage.names(self.root))
        version, count = wanted, 1
        while version in taken:
            count += 1
            version = f"{wanted}-{count}"
        return version

    def current_version(self) -> str:
        """The version that the pointer names; cheap enough for every trigger. Raises NoModel."""
        pointer = f"{self.root}/{POINTER}"
        try:
            version = self.storage.read(pointer).strip()
        except FileNotFoundError as error:
            raise NoModel(
                f"no model at {self.root}: {pointer} is missing; run `sparkify train LOGS --models {self.root}`"
            ) from error
        if not version or not self.storage.exists(f"{self.root}/{version}/{CARD}"):
            raise NoModel(
                f"{pointer}: points to {version or 'nothing'!r}, and {self.root} holds no such model; "
                f"run `sparkify train LOGS --models {self.root}`"
            )
        return version

    def card(self, version: str) -> ModelCard:
        """The version's card; raises NoModel when it is missing, ModelMismatch when this code cannot use it."""
        path = f"{self.root}/{version}/{CARD}"
        try:
            values = json.loads(self.storage.read(path))
        except FileNotFoundError as error:
            raise NoModel(f"no model {version} at {self.root}: {path} is missing") from error
        except ValueError as error:
            raise ModelMismatch(f"{path}: not JSON ({error}); run `sparkify train`") from error
        if not isinstance(values, dict):
            raise ModelMismatch(f"{path}: a JSON {type(values).__name__}, not a model card; run `sparkify train`")
        return card_from(values, path)

    def load(self, version: str) -> Model:
        """The version's card and classifier; raises as `card` does, and ModelMismatch for an incomplete pipeline."""
        card = self.card(version)
        folder = f"{self.root}/{version}/{PIPELINE}"
        path = self.storage.spark_path(folder)
        try:
            (classifier,) = PipelineModel.load(path).stages
        except (PySparkException, Py4JError, ValueError) as error:
            said = in_one_line(error)
            raise ModelMismatch(f"{folder}: not a complete Spark pipeline ({said}); run `sparkify train`") from error
        return Model(card, classifier)


def model_at(spark: SparkSession, path: str) -> Model:
    """The current model of a registry, or the one in a version's own folder."""
    path = path.rstrip("/")
    if Storage(spark).exists(f"{path}/{CARD}"):
        root, _, version = path.rpartition("/")
        return Registry(spark, root or ".").load(version)
    registry = Registry(spark, path)
    return registry.load(registry.current_version())
