"""logs -> model: one pass over the log, snapshots, every learner on the same rows, and the best of them."""

from dataclasses import dataclass, replace
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from batch_training.calibration import free_day_activity
from batch_training.candidates import Candidate, candidate, majority
from batch_training.cards import blank_card, published_card
from batch_training.folds import require_both_in_folds
from batch_training.groups import without
from batch_training.learners import chosen, learners
from batch_training.logs import Counts, accepted_events, readable
from batch_training.phases import SILENCE, Announce
from batch_training.report import Report, iso
from batch_training.roles import by_role, with_vectors
from batch_training.settings import Settings
from batch_training.snapshots import taken
from batch_training.span import without_old, without_strays
from batch_training.split import chronological
from churn.errors import InvalidLog
from churn.model import Model
from churn.state import daily


@dataclass(frozen=True)
class History:
    """A log in daily partial states, and its account."""

    partials: DataFrame
    counts: Counts
    users: int


@dataclass(frozen=True)
class Trained:
    """The best model of a log, all that competed, the report on them, and the snapshots, to measure others on."""

    model: Model
    candidates: tuple[Candidate, ...]
    report: Report
    snapshots: DataFrame

    @property
    def test(self) -> DataFrame:
        """The test snapshot."""
        return self.snapshots.where(F.col("as_of_ms") == self.report.split.test_ms)


def train(spark: SparkSession, log: str, settings: Settings, now: datetime, announce: Announce = SILENCE) -> Trained:
    """The best model of a log; `now` dates its version. Raises InvalidLog, and BadSetup for an unknown learner."""
    competing = chosen(learners(settings.seed), settings.learners)
    announce("reading the log")
    past = history(spark, log, int(now.timestamp() * 1000), settings.weeks)
    split = chronological(past.counts.first_ms, past.counts.last_ms, settings.horizon_days)

    announce(f"taking {len(split.moments_ms)} snapshots of {past.users:,} users")
    frame = taken(past.partials, past.users, split, settings.horizon_days)
    roles = by_role(frame, split, settings.horizon_days, settings.seed)
    require_both_in_folds(roles.training, settings.horizon_days)
    announce("finding classes of users")
    blank = blank_card(roles.training, settings.horizon_days, settings.seed)
    activity = free_day_activity(past.partials, past.counts.first_ms, split.test_ms)
    card = replace(without(blank, settings.left_out), free_day_activity=activity)
    roles = with_vectors(roles, card)

    results, candidates = [majority(roles, settings)], []
    for learner in competing:
        announce(f"training {learner.name}")
        one = learner if settings.tune else learner.untuned()
        candidates.append(candidate(one, roles, card, settings, announce.step))
        results.append(candidates[-1].result)
    best = max(candidates, key=lambda c: c.result.validation)

    report = Report(
        log=log,
        counts=past.counts,
        users=past.users,
        split=split,
        training_rows=roles.training_rows,
        training_positives=roles.positives["training"],
        goals=settings.goals,
        horizon_days=settings.horizon_days,
        results=tuple(results),
        chosen=best.result.learner,
    )
    model = Model(published_card(best.model.card, report, now), best.model.classifier)
    return Trained(model, tuple(candidates), report, frame)


def history(spark: SparkSession, log: str, present_ms: int, weeks: int | None = None) -> History:
    """The log, or its newest weeks, read once; raises InvalidLog when it holds no event or no cancel."""
    events = accepted_events(spark, log, present_ms)
    # a checkpoint, not a cache: Spark would compare the plan of every later step with this large one
    with readable(log):
        partials = daily(events.events).localCheckpoint()
    users = partials.select("user_id").distinct().count()
    counts = events.counts(users > 0)
    if not counts.cancels:
        raise InvalidLog(
            f"{log}: nobody cancels in {counts.accepted:,} events of {users:,} users from {iso(counts.first_ms)} "
            f"to {iso(counts.last_ms)}; wanted are rows of page Cancellation Confirmation"
        )
    counts = without_strays(counts, partials)
    if weeks:
        partials, counts = without_old(partials, counts, weeks)
        users = partials.select("user_id").distinct().count()
    return History(partials, counts, users)
