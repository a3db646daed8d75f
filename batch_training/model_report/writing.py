"""Puts the page beside its model, where the libraries that draw it are there."""

from dataclasses import replace

from batch_training.champion import Verdict
from batch_training.model_report.facts import gathered
from batch_training.settings import Settings
from batch_training.training import Trained
from churn.model import Model, ModelCard
from churn_io.registry import Registry

PAGE = "report.html"
DRAWING = ("matplotlib", "jinja2", "markupsafe")


def written(registry: Registry, card: ModelCard, trained: Trained, verdict: Verdict, settings: Settings) -> str:
    """Where the page on the registered model is, or why there is none: a cluster that trains need not draw."""
    try:
        from batch_training.model_report.page import html  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in DRAWING:
            raise
        return f"no {PAGE}: {error.name} is not installed; `pip install matplotlib jinja2` and train again"
    path = f"{registry.root}/{card.version}/{PAGE}"
    registered = replace(trained, model=Model(card, trained.model.classifier))
    page = html(gathered(registered, verdict, settings, registry.root))
    try:
        registry.storage.write(path, page)
    except OSError as error:  # the model is published already
        return f"no {PAGE}: {path} cannot be written: {error.strerror or error}"
    return path
