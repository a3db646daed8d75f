"""What a training run may be told."""

from dataclasses import dataclass, field

from batch_training.groups import UNHELPFUL
from batch_training.threshold import Goals


@dataclass(frozen=True)
class Settings:
    """The forecast's horizon, where an alert begins, the learners and their tuning, and the seed of all that is drawn.

    `learners`: by name; without any, all of them. `left_out`: groups of features that no learner sees. `weeks`: only
    the newest of the log; None: all.
    """

    horizon_days: int = 10
    goals: Goals = field(default_factory=Goals)
    learners: tuple[str, ...] = ()
    tune: bool = False
    left_out: tuple[str, ...] = UNHELPFUL
    seed: int = 42
    weeks: int | None = None

    def options(self) -> list[str]:
        """The options of `sparkify train` that give these settings, also those that have their default."""
        goals, offer = self.goals, self.goals.offer
        valued = {
            "--horizon-days": self.horizon_days,
            "--budget": goals.budget,
            "--precision": goals.precision,
            "--customer-value": offer.value,
            "--offer-cost": offer.cost,
            "--offer-success": offer.success,
            "--threshold": goals.rule,
            "--seed": self.seed,
        }
        words = [str(word) for option in valued.items() for word in option]
        words += ["--weeks", str(self.weeks)] if self.weeks else []
        words += [word for name in self.learners for word in ("--learner", name)]
        flags = {"--tune": self.tune, "--all-features": not self.left_out}
        return [*words, *(flag for flag, is_given in flags.items() if is_given)]
