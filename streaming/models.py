"""The model in force, and one in its shadow: looked up at each trigger, loaded only when a pointer has moved."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from churn.errors import ModelMismatch
from churn.features import COUNTS, NAMES
from churn.scoring import Scorer
from churn.shadow import SHADOW, Shadow
from churn_io.registry import Registry
from churn_io.storage import in_one_line

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InForce:
    """The version that scores, and why the one that the pointer names does not; empty when it does."""

    version: str
    refused: str = ""


class CurrentModel:
    """The registry's current model, kept until the pointer names another that can score.

    `on_look` hears of each look at the pointer what came of it.
    """

    def __init__(self, spark: SparkSession, registry: Registry, on_look: Callable[[InForce], None]) -> None:
        self._spark = spark
        self._registry = registry
        self._on_look = on_look
        self._scorer: Scorer | None = None
        self._complaint = ""
        self._loading = threading.Lock()

    def scorer(self) -> Scorer:
        """What to score with now: when the pointer leads to nothing usable, the model before it, with one warning.

        Who asks while another loads it waits. Raises NoModel or ModelMismatch when there is none before it.
        """
        with self._loading:
            found = self._in_force()
            self._on_look(InForce(found.model.card.version, self._complaint))
            return found

    def _in_force(self) -> Scorer:
        if self._scorer is None:
            self._scorer = self._loaded(self._registry.current_version())
            return self._scorer
        try:
            self._scorer = self._newest(self._scorer)
            self._complaint = ""
        except Exception as error:  # noqa: BLE001 whatever is wrong with the next model, the present one has to score
            complaint = in_one_line(error)
            if complaint != self._complaint:
                log.warning("model=%s stays in force: %s", self._scorer.model.card.version, complaint)
            self._complaint = complaint
        return self._scorer

    def _newest(self, present: Scorer) -> Scorer:
        version = self._registry.current_version()
        return present if version == present.model.card.version else self._loaded(version)

    def _loaded(self, version: str) -> Scorer:
        """The version's scorer, once it has scored a user."""
        found = Scorer(self._registry.load(version))
        require_probability(found.explained(made_up(self._spark)).first()["probability"], version)
        log.info("model=%s learner=%s", version, found.model.card.learner)
        return found


class ShadowModel:
    """The registry's shadow, kept until the pointer names another. Nothing that is wrong with it stops a batch."""

    def __init__(self, spark: SparkSession, registry: Registry) -> None:
        self._spark = spark
        self._registry = registry
        self._shadow: Shadow | None = None

    def beside(self, current: str) -> Shadow | None:
        """What to score with beside the current version; None, with a warning, when the one named cannot be used.

        None too when no other version is named.
        """
        try:
            return self._newest(current)
        except Exception as error:  # noqa: BLE001 whatever is wrong with a challenger, the champion has to score
            log.warning("no shadow beside model=%s: %s", current, in_one_line(error))
            return None

    def _newest(self, current: str) -> Shadow | None:
        version = self._registry.shadow_version()
        if version in ("", current):  # the current one: it was just promoted, and the shadow's pointer is about to go
            return None
        if self._shadow is None or self._shadow.model.card.version != version:
            self._shadow = tried(Shadow(self._registry.load(version)), self._spark)
            log.info("shadow=%s learner=%s beside model=%s", version, self._shadow.model.card.learner, current)
        return self._shadow


def tried(shadow: Shadow, spark: SparkSession) -> Shadow:
    """The shadow, once it has scored a user: one that cannot would fail in the batch, and the champion with it."""
    probability = shadow.beside(made_up(spark)).select(f"{SHADOW}.probability").first()[0]
    require_probability(probability, shadow.model.card.version)
    return shadow


def made_up(spark: SparkSession) -> DataFrame:
    """A user with all features and counts, to try a model on."""
    whom_and_when = (F.lit(0).alias(name) for name in ("user_id", "as_of_ms", "last_ms"))
    return spark.range(1).select(*whom_and_when, *(F.lit(1.0).alias(name) for name in (*NAMES, *COUNTS)))


def require_probability(found: float, version: str) -> None:
    """Raise ModelMismatch for what no probability can be."""
    if not 0 <= found <= 1:
        raise ModelMismatch(f"{version}: a probability was wanted, found {found}; run `sparkify train`")
