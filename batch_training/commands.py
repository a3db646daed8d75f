"""The verbs of the batch job: explore logs, train a model from them, and predict from logs with a model."""

import time
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated

import typer

from batch_training.audit_command import audit
from batch_training.logs import accepted_events, require_there
from batch_training.model_commands import app as models_app
from batch_training.options import Log, Master
from batch_training.phases import phases
from batch_training.prediction import SUFFIXES
from batch_training.prediction import predict as predict_users
from batch_training.report import iso, summary
from batch_training.retrain_command import retrain
from batch_training.threshold import can_alert
from batch_training.train_command import train
from churn.errors import BadSetup
from churn.model import Model
from churn_io.console import speech
from churn_io.registry import model_at
from churn_io.session import chosen_master, spark_session
from churn_io.storage import Storage, local_path

PAGE = "explore.html"

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(models_app, name="models")
app.command()(train)
app.command()(retrain)
app.command()(audit)


@app.command()
def explore(
    log: Log,
    out: Annotated[str, typer.Option(metavar="DIR", help=f"A folder for {PAGE}; made if missing.")],
    master: Master = None,
) -> None:
    """Show what a log holds, as one HTML page: its rows, users, songs and cancels, and the traps in them."""
    require_there(log)
    path = f"{out.rstrip('/')}/{PAGE}"
    folder = local_path(out)
    if folder and folder.exists() and not folder.is_dir():
        raise BadSetup(f"cannot write {path}: {out} is no folder; choose another --out")
    # a cluster that trains has no need of matplotlib, and no other command should wait for it
    from batch_training.explore.job import explored  # noqa: PLC0415
    from batch_training.explore.report import html  # noqa: PLC0415

    with phases() as announce:
        announce("starting Spark")
        spark = spark_session("sparkify-explore", chosen_master(master), paths=[log, out])
        found = explored(spark, log, int(time.time() * 1000), announce)
        announce("drawing the page")
        try:
            Storage(spark).write(path, html(found))
        except OSError as error:
            raise BadSetup(f"cannot write {path}: {error.strerror}; choose another --out") from error
    speech.print(summary(found.counts))
    everybody = found.churn.everybody
    speech.print(f"{everybody.users:,} users, {everybody.cancelled:,} of whom cancel: {path}", soft_wrap=True)


@app.command()
def predict(
    log: Log,
    as_of: Annotated[str, typer.Option(metavar="TIME", help="ISO 8601; UTC unless it names an offset.")],
    model: Annotated[
        str, typer.Option(metavar="DIR", envvar="SPARKIFY_MODELS", help="A registry, or one version in it.")
    ],
    out: Annotated[str, typer.Option(metavar="FILE", help="A .csv or .parquet file.")],
    master: Master = None,
) -> None:
    """Score every live user of a log as of a moment, and write one file."""
    as_of_ms = epoch_ms(as_of)
    if PurePosixPath(out).suffix not in SUFFIXES:
        raise typer.BadParameter(f"{out!r}; wanted is a name that ends in {' or '.join(SUFFIXES)}", param_hint="--out")
    require_there(log)
    with phases() as announce:
        announce("starting Spark")
        spark = spark_session("sparkify-predict", chosen_master(master), paths=[log, model, out])
        used: Model = model_at(spark, model)
        announce("reading the log and scoring")
        events = accepted_events(spark, log, present_ms=int(time.time() * 1000))
        prediction = predict_users(events, as_of_ms, used, out)
    speech.print(summary(prediction.counts))
    alerted = f"{prediction.above_threshold:,} at {used.card.threshold:.3f} or over"
    if not can_alert(used.card.threshold):
        alerted = "which alerts nobody"
    speech.print(
        f"{prediction.users:,} live users as of {iso(as_of_ms)} scored by {used.card.version}, {alerted}: {out}"
    )


def epoch_ms(text: str) -> int:
    """The moment in epoch ms; UTC unless the text names an offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}; wanted is a time like 2018-11-20T00:00", param_hint="--as-of") from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)
