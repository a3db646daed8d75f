"""What one micro-batch does with the states it touched: clock, scores, alerts, dead letters, accounts."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from churn.alerts import Candidate, decided
from churn.events import accepted
from churn.labels import HISTORY_DAYS
from churn.records import as_dead_letters, as_score_records
from churn.scoring import Scorer
from churn.shadow import Shadow
from churn.state import DAY_MS, window_start_ms
from churn.topics import CHURN_ALERTS, CHURN_SCORES, REJECTED_EVENTS
from streaming.accounts import Accounts
from streaming.checkpoint import Checkpoint, Plan
from streaming.log_starts import LogStarts
from streaming.losses import planned_records, report_skipped
from streaming.micro_batch import Metrics, Outcome, Planned, computed, observed
from streaming.models import CurrentModel, ShadowModel
from streaming.query import ACCEPTED, COUNTED, JUDGED, acceptances, judgements
from streaming.rows import with_longs
from streaming.sink import publish, publish_alerts
from streaming.source import Source, between
from streaming.sweep import stored_states

SCORED = "scored"  # the name of what is observed of the score records


@dataclass(frozen=True)
class Topics:
    """Where the results go."""

    scores: str = CHURN_SCORES
    alerts: str = CHURN_ALERTS
    rejected: str = REJECTED_EVENTS


@dataclass(frozen=True)
class Policy:
    """When to alert again, and how often (days of event time) to score the users who fell silent; 0: never."""

    cool_down_days: float
    sweep_days: float


@dataclass(frozen=True)
class Scoring:
    """The models' query from states to score records."""

    models: tuple[Scorer, Shadow | None]
    query: Planned


