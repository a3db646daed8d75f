"""The verb `train`: logs to a model in the registry, with a page on it."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from batch_training.ablation import ablation as ablated
from batch_training.ablation import table as ablation_table
from batch_training.ablation import with_ablation
from batch_training.capstone_command import Protocol, refuse_options, show_usual
from batch_training.groups import UNHELPFUL
from batch_training.logs import require_there
from batch_training.model_commands import DEFAULT_MODELS, Models
from batch_training.options import (
    Budget,
    CustomerValue,
    Horizon,
    Log,
    Master,
    OfferCost,
    OfferSuccess,
    Precision,
    Threshold,
)
from batch_training.phases import phases
from batch_training.publishing import Wish, fate, published
from batch_training.report import summary, table, threshold_table
from batch_training.settings import Settings
from batch_training.threshold import Goals, Offer
from batch_training.training import train as train_model
from churn_io.console import speech
from churn_io.registry import Registry
from churn_io.session import chosen_master, spark_session


def train(
    log: Log,
    models: Models = DEFAULT_MODELS,
    horizon_days: Horizon = Settings.horizon_days,
    budget: Budget = Goals.budget,
    precision: Precision = Goals.precision,
    customer_value: CustomerValue = Offer.value,
    offer_cost: OfferCost = Offer.cost,
    offer_success: OfferSuccess = Offer.success,
    threshold: Threshold = Goals.rule,
    only: Annotated[
        list[str] | None, typer.Option("--learner", help="Train this learner alone; may be given several times.")
    ] = None,
    tune: Annotated[bool, typer.Option("--tune", help="Try a grid of parameters for each learner; takes longer.")] = (
        False
    ),
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Also show what each group of features brings to a logistic regression.")
    ] = False,
    all_features: Annotated[
        bool, typer.Option("--all-features", help="Learn also from those that brought nothing so far.")
    ] = False,
    weeks: Annotated[int | None, typer.Option(min=4, help="Learn from the newest weeks of the log alone.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Makes a run repeatable.")] = 42,
    master: Master = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="Make it current even if the present one is better.")
    ] = False,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Have it score beside the current model, without alerts.")
    ] = False,
    protocol: Annotated[
        Protocol,
        typer.Option(help="capstone: as published work measures, whole histories split at random; makes no model."),
    ] = Protocol.snapshots,
) -> None:
    """Train all learners on past moments of a log; the best becomes current unless the present model is better."""
    if protocol is Protocol.capstone:
        refuse_options(promote=promote, shadow=shadow, tune=tune, ablation=ablation, learner=bool(only))
        show_usual(log, seed, master, models)
        return
    if promote and shadow:
        raise typer.BadParameter("a model is either in force or in the shadow; leave one out", param_hint="--shadow")
    goals = Goals(budget, precision, Offer(customer_value, offer_cost, offer_success), threshold)
    left_out = () if all_features else UNHELPFUL
    settings = Settings(horizon_days, goals, tuple(only or ()), tune, left_out, seed, weeks)
    train_and_publish(log, models, settings, Wish(promote, shadow), master, with_groups=ablation)


def train_and_publish(
    log: str, models: str, settings: Settings, wish: Wish, master: str | None, *, with_groups: bool = False
) -> None:
    """Train, publish by the champion rule, and tell of it; `with_groups` also of what each group of features brings."""
    require_there(log)
    with phases() as announce:
        announce("starting Spark")
        spark = spark_session("sparkify-train", chosen_master(master), paths=[log, models])
        trained = train_model(spark, log, settings, datetime.now(UTC), announce)
        rows = ablated(trained, settings, announce=announce) if with_groups else []
        trained = with_ablation(trained, rows)
        found = published(Registry(spark, models), trained, settings, wish, announce)
    speech.print(summary(trained.report.counts))
    speech.print(table(trained.report))
    speech.print(threshold_table(trained.report))
    if rows:
        speech.print(ablation_table(rows))
    speech.print(Text.assemble((found.card.version, "bold"), " ", fate(found, models)), soft_wrap=True)
    speech.print(Text(found.page), soft_wrap=True)
