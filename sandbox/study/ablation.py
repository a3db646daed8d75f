"""What each group of features brings, on one simulated log."""

from datetime import UTC, datetime

from batch_training.ablation import ablation, table
from batch_training.settings import Settings
from batch_training.training import train
from sandbox.study.run import Row, Run

__all__ = ["rows", "table"]

PART = "ablation"
LEARNER = "logistic"  # the one that is chosen on large logs, and the quickest


def rows(run: Run) -> list[Row]:
    """A row a group of features left out, after one with them all."""
    users = run.plan.middle_size
    run.announce(f"leaving groups of features out, {users:,} users")
    settings = Settings(learners=(LEARNER,))
    with run.simulated(users, run.plan.seeds[0]) as (log, _):
        found = ablation(train(run.spark, str(log), settings, datetime.now(UTC)), settings, (LEARNER,))
    run.keep(PART, rows=found)
    return found
