"""The model registry: a folder a version, and one pointer file that says which of them scores."""

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime

from pyspark.ml import PipelineModel, PredictionModel
from pyspark.sql import SparkSession

from churn.errors import ModelMismatch, NoModel
from churn.model import Model, ModelCard, card_from
from churn_io.classifiers import linear, loaded
from churn_io.storage import Session, Storage, is_object_store
from churn_io.swaps import ROLLBACK, UNKNOWN, Swap, as_text, swaps_from, way_here

POINTER = "current"
SHADOW = "shadow"
HISTORY = "history"
CARD = "model.json"
PIPELINE = "pipeline"


LONGEST_NAME = 100  # characters of a version; a pointer that holds more, or others than these, was not written here
NAME = re.compile(rf"\w[\w.+-]{{0,{LONGEST_NAME - 1}}}", re.ASCII)


def is_name(text: str) -> bool:
    """Whether the text can be a version's name: no path, not several lines, not what a crash left."""
    return NAME.fullmatch(text) is not None


def utc_now() -> datetime:
    """The present, for those who do not say when."""
    return datetime.now(UTC)


class Registry:
    """Models under `root`, on any file system that Spark knows: ROOT/VERSION/{pipeline, model.json}.

    ROOT/current names the version in force, ROOT/history those before it, ROOT/shadow one that scores beside it.
    """

    def __init__(self, session: Session, root: str) -> None:
        self.storage = Storage(session)
        self.root = root.rstrip("/") or "/"

    def publish(self, card: ModelCard, classifier: PredictionModel, clock: Callable[[], datetime] = utc_now) -> None:
        """Write a new version as a whole, then point to it; a reader sees the old or the new model, nothing between."""
        self.register(card, classifier)
        self.point_to(card.version, clock())

    def register(self, card: ModelCard, classifier: PredictionModel) -> None:
        """Write a new version as a whole; the pointer stays where it is."""
        folder = f"{self.root}/{card.version}"
        # a rename on an object store is a copy; there the card, which comes last, makes a version complete
        aside = folder if is_object_store(folder) else f"{self.root}/.{card.version}.{os.getpid()}"
        pipeline = PipelineModel([classifier]).write().overwrite()
        pipeline.save(self.storage.spark_path(f"{aside}/{PIPELINE}"))
        self.storage.write(f"{aside}/{CARD}", json.dumps(card.as_dict(), indent=2))
        if aside != folder:
            self.storage.move(aside, folder)

    def point_to(self, version: str, now: datetime) -> None:
        """Put a version in force, and out of the shadow; raises NoModel when the registry does not hold it."""
        self._require(version)
        self._swap(Swap(version, iso(now)))

    def roll_back(self, now: datetime) -> str:
        """Put the version before the current one in force again, and give its name. Raises NoModel, as `card` does too.

        Twice goes back by two: a version that was rolled back is not returned to.
        """
        way = way_here(self._swaps())
        if len(way) < 2:
            of = f"before {way[0]}" if way else "at all"
            raise NoModel(
                f"{self.root}/{HISTORY}: no version was in force {of}; `sparkify models promote VERSION` chooses one"
            )
        before = self.card(way[-2]).version
        self._swap(Swap(before, iso(now), ROLLBACK))
        return before

    def point_shadow_to(self, version: str) -> None:
        """Have a version score beside the one in force; raises NoModel when the registry does not hold it."""
        self._require(version)
        self.storage.write(f"{self.root}/{SHADOW}", f"{version}\n")

    def clear_shadow(self) -> None:
        """Have no version score beside the one in force."""
        self.storage.remove(f"{self.root}/{SHADOW}")

    def shadow_version(self) -> str:
        """The version that scores beside the one in force, whether it is there or not; empty when none is named."""
        return self._text(SHADOW).strip()

    def versions(self) -> list[str]:
        """All versions, complete or not, sorted by name and so by time; empty when there is no registry."""
        names = self.storage.names(self.root)
        return [name for name in names if name not in (POINTER, HISTORY, SHADOW) and not name.startswith(".")]

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
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NoModel(
                f"no model at {self.root}: {pointer} is missing; run `sparkify train LOGS --models {self.root}`"
            ) from error
        if not is_name(version) or not self.storage.exists(f"{self.root}/{version}/{CARD}"):
            raise NoModel(
                f"{pointer}: points to {version[:LONGEST_NAME] or 'nothing'!r}, and {self.root} holds no such model; "
                f"`sparkify models promote VERSION --models {self.root}` points to one that is there, "
                f"`sparkify train LOGS --models {self.root}` makes one"
            )
        return version

    def card(self, version: str) -> ModelCard:
        """The version's card; raises NoModel when it is missing, ModelMismatch when this code cannot use it."""
        path = f"{self.root}/{version}/{CARD}"
        try:
            values = json.loads(self.storage.read(path))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._unknown(version) from error
        except ValueError as error:
            raise ModelMismatch(f"{path}: not JSON ({error}); run `sparkify train`") from error
        if not isinstance(values, dict):
            raise ModelMismatch(f"{path}: a JSON {type(values).__name__}, not a model card; run `sparkify train`")
        return card_from(values, path)

    def load(self, version: str) -> Model:
        """The version's card and classifier, from the card alone where it has the weights.

        Raises as `card` and `loaded` do.
        """
        card = self.card(version)
        if card.intercept is not None:
            return Model(card, linear(card.coefficients, card.intercept))
        folder = f"{self.root}/{version}/{PIPELINE}"
        classifier = loaded(self.storage, folder)
        if classifier.numFeatures != len(card.mean):
            raise ModelMismatch(
                f"{folder}: reads {classifier.numFeatures} inputs, its card has {len(card.mean)}; run `sparkify train`"
            )
        return Model(card, classifier)

    def _swap(self, swap: Swap) -> None:
        if self._text(POINTER).strip() != swap.version:
            swaps = self._swaps()
            # the pointer first: were it not to follow, the history would tell of a swap that never was
            self.storage.write(f"{self.root}/{POINTER}", f"{swap.version}\n")
            self.storage.write(f"{self.root}/{HISTORY}", as_text([*swaps, swap]))
        if self.shadow_version() == swap.version:
            self.clear_shadow()

    def _swaps(self) -> list[Swap]:
        """The history, and what the pointer says when the history has missed it."""
        swaps = swaps_from(self._text(HISTORY))
        pointed = self._text(POINTER).strip()
        is_missed = is_name(pointed) and (not swaps or swaps[-1].version != pointed)
        return [*swaps, Swap(pointed, UNKNOWN)] if is_missed else swaps

    def _text(self, name: str) -> str:
        try:
            return self.storage.read(f"{self.root}/{name}")
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def _require(self, version: str) -> None:
        if version not in self.versions() or not self.storage.exists(f"{self.root}/{version}/{CARD}"):
            raise self._unknown(version)

    def _unknown(self, version: str) -> NoModel:
        return NoModel(
            f"no model {version} at {self.root}: {self.root}/{version}/{CARD} is missing; "
            f"`sparkify models list --models {self.root}` shows what is there"
        )


def iso(moment: datetime) -> str:
    """The moment in ISO 8601, UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def model_at(spark: SparkSession, path: str) -> Model:
    """The current model of a registry, or the one in a version's own folder."""
    path = path.rstrip("/")
    if Storage(spark).exists(f"{path}/{CARD}"):
        root, _, version = path.rpartition("/")
        return Registry(spark, root or ".").load(version)
    registry = Registry(spark, path)
    return registry.load(registry.current_version())
