"""Champion and challenger: whether a new model takes the current one's place, by what both say of the same users."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_training.bootstrap import Ranked, curve_of, ranked, resamples
from batch_training.bootstrap import average_precision as average_precision_by_resample
from batch_training.evaluation import Floats, Outcome, average_precision
from batch_training.model_tables import DATE
from batch_training.training import Trained
from churn.errors import ModelMismatch, NoModel
from churn.labels import LABEL
from churn.model import INPUTS, Model, ModelCard, with_inputs, with_probability
from churn_io.registry import Registry

REFUSED_FROM = (
    0.95  # a challenger is refused on evidence alone: a tie, or too few cancels to tell, is for the newer data
)


@dataclass(frozen=True)
class Paired:
    """Two models' probabilities for the same users, and the label that both are held to, user by user.

    `user`: the number of the user, from 0, where users have several rows; they are drawn together.
    """

    challenger: Floats
    champion: Floats
    label: Floats
    user: npt.NDArray[np.intp] | None = None


@dataclass(frozen=True)
class Comparison:
    """Two average precisions, and how sure their difference (challenger less champion) is."""

    challenger_average_precision: float
    champion_average_precision: float
    difference: float
    difference_95: tuple[float, float]
    champion_better_share: float
    resamples: int


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger is put in force, why (the end of a sentence), and the comparison if there was one."""

    champion: str | None
    is_promoted: bool
    reason: str
    comparison: Comparison | None = None
    is_shadow: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For the challenger's card."""
        decision = "promoted" if self.is_promoted else "shadow" if self.is_shadow else "refused"
        figures = asdict(self.comparison) if self.comparison else {}
        return {"champion": self.champion, **figures, "decision": decision, "reason": self.reason}

    def overruled(self) -> "Verdict":
        """The same, but the challenger is put in force."""
        return replace(self, is_promoted=True, reason=f"--promote wants it so, though {self.reason}")

    def in_shadow(self) -> "Verdict":
        """The same, but the challenger scores beside the champion; without a champion nothing changes."""
        if self.champion is None:
            return self
        return replace(self, is_promoted=False, is_shadow=True, reason=f"--shadow wants it so; {self.reason}")


def verdict(registry: Registry, trained: Trained, seed: int) -> Verdict:
    """The trained model against the current one on its own test snapshot; a champion that cannot be used loses."""
    try:
        version = registry.current_version()
    except NoModel:
        return Verdict(None, True, f"{registry.root} had no current model")
    try:
        champion = registry.load(version)
    except (NoModel, ModelMismatch) as error:
        said = str(error).removesuffix("; run `sparkify train`")  # that has just been done
        return Verdict(version, True, f"the one before it, {version}, cannot be used: {said}")
    before, after = champion.card.horizon_days, trained.model.card.horizon_days
    if before != after:
        return Verdict(version, True, f"{version} forecasts another horizon: {before} days, not {after}")
    comparison = compared(paired(trained.test, trained.model, champion), seed)
    reason = in_words(version, comparison) + hindsight(champion.card, trained.model.card)
    return Verdict(version, not is_refused(comparison), reason, comparison)


def paired(snapshot: DataFrame, challenger: Model, champion: Model) -> Paired:
    """What both models say of a snapshot's users: a row a user on the driver."""
    scored = snapshot
    for name, model in (("challenger", challenger), ("champion", champion)):
        scored = with_probability(with_inputs(scored, model.card), model, F.col(INPUTS), name)
    rows = np.array(scored.select("challenger", "champion", LABEL).collect(), dtype=np.float64)
    return Paired(rows[:, 0], rows[:, 1], rows[:, 2])


def compared(pair: Paired, seed: int) -> Comparison:
    """The paired bootstrap by user: both models are measured on the same draws (Efron and Tibshirani, 1993).

    Draws without a single cancel say nothing and are left out.
    """
    outcomes = [Outcome(scores, pair.label) for scores in (pair.challenger, pair.champion)]
    challenger, champion = (ranked(outcome) for outcome in outcomes)
    owner = np.arange(len(pair.label)) if pair.user is None else pair.user
    draws = (users[:, owner] for users in resamples(int(owner.max()) + 1, np.random.default_rng(seed)))
    drawn = np.concatenate([drawn_precisions(challenger, part) - drawn_precisions(champion, part) for part in draws])
    differences = drawn[~np.isnan(drawn)]
    measured = [average_precision(outcome) for outcome in outcomes]
    low, high = np.quantile(differences, (0.025, 0.975))
    return Comparison(
        challenger_average_precision=measured[0],
        champion_average_precision=measured[1],
        difference=measured[0] - measured[1],
        difference_95=(float(low), float(high)),
        champion_better_share=float(np.mean(differences < 0)),
        resamples=len(differences),
    )


def drawn_precisions(in_order: Ranked, weights: Floats) -> Floats:
    """A model's average precision, a value a row of weights, whose columns are the users as they came."""
    return average_precision_by_resample(curve_of(in_order, weights[:, in_order.order]))


def is_refused(comparison: Comparison) -> bool:
    """The rule: only a champion that is better in nearly all resamples stays."""
    return comparison.champion_better_share >= REFUSED_FROM


def in_words(champion: str, comparison: Comparison) -> str:
    """The comparison as the end of a sentence."""
    low, high = comparison.difference_95
    return (
        f"on the same users {champion} is better in {comparison.champion_better_share:.0%} of "
        f"{comparison.resamples} resamples ({REFUSED_FROM:.0%} refuse): average precision "
        f"{comparison.challenger_average_precision:.3f} against {comparison.champion_average_precision:.3f}, "
        f"difference {comparison.difference:+.3f} (95% interval {low:+.3f} to {high:+.3f})"
    )


def hindsight(champion: ModelCard, challenger: ModelCard) -> str:
    """What makes a comparison on the challenger's test snapshot unfair to it, as a further clause; empty if nothing.

    Nobody's cancel after a model's own test snapshot was learnt from (see split.Split), any before it may have been.
    """
    learnt_until, tested_from = (str(card.data.get("test_snapshot", "")) for card in (champion, challenger))
    if learnt_until <= tested_from:
        return ""
    return (
        f"; this is not fair to the challenger: {champion.version} comes from a later log and has learnt who cancels "
        f"until {learnt_until[:DATE]}, though the test begins on {tested_from[:DATE]}"
    )
