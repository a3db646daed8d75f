"""The verbs of the batch job: explore logs, train a model from them, and predict from logs with a model."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated

import typer
from rich.text import Text

from batch_training.ablation import ablation as ablated
from batch_training.ablation import table as ablation_table
from batch_training.ablation import with_ablation
from batch_training.champion import Verdict, verdict
from batch_training.groups import UNHELPFUL
from batch_training.logs import accepted_events, require_there
from batch_training.model_commands import DEFAULT_MODELS, Models
from batch_training.model_commands import app as models_app
from batch_training.prediction import SUFFIXES
from batch_training.prediction import predict as predict_users
from batch_training.report import iso, summary, table
from batch_training.training import Settings, Trained
from batch_training.training import train as train_model
from churn.errors import BadSetup
from churn.model import Model, ModelCard
from churn_io.console import speech
from churn_io.registry import Registry, model_at
from churn_io.session import chosen_master, spark_session
from churn_io.storage import Storage, local_path

PAGE = "explore.html"

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(models_app, name="models")

Log = Annotated[
    str, typer.Argument(metavar="LOGS", help="A file or folder of JSON lines (.gz too) or Parquet; s3:// too.")
]
Master = Annotated[
    str | None,
    typer.Option(envvar="SPARKIFY_MASTER", help="Spark's master; local[*] unless spark-submit runs this program."),
]


@app.command()
def train(
    log: Log,
    models: Models = DEFAULT_MODELS,
    horizon_days: Annotated[int, typer.Option(min=1, max=28, help="A cancel within how many days is forecast.")] = 10,
    budget: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="Share of the live users that may be over the threshold.")
    ] = 0.05,
    seed: Annotated[int, typer.Option(help="Makes a run repeatable.")] = 42,
    master: Master = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="Make it current even if the present one is better.")
    ] = False,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Also show what each group of features brings; it takes minutes.")
    ] = False,
    all_features: Annotated[
        bool, typer.Option("--all-features", help="Learn also from those that brought nothing so far.")
    ] = False,
) -> None:
    """Train all learners on past moments of a log; the best becomes current unless the present model is better."""
    settings = Settings(horizon_days, budget, seed, () if all_features else UNHELPFUL)
    require_there(log)
    with phases() as announce:
        announce("starting Spark")
        spark = spark_session("sparkify-train", chosen_master(master), paths=[log, models])
        registry = Registry(spark, models)
        trained = train_model(spark, log, settings, datetime.now(UTC), announce)
        rows = ablated(trained, settings, announce=announce) if ablation else []
        if ablation:
            trained = with_ablation(trained, rows)
        announce("comparing it with the current model")
        found = verdict(registry, trained, seed)
        if promote and not found.is_promoted:
            found = found.overruled()
        announce("publishing the model")
        card = published(registry, trained, found)
    speech.print(summary(trained.report.counts))
    speech.print(table(trained.report))
    if ablation:
        speech.print(ablation_table(rows))
    speech.print(Text.assemble((card.version, "bold"), " ", fate(card, found, models)), soft_wrap=True)


def published(registry: Registry, trained: Trained, found: Verdict) -> ModelCard:
    """The card under which the model is registered, with the verdict on it; the pointer moves if that says so."""
    card = trained.model.card
    metrics = {**card.metrics, "comparison": found.as_dict()}
    card = replace(card, version=registry.free_version(card.version), metrics=metrics)
    registry.register(card, trained.model.classifier)
    if found.is_promoted:
        registry.point_to(card.version, datetime.now(UTC))
    return card


def fate(card: ModelCard, found: Verdict, models: str) -> str:
    """What became of a new model and why, as the end of a sentence that begins with its version."""
    if found.is_promoted:
        return f"is now the current model of {models}; alerts at {card.threshold:.3f} and over; {found.reason}"
    by_hand = f"`sparkify models promote {card.version} --models {models}`"
    return f"is registered but not made current: {found.reason}; {by_hand} does it all the same"


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
    speech.print(
        f"{prediction.users:,} live users as of {iso(as_of_ms)} scored by {used.card.version}, "
        f"{prediction.above_threshold:,} at {used.card.threshold:.3f} or over: {out}"
    )


def epoch_ms(text: str) -> int:
    """The moment in epoch ms; UTC unless the text names an offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}; wanted is a time like 2018-11-20T00:00", param_hint="--as-of") from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


@contextmanager
def phases(clock: Callable[[], float] = time.perf_counter) -> Iterator[Callable[[str], None]]:
    """Says what is being done while it is done, and how long it took when the next thing begins."""
    running: list[tuple[str, float]] = []

    def finish() -> None:
        for phase, started in running:
            speech.print(f"{clock() - started:6.1f} s  {phase}", style="dim", highlight=False)
        running.clear()

    with speech.status("…") as status:

        def announce(phase: str) -> None:
            finish()
            running.append((phase, clock()))
            status.update(phase)

        yield announce
        finish()
