"""What scoring costs by learner, with and without reasons."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from rich.box import SIMPLE_HEAD
from rich.table import Table

from batch_training.logs import accepted_events
from batch_training.settings import Settings
from batch_training.training import train
from churn.features import COUNTS, feature_columns
from churn.model import INPUTS, Model, with_inputs, with_probability
from churn.scoring import Scorer
from churn.state import alive, state_at
from sandbox.study.run import Row, Run

ROUNDS = 3  # the fastest counts: others use the machine too
BASELINE = "logistic"
PART = "scoring"
STATES = 20_000  # at least: fewer measure little but the start of a query

Scoring = Callable[[DataFrame], DataFrame]


def costs(models: dict[str, Model], states: DataFrame, clock: Callable[[], float] = time.perf_counter) -> list[Row]:
    """Two rows a model, without reasons and with, all over the same states; `ratio` is to the logistic regression's."""
    users = states.count()
    rows = []
    for learner, model in models.items():
        ways: dict[bool, Scoring] = {False: without_reasons(model), True: Scorer(model).scored}
        for has_reasons, scoring in ways.items():
            seconds = fastest(lambda scoring=scoring: drained(scoring(states)), clock)  # type: ignore[misc]
            told = {"learner": learner, "reasons": has_reasons, "users": users, "seconds": seconds}
            rows.append({**told, "us_per_user": 1e6 * seconds / users})
    base = {row["reasons"]: row["seconds"] for row in rows if row["learner"] == BASELINE}
    return [{**row, "ratio": row["seconds"] / base[row["reasons"]]} for row in rows]


def without_reasons(model: Model) -> Scoring:
    """States -> user_id, inputs and probability; a plan that leaves the inputs out took 1.5 times as long."""
    features = feature_columns(F.col("as_of_ms"))

    def scored(states: DataFrame) -> DataFrame:
        frame = with_inputs(alive(states).select("user_id", "as_of_ms", *features, *COUNTS), model.card)
        return with_probability(frame, model, F.col(INPUTS), "probability").select("user_id", INPUTS, "probability")

    return scored


def drained(frame: DataFrame) -> None:
    """Compute all rows, and keep none."""
    frame.write.format("noop").mode("overwrite").save()


def fastest(work: Callable[[], None], clock: Callable[[], float]) -> float:
    """The seconds of the fastest of ROUNDS, after one that warms up."""
    work()
    spent = []
    for _ in range(ROUNDS):
        started = clock()
        work()
        spent.append(clock() - started)
    return min(spent)


def multiplied(states: DataFrame, users: int) -> DataFrame:
    """The states again and again under other names, until there are so many or a few more."""
    times = -(-users // states.count())
    copies = states.withColumn("copy", F.explode(F.sequence(F.lit(1), F.lit(times))))
    named = copies.withColumn("user_id", F.concat_ws("-", "user_id", "copy")).drop("copy")
    return named.repartition(2, "user_id").localCheckpoint()


def rows(run: Run) -> list[Row]:
    """The costs of all learners of one simulated log, over its states as of the test snapshot, multiplied."""
    users = run.plan.middle_size
    run.announce(f"scoring by each learner of {users:,} users")
    now = datetime.now(UTC)
    with run.simulated(users, run.plan.seeds[0]) as (log, _):
        trained = train(run.spark, str(log), Settings(), now)
        events = accepted_events(run.spark, str(log), int(now.timestamp() * 1000)).events
        states = multiplied(state_at(events, trained.report.split.test_ms).transform(alive).localCheckpoint(), STATES)
        found = costs({one.model.card.learner: one.model for one in trained.candidates}, states)
    run.keep(PART, rows=found)
    return found


def table(rows: list[Row]) -> Table:
    """The rows, for a person."""
    shown = Table(title=f"Scoring of {rows[0]['users']:,} states", box=SIMPLE_HEAD)
    for heading in ("learner", "reasons", "seconds", "µs a user", "to logistic"):
        shown.add_column(heading, justify="left" if heading == "learner" else "right")
    for row in rows:
        reasons = "with" if row["reasons"] else "without"
        figures = (f"{row['seconds']:.2f}", f"{row['us_per_user']:.1f}", f"{row['ratio']:.2f}")
        shown.add_row(row["learner"], reasons, *figures)
    return shown
