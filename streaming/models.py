"""The model in force: looked up at each trigger, loaded only when the registry's pointer has moved."""

import logging

from churn.errors import ModelMismatch, NoModel
from churn.scoring import Scorer
from churn_io.registry import Registry

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
