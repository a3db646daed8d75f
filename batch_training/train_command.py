"""The verb `train`: logs to a model in the registry, with a page on it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from batch_training.ablation import ablation as ablated
from batch_training.ablation import table as ablation_table
from batch_training.ablation import with_ablation
from batch_training.capstone_command import Protocol, refuse_promotion, usual_figures
from batch_training.capstone_command import show as show_usual
from batch_training.champion import Verdict, verdict
from batch_training.groups import UNHELPFUL
from batch_training.logs import require_there
from batch_training.model_commands import DEFAULT_MODELS, Models
from batch_training.model_report.writing import written as report_written
from batch_training.options import Log, Master
from batch_training.phases import phases
from batch_training.report import summary, table, threshold_table
from batch_training.settings import Settings
from batch_training.threshold import Goals, Offer, Rule
from batch_training.training import Trained
from batch_training.training import train as train_model
from churn.model import ModelCard
from churn_io.console import speech
from churn_io.registry import Registry
from churn_io.session import chosen_master, spark_session


def train(
    log: Log,
    models: Models = DEFAULT_MODELS,
    horizon_days: Annotated[int, typer.Option(min=1, max=28, help="A cancel within how many days is forecast.")] = 10,
    budget: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="Share of the live users that may be alerted in a week.")
    ] = Goals.budget,
    precision: Annotated[
        float,
        typer.Option(min=0.001, max=1, help="Share of the alerted that should cancel, for --threshold precision."),
    ] = Goals.precision,
    customer_value: Annotated[
        float, typer.Option(min=0, help="What a customer who stays is worth, for --threshold profit.")
    ] = Offer.value,
    offer_cost: Annotated[float, typer.Option(min=0, help="What the offer to an alerted user costs.")] = Offer.cost,
    offer_success: Annotated[
        float, typer.Option(min=0, max=1, help="The chance that an offer keeps one who would have left.")
    ] = Offer.success,
    threshold: Annotated[Rule, typer.Option(help="What the score from which users are alerted is chosen for.")] = (
        Goals.rule
    ),
    only: Annotated[
        list[str] | None, typer.Option("--learner", help="Train this learner alone; may be given several times.")
    ] = None,
    tune: Annotated[bool, typer.Option("--tune", help="Try a grid of parameters for each learner; takes longer.")] = (
        False
    ),
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Also show what each group of features brings; it takes minutes.")
    ] = False,
    all_features: Annotated[
        bool, typer.Option("--all-features", help="Learn also from those that brought nothing so far.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Makes a run repeatable.")] = 42,
    master: Master = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="Make it current even if the present one is better.")
    ] = False,
    protocol: Annotated[
        Protocol,
        typer.Option(help="capstone: as published work measures, whole histories split at random; makes no model."),
    ] = Protocol.snapshots,
) -> None:
    """Train all learners on past moments of a log; the best becomes current unless the present model is better."""
    if protocol is Protocol.capstone:
        refuse_promotion(promote)
        with phases() as announce:
            usual = usual_figures(log, seed, master, announce)
        show_usual(usual, models)
        return
    goals = Goals(budget, precision, Offer(customer_value, offer_cost, offer_success), threshold)
    left_out = () if all_features else UNHELPFUL
    settings = Settings(horizon_days, goals, tuple(only or ()), tune, left_out, seed)
    require_there(log)
    with phases() as announce:
        announce("starting Spark")
        spark = spark_session("sparkify-train", chosen_master(master), paths=[log, models])
        registry = Registry(spark, models)
        trained = train_model(spark, log, settings, datetime.now(UTC), announce)
        if ablation:
            rows = ablated(trained, settings, announce=announce)
            trained = with_ablation(trained, rows)
        announce("comparing it with the current model")
        found = verdict(registry, trained, seed)
        if promote and not found.is_promoted:
            found = found.overruled()
        announce("publishing the model")
        card = published(registry, trained, found)
        announce("writing its report")
        page = report_written(registry, card, trained, found, settings)
    speech.print(summary(trained.report.counts))
    speech.print(table(trained.report))
    speech.print(threshold_table(trained.report))
    if ablation:
        speech.print(ablation_table(rows))
    speech.print(Text.assemble((card.version, "bold"), " ", fate(card, found, models)), soft_wrap=True)
    speech.print(Text(page), soft_wrap=True)


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