@dataclass
class Trigger:
    """The foreachBatch of the query; it runs on the driver, one batch after the other."""

    spark: SparkSession
    source: Source
    topics: Topics
    policy: Policy
    checkpoint: Checkpoint
    model: CurrentModel
    shadow: ShadowModel
    on_batch: Callable[[int, Accounts], None]
    speaks: bool = True  # False fills the state, and publishes dead letters alone
    alerted: dict[str, int] = field(default_factory=dict)  # user -> last alert (epoch ms)
    log_starts: LogStarts | None = None  # None until the first batch
    scoring: Scoring | None = None  # None until a query's first scores
    total: Accounts = field(default_factory=Accounts)

    def __call__(self, touched: DataFrame, batch_id: int) -> None:
        plan = self.checkpoint.plan(batch_id)
        if self.log_starts is None:
            self.log_starts = self._log_starts(plan.batch_id - 1)
        with computed(touched) as states:
            metrics = observed(self.spark)
            if self.scoring is None and self.speaks:
                self.model.scorer()  # loads beside the first batch; nothing is published before it can score
            self.log_starts.see_batch(metrics[ACCEPTED], metrics.get(COUNTED, metrics[ACCEPTED]), states)
            clock_ms = latest(plan.clock_ms, metrics[ACCEPTED]["latest_ms"])
            accounts = self._settle(plan, self._counted_once(plan, metrics))
            report_skipped(plan, accounts.read, self.source)
            if clock_ms is not None and self.speaks:
                accounts += self._score(self._due(plan, clock_ms, states), clock_ms, self.log_starts)
        self.total += accounts
        self.on_batch(batch_id, accounts)

    def sweep(self) -> None:
        """Score everybody as of the clock, from the last finished batch; for the end of a drained log.

        Also when this run had no batch: the one before may have ended between its last commit and its sweep.
        """
        batch_id = self.checkpoint.last_committed()
        clock_ms = None if batch_id is None else self.checkpoint.last_clock_ms(batch_id)
        if batch_id is None or clock_ms is None:
            return
        accounts = self._score(self._stored(batch_id), clock_ms, self._log_starts(batch_id))
        self.total += accounts
        self.on_batch(batch_id, accounts)

    def _due(self, plan: Plan, clock_ms: int, touched: DataFrame) -> DataFrame:
        """The states to score: those that the batch touched; everybody's, when the clock enters a new sweep."""
        period_ms = self.policy.sweep_days * DAY_MS
        if not period_ms or plan.clock_ms is None or plan.clock_ms // period_ms == clock_ms // period_ms:
            return touched
        untouched = self._stored(plan.batch_id - 1).join(touched, on=["user_id", "window_start_ms"], how="left_anti")
        return untouched.unionByName(touched)

    def _stored(self, batch_id: int) -> DataFrame:
        """Everybody's states as of a finished batch. Spark can read them once a query has begun in this session."""
        return stored_states(self.spark, self.checkpoint.spark_folder, batch_id)

    def _log_starts(self, batch_id: int) -> LogStarts:
        """The log's starts as of a finished batch; none before the first."""
        found = LogStarts()
        if batch_id >= 0:
            found.see(self._stored(batch_id))
        return found

    def _score(self, states: DataFrame, clock_ms: int, log_starts: LogStarts) -> Accounts:
        """Publish the scores as of the clock, then the alerts that they decide."""
        scorer = self.model.scorer()
        log_start_ms = log_starts.of(clock_ms)
        moment = {"as_of_ms": clock_ms, "log_start_ms": log_start_ms}
        in_force = states.where(F.col("window_start_ms") == window_start_ms(clock_ms)).transform(with_longs, moment)
        records = self._records(scorer, in_force)
        publish(records.rows, self.source.bootstrap, self.topics.scores)
        found = records.observed()[SCORED]
        is_young = log_start_ms is None or clock_ms - log_start_ms < HISTORY_DAYS * DAY_MS
        return Accounts(scores=found["scores"], alerts=0 if is_young else self._alert(found["over"], clock_ms))

    def _records(self, scorer: Scorer, states: DataFrame) -> Outcome:
        """The score records of states with their moment."""
        shadow = self.shadow.beside(scorer.model.card.version)
        if self.scoring is None or self.scoring.models != (scorer, shadow):
            self.scoring = Scoring((scorer, shadow), Planned(partial(score_records, scorer, shadow), states))
        return self.scoring.query.on(states)

    def _alert(self, over: Sequence[dict[str, Any]], clock_ms: int) -> int:
        in_order = sorted(over, key=itemgetter("user_id"))  # the same records in the same order when repeated
        candidates = [Candidate(row["user_id"], row["as_of_ms"], json.loads(row["value"])) for row in in_order]
        alerts = decided(candidates, self.alerted, self.policy.cool_down_days)
        publish_alerts(self.spark, alerts, self.source.bootstrap, self.topics.alerts)
        oldest_ms = clock_ms - self.policy.cool_down_days * DAY_MS
        remembered = {user: at_ms for user, at_ms in self.alerted.items() if at_ms > oldest_ms}
        self.alerted = remembered | {alert.user_id: alert.as_of_ms for alert in alerts}
        return len(alerts)

    def _counted_once(self, plan: Plan, metrics: Metrics) -> Metrics:
        """The metrics; where they count more records than were planned, what the topic itself says.

        A task that was repeated because its executor died counts twice in them (SPARK-58183), and once in the state.
        """
        if metrics[JUDGED]["read"] <= planned_records(plan):
            return metrics
        again = between(self.spark, self.source, plan.start, plan.end)
        counts = {
            JUDGED: again.agg(*judgements()).first().asDict(),
            ACCEPTED: again.transform(accepted).agg(*acceptances()).first().asDict(),
        }
        return metrics | counts

    def _settle(self, plan: Plan, metrics: Metrics) -> Accounts:
        """The batch's accounts; dead letters are sent and late events counted from a second look at its records.

        Only a batch that has any pays for the second look. It comes before the batch is committed, so a crash
        repeats it and no letter is lost.
        """
        judged, acceptance = metrics[JUDGED], metrics[ACCEPTED]
        earliest_ms = acceptance["earliest_ms"]
        late = 0
        if judged["rejected"]:
            letters = between(self.spark, self.source, plan.start, plan.end).transform(as_dead_letters)
            publish(letters, self.source.bootstrap, self.topics.rejected)
        if earliest_ms is not None and earliest_ms < plan.late_before_ms:
            again = between(self.spark, self.source, plan.start, plan.end)
            is_late = F.col("reason").isNull() & ~F.col("without_user") & (F.col("ts_ms") < plan.late_before_ms)
            late = again.where(is_late).count()
        in_time = acceptance["accepted"] - late
        # an upper bound where a task was repeated behind the look for repeats (docs/cluster.md)
        counted = min(metrics[COUNTED]["counted"], in_time) if COUNTED in metrics else in_time
        return Accounts(
            read=judged["read"],
            state=counted,
            rejected=judged["rejected"],
            without_user=judged["without_user"],
            late=late,
            duplicates=in_time - counted if COUNTED in metrics else None,
        )


def score_records(scorer: Scorer, shadow: Shadow | None, states: DataFrame) -> DataFrame:
    """States with their moment -> score records; observed is what a trigger has to know of them."""
    card = scorer.model.card
    records = as_score_records(scorer.scored(states, shadow), card)
    return records.observe(SCORED, *outcomes(card.threshold))


def outcomes(threshold: float) -> list[Column]:
    """How many score records there are, and those over the threshold."""
    over = F.when(F.col("probability") >= threshold, F.struct("user_id", "as_of_ms", "value"))
    return [F.count(F.lit(1)).alias("scores"), F.collect_list(over).alias("over")]


def latest(*moments_ms: int | None) -> int | None:
    """The stream's clock: the latest event time (epoch ms) seen so far; None before the first event."""
    return max((ms for ms in moments_ms if ms is not None), default=None)
