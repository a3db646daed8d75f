"""The model in force: looked up at each trigger, loaded only when the registry's pointer has moved."""

import logging

from churn.model import Model
from churn_io.registry import Registry

log = logging.getLogger(__name__)


class CurrentModel:
    """The registry's current model, kept until the pointer names another."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._model: Model | None = None

    def get(self) -> Model:
        """The model to score with now; raises NoModel or ModelMismatch."""
        version = self._registry.current_version()
        if self._model is None or self._model.card.version != version:
            self._model = self._registry.load(version)
            log.info("model=%s learner=%s", version, self._model.card.learner)
        return self._model
