"""Whether anything but the past enters a forecast: a model's view of altered logs, its learner on altered labels."""

from pyspark.sql import DataFrame

from batch_training.fitting import outcome, with_scores
from batch_training.label_checks import gone_before, later_windows, shuffled
from batch_training.learners import Learner, learners
from batch_training.logs import AcceptedEvents, Counts, readable
from batch_training.phases import SILENCE, Announce
from batch_training.roles import by_role
from batch_training.snapshots import snapshots, taken
from batch_training.span import without_strays
from batch_training.split import chronological
from batch_training.view_checks import Check, cut, label_rows, pages_that_announce, permuted, seen_by, subject
from churn.errors import ModelMismatch
from churn.model import Model, ModelCard
from churn.state import daily


def audit(log: AcceptedEvents, model: Model, seed: int, announce: Announce = SILENCE) -> list[Check]:
    """All checks of a model on a log, with the model's own horizon. Raises InvalidLog and ModelMismatch."""
    learner, horizon_days = learner_of(model.card, seed), model.card.horizon_days
    announce("reading the log")
    events, counts = read(log)
    partials = daily(events).localCheckpoint()
    counts = without_strays(counts, partials)
    split = chronological(counts.first_ms, counts.last_ms, horizon_days)

    announce(f"taking {len(split.moments_ms)} snapshots")
    frame = taken(partials, partials.select("user_id").distinct().count(), split, horizon_days)
    roles = by_role(frame, split, horizon_days, seed)

    announce("scoring altered logs")
    at_test = subject(events, seen_by(model, split.test_ms), split.test_ms)
    of_views = [cut(at_test), permuted(at_test, seed), label_rows(at_test), pages_that_announce(at_test)]
    announce(f"training {learner.name} on shuffled labels")
    of_shuffles = shuffled(learner, roles, model.card, seed)
    announce("moving the labels in time")
    twice = outcome(with_scores(snapshots(partials, [split.calibration_ms], 2 * horizon_days), model))
    of_times = [gone_before(frame, events, horizon_days), later_windows(twice, split.calibration_ms, horizon_days)]
    return [*of_views, *of_shuffles, *of_times]


def read(log: AcceptedEvents) -> tuple[DataFrame, Counts]:
    """The log's events, kept, since they are altered in many ways and should be parsed once; and its account."""
    with readable(log.path):
        events = log.events.localCheckpoint()
    return events, log.counts(not events.isEmpty())


def learner_of(card: ModelCard, seed: int) -> Learner:
    """The way to learn that the card names; raises ModelMismatch when this code has none of that name."""
    known = {learner.name: learner for learner in learners(seed)}
    if card.learner not in known:
        raise ModelMismatch(
            f"{card.version}: learnt by {card.learner!r}, this code has {', '.join(known)}; run `sparkify train`"
        )
    return known[card.learner]


def in_words(check: Check) -> str:
    """The check as a line; `told` is neither pass nor fail."""
    word = "told" if check.passed is None else "pass" if check.passed else "FAIL"
    return f"{word}  {check.done}: {check.figure}"
