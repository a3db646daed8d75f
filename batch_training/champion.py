"""Champion and challenger: whether a new model takes the current one's place, by what both say of the same users."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_training.evaluation import Floats, Outcome, average_precision
from batch_training.training import Trained
from churn.errors import ModelMismatch, NoModel
from churn.labels import LABEL
from churn.model import INPUTS, Model, with_inputs, with_probability
from churn_io.registry import Registry

RESAMPLES = 500  # the share in which one is better is then known to about a percentage point, near 95%
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

    def as_dict(self) -> dict[str, Any]:
        """For the challenger's card."""
        decision = "promoted" if self.is_promoted else "refused"
        figures = asdict(self.comparison) if self.comparison else {}
        return {"champion": self.champion, **figures, "decision": decision, "reason": self.reason}

    def overruled(self) -> "Verdict":
        """The same, but the challenger is put in force."""
        return replace(self, is_promoted=True, reason=f"--promote wants it so, though {self.reason}")


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
    return Verdict(version, not is_refused(comparison), in_words(version, comparison), comparison)


def paired(snapshot: DataFrame, challenger: Model, champion: Model) -> Paired:
    """What both models say of a snapshot's users: a row a user on the driver."""
    scored = snapshot
    for name, model in (("challenger", challenger), ("champion", champion)):
        scored = with_probability(with_inputs(scored, model.card), model, F.col(INPUTS), name)
    rows = np.array(scored.select("challenger", "champion", LABEL).collect(), dtype=np.float64)
    return Paired(rows[:, 0], rows[:, 1], rows[:, 2])


def compared(pair: Paired, seed: int, resamples: int = RESAMPLES) -> Comparison:
    """The paired bootstrap by user: both models are measured on the same draws (Efron and Tibshirani, 1993).

    Draws without a single cancel say nothing and are left out.
    """
    owner = np.arange(len(pair.label)) if pair.user is None else pair.user
    users = int(owner.max()) + 1
    random = np.random.default_rng(seed)
    weights = (np.bincount(random.integers(0, users, users), minlength=users)[owner] for _ in range(resamples))
    challenger, champion = Ranking(pair.challenger, pair.label), Ranking(pair.champion, pair.label)
    drawn = [challenger.average_precision(times) - champion.average_precision(times) for times in weights]
    differences = np.array([difference for difference in drawn if not np.isnan(difference)])
    measured = [average_precision(Outcome(scores, pair.label)) for scores in (pair.challenger, pair.champion)]
    low, high = np.quantile(differences, (0.025, 0.975))
    return Comparison(
        challenger_average_precision=measured[0],
        champion_average_precision=measured[1],
        difference=measured[0] - measured[1],
        difference_95=(float(low), float(high)),
        champion_better_share=float(np.mean(differences < 0)),
        resamples=len(differences),
    )


class Ranking:
    """Users sorted by score once, so that each of many draws of them is measured without sorting again."""

    def __init__(self, score: Floats, label: Floats) -> None:
        self._order = np.argsort(-score, kind="stable")
        self._label = label[self._order]
        self._ends_tie = np.append(np.diff(score[self._order]) != 0, True)

    def average_precision(self, times: npt.NDArray[np.int64]) -> float:
        """As evaluation.average_precision, of the users taken so many times each; not a number without a cancel."""
        drawn = times[self._order]
        hits = np.cumsum(drawn * self._label)[self._ends_tie]
        picked = np.cumsum(drawn)[self._ends_tie]
        if not hits[-1]:
            return float("nan")
        return float(np.sum(np.diff(hits, prepend=0.0) / hits[-1] * hits / np.maximum(picked, 1)))


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
