"""The model in force, and one in its shadow: looked up at each trigger, loaded only when a pointer has moved."""

import logging

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from churn.errors import ModelMismatch, NoModel
from churn.features import COUNTS, NAMES
from churn.scoring import Scorer
from churn.shadow import SHADOW, Shadow
from churn_io.registry import Registry
from churn_io.storage import in_one_line

log = logging.getLogger(__name__)


class CurrentModel:
    """The registry's current model, kept until the pointer names another."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._scorer: Scorer | None = None

    def scorer(self) -> Scorer:
        """What to score with now: when the pointer leads to nothing usable, the model before it, with a warning.

        Raises NoModel or ModelMismatch when there is none before it.
        """
        try:
            return self._newest()
        except (NoModel, ModelMismatch) as error:
            if self._scorer is None:
                raise
            log.warning("model=%s stays in force: %s", self._scorer.model.card.version, error)
            return self._scorer

    def _newest(self) -> Scorer:
        version = self._registry.current_version()
        if self._scorer is None or self._scorer.model.card.version != version:
            self._scorer = Scorer(self._registry.load(version))
            log.info("model=%s learner=%s", version, self._scorer.model.card.learner)
        return self._scorer


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
    user = spark.range(1).select(*(F.lit(1.0).alias(name) for name in (*NAMES, *COUNTS)))
    probability = shadow.beside(user).select(f"{SHADOW}.probability").first()[0]
    if not 0 <= probability <= 1:
        version = shadow.model.card.version
        raise ModelMismatch(f"{version}: a probability was wanted, found {probability}; run `sparkify train`")
    return shadow
