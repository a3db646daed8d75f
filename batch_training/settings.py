"""What a training run may be told."""

from dataclasses import dataclass, field

from batch_training.threshold import Goals


@dataclass(frozen=True)
class Settings:
    """The forecast's horizon, where an alert begins, the learners and their tuning, and the seed of all that is drawn.

    `learners`: by name; without any, all of them.
    """

    horizon_days: int = 10
    goals: Goals = field(default_factory=Goals)
    learners: tuple[str, ...] = ()
    tune: bool = False
    seed: int = 42
