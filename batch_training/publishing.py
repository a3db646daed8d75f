"""What becomes of a trained model: registered, and put in force, into the shadow, or neither; with a page on it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from batch_training.champion import Verdict, verdict
from batch_training.model_report.writing import written
from batch_training.phases import Announce
from batch_training.settings import Settings
from batch_training.threshold import can_alert
from batch_training.training import Trained
from churn.model import ModelCard
from churn_io.registry import Registry


@dataclass(frozen=True)
class Wish:
    """What the comparison with the current model does not decide; at most one of the two."""

    promote: bool = False
    shadow: bool = False

    def over(self, found: Verdict) -> Verdict:
        """The verdict as it is wished."""
        if self.shadow:
            return found.in_shadow()
        return found.overruled() if self.promote and not found.is_promoted else found


@dataclass(frozen=True)
class Published:
    """The card under which a model is registered, what was decided on it, and where the page is, or why it is not."""

    card: ModelCard
    verdict: Verdict
    page: str


def published(registry: Registry, trained: Trained, settings: Settings, wish: Wish, announce: Announce) -> Published:
    """The trained model compared, registered, and pointed to if the verdict says so."""
    announce("comparing it with the current model")
    found = wish.over(verdict(registry, trained, settings.seed))
    announce("publishing the model")
    card = registered(registry, trained, found)
    announce("writing its report")
    return Published(card, found, written(registry, card, trained, found, settings))


def registered(registry: Registry, trained: Trained, found: Verdict) -> ModelCard:
    """The card under which the model is registered, with the verdict on it."""
    card = trained.model.card
    metrics = {**card.metrics, "comparison": found.as_dict()}
    card = replace(card, version=registry.free_version(card.version), metrics=metrics)
    registry.register(card, trained.model.classifier)
    if found.is_promoted:
        registry.point_to(card.version, datetime.now(UTC))
    if found.is_shadow:
        registry.point_shadow_to(card.version)
    return card


def fate(found: Published, models: str) -> str:
    """What became of a new model and why, as the end of a sentence that begins with its version."""
    card, reason = found.card, found.verdict.reason
    if found.verdict.is_promoted:
        alerts = f"alerts at {card.threshold:.3f} and over" if can_alert(card.threshold) else "alerts nobody"
        return f"is now the current model of {models}; {alerts}; {reason}"
    place = "scores in the shadow" if found.verdict.is_shadow else "is registered but not made current"
    by_hand = f"`sparkify models promote {card.version} --models {models}`"
    return f"{place}: {reason}; {by_hand} puts it in force"
