"""`sparkify score` and `sparkify alerts`: the stream, and whoever reads what it says."""

import json
import logging
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from churn.alerts import COOL_DOWN_DAYS
from churn.topics import CHURN_ALERTS, CHURN_SCORES, REJECTED_EVENTS, USER_EVENTS
from churn_io.console import speech
from churn_io.files import aside
from churn_io.java import require_java
from churn_io.session import chosen_master, spark_session, stopped
from streaming.accounts import Accounts
from streaming.heartbeat import Heartbeat
from streaming.job import OUTAGE_MINUTES, Settings, StopSignal, require_kafka, run
from streaming.lock import held
from streaming.models import InForce
from streaming.reader import Reading, show
from streaming.repeats import MAX_HOURS
from streaming.source import Source
from streaming.trigger import Policy, Topics

app = typer.Typer(no_args_is_help=True, help="topic -> scores -> alerts")

MAX_EVENTS = 4_000_000  # a batch of a catch-up: large ones touch each user's state once for many events
Bootstrap = Annotated[str, typer.Option(envvar="SPARKIFY_BOOTSTRAP", help="Kafka's address.")]


class OnDataLoss(StrEnum):
    """What to do about records that the broker deleted before they were read."""

    FAIL = "fail"
    CONTINUE = "continue"


@app.command()
def score(
    models: Annotated[str, typer.Option(envvar="SPARKIFY_MODELS", help="The model registry.")] = "models",
    bootstrap: Bootstrap = "localhost:9092",
    topic: Annotated[str, typer.Option(help="Where the events are.")] = USER_EVENTS,
    scores_topic: Annotated[str, typer.Option(help="Where scores go.")] = CHURN_SCORES,
    alerts_topic: Annotated[str, typer.Option(help="Where alerts go.")] = CHURN_ALERTS,
    rejected_topic: Annotated[str, typer.Option(help="Where dead letters go.")] = REJECTED_EVENTS,
    checkpoint: Annotated[str, typer.Option(envvar="SPARKIFY_CHECKPOINT")] = "build/checkpoint",
    available_now: Annotated[bool, typer.Option("--available-now", help="Drain the topic, then end.")] = False,
    state_only: Annotated[bool, typer.Option("--state-only", help="Fill the state without scores, end.")] = False,
    cool_down_days: Annotated[float, typer.Option(min=0, help="Between two alerts of a user.")] = COOL_DOWN_DAYS,
    sweep_days: Annotated[float, typer.Option(min=0, help="Score the silent this often; 0: never.")] = 1.0,
    max_events_per_trigger: Annotated[int, typer.Option(min=1, help="In one micro-batch.")] = MAX_EVENTS,
    trigger_ms: Annotated[int, typer.Option(min=0, help="Between micro-batches; 0: at once.")] = 0,
    dedupe: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_HOURS,
            metavar="HOURS",
            help="Count an event that is sent again so long after it (by events' times) once; older ones are late.",
        ),
    ] = None,
    outage_minutes: Annotated[float, typer.Option(min=0, help="Wait so long for a lost broker.")] = OUTAGE_MINUTES,
    on_data_loss: Annotated[OnDataLoss, typer.Option(help="Records deleted before they were read.")] = OnDataLoss.FAIL,
    report: Annotated[Path | None, typer.Option(help="Keep the run's accounts here as JSON.")] = None,
    heartbeat: Annotated[
        Path | None, typer.Option(envvar="SPARKIFY_HEARTBEAT", help="Touch this file whenever the query turns over.")
    ] = None,
    master: Annotated[
        str | None,
        typer.Option(envvar="SPARKIFY_MASTER", help="Spark's master; local[*] unless spark-submit runs this program."),
    ] = None,
) -> None:
    """Score live events: Kafka to per-user state to churn-scores and churn-alerts."""
    logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
    # it reports each call of ours at INFO, and each failure of a batch, which is raised to here too
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    logging.getLogger().addFilter(is_not_of_py4j)
    settings = Settings(
        source=Source(bootstrap, topic, max_events_per_trigger, fails_on_loss=on_data_loss is OnDataLoss.FAIL),
        models=models,
        checkpoint=checkpoint,
        policy=Policy(cool_down_days, sweep_days),
        topics=Topics(scores_topic, alerts_topic, rejected_topic),
        available_now=available_now or state_only,
        trigger_ms=trigger_ms,
        dedupe_hours=dedupe,
        outage_minutes=outage_minutes,
        state_only=state_only,
    )
    keep_scoring(settings, master, report, heartbeat)


def is_not_of_py4j(record: logging.LogRecord) -> bool:
    """Py4j reports by the root logger that Java does not answer, with a trace."""
    return Path(record.pathname).parent.name != "py4j"


def keep_scoring(settings: Settings, master: str | None, report: Path | None, heartbeat: Path | None) -> None:
    """Check what can be checked before Spark, start it, and score until the stream is stopped or drained."""
    require_java()
    require_kafka(settings)  # before Spark, which takes seconds to start
    stop = StopSignal()
    with held(settings.checkpoint):  # likewise
        paths = [settings.models, settings.checkpoint]
        spark = spark_session("sparkify-score", chosen_master(master), paths=paths, keeps_classes=True)
        if heartbeat:
            Heartbeat(heartbeat).listen(spark)
        with stop.installed():
            progress = Progress(report)
            total = run(spark, settings, stop, progress, progress.see_model)
        speech.print(f"[bold]total[/] {total.in_words()}", highlight=False, soft_wrap=True)
        stopped(spark)
    if stop.from_keyboard:
        raise KeyboardInterrupt


class Progress:
    """Prints a line for each batch that read or scored something, with the books of the run so far; keeps them.

    Both say which model scores in the place of one that cannot.
    """

    def __init__(self, report: Path | None) -> None:
        self._total = Accounts()
        self._model: InForce | None = None
        self._report = report
        self._keep()  # also in place of an earlier run's

    def __call__(self, batch_id: int, accounts: Accounts) -> None:
        self._total += accounts
        if accounts.read or accounts.scores:
            now = datetime.now(UTC).strftime("%H:%M:%S")
            words = [f"{now} batch {batch_id} +{accounts.read}", self._total.in_words()]
            if self._model and self._model.refused:
                words.append(f"model {self._model.version} scores on: {self._model.refused}")
            speech.print(" | ".join(words), highlight=False, markup=False, soft_wrap=True)
        self._keep()

    def see_model(self, found: InForce) -> None:
        """What the next batch's line and the books say of the model."""
        self._model = found

    def _keep(self) -> None:
        if self._report:
            with aside(self._report) as file:
                books: dict[str, object] = dict(self._total.as_dict())
                if self._model:
                    books |= {"model": self._model.version, "refused_model": self._model.refused}
                json.dump(books, file)


@app.command()
def alerts(
    bootstrap: Bootstrap = "localhost:9092",
    topic: Annotated[str, typer.Option(help="Where the alerts are.")] = CHURN_ALERTS,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show the alerts on the topic; repeated ids once."""
    show(Reading(bootstrap, topic, follow), as_json)
