"""log -> findings: the log is parsed once, and all else is counted from what was kept of it."""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from batch_training.explore import activity, before_cancel, fields, listening, snapshot, users
from batch_training.logs import Counts, records
from churn.events import accepted
from churn.state import daily

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Findings:
    """All that a page says of a log; what a log does not hold is None."""

    log: str
    counts: Counts
    unknown_pages: list[tuple[str, int]]
    absences: list[fields.Absence]
    activity: activity.Activity
    sessions: listening.Sessions | None
    songs: listening.Songs | None
    lengths: listening.Lengths | None
    churn: users.Churn
    comparison: before_cancel.Comparison | None
    snapshot: snapshot.Snapshot | None


def explored(spark: SparkSession, log: str, present_ms: int, announce: Announce = lambda _phase: None) -> Findings:
    """What is found in a log; later than a day after `present_ms` is rejected. Raises InvalidLog."""
    announce("reading the log")
    lines = records(spark, log, present_ms, fields.FIELDS).transform(fields.slim).persist()
    try:
        return found(log, lines, fields.counted(log, lines), announce)
    finally:
        lines.unpersist()


def found(log: str, lines: DataFrame, counts: Counts, announce: Announce) -> Findings:
    """What is found in the kept lines of a log."""
    events = lines.transform(fields.users_events)
    announce("counting pages, days and fields")
    partials = daily(lines.transform(accepted)).localCheckpoint()
    user_days = before_cancel.user_days(partials).localCheckpoint()
    hours = activity.hourly(events).localCheckpoint()
    by_time, absences = activity.activity(hours, user_days), fields.absences(lines)
    unknown = fields.unknown_pages(lines) if "page_unknown" in counts.rejected else []
    announce("counting sessions and songs")
    sessions, songs, lengths = listening.sessions(events), listening.songs(events), listening.lengths(events)
    announce("counting users and cancels")
    churn = users.churn(users.users(events, counts.last_ms).localCheckpoint())
    comparison = before_cancel.comparison(user_days) if counts.cancels else None
    announce("taking a snapshot of the features")
    moment_ms = snapshot.honest_moment(counts.first_ms, counts.last_ms)
    taken = None if moment_ms is None else snapshot.snapshot(partials, moment_ms)
    return Findings(log, counts, unknown, absences, by_time, sessions, songs, lengths, churn, comparison, taken)
