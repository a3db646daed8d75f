"""The verb `retrain`: the newest weeks of what the stream reads, or of a log, to the next model; for a timer."""

from typing import Annotated

import typer

from batch_training.model_commands import DEFAULT_MODELS, Models
from batch_training.options import (
    Budget,
    CustomerValue,
    Horizon,
    Master,
    OfferCost,
    OfferSuccess,
    Precision,
    Threshold,
)
from batch_training.publishing import Wish
from batch_training.settings import Settings
from batch_training.threshold import Goals, Offer
from batch_training.topic_log import TopicLog
from batch_training.train_command import train_and_publish

WEEKS = 12  # a season: habits and the share of those who leave change with it


def retrain(
    from_topic: Annotated[str | None, typer.Option(metavar="TOPIC", help="Learn from this topic's events.")] = None,
    log: Annotated[str | None, typer.Option("--from", metavar="LOGS", help="Learn from this log instead.")] = None,
    bootstrap: Annotated[str, typer.Option(envvar="SPARKIFY_BOOTSTRAP", help="Kafka's address.")] = "localhost:9092",
    models: Models = DEFAULT_MODELS,
    horizon_days: Horizon = Settings.horizon_days,
    budget: Budget = Goals.budget,
    precision: Precision = Goals.precision,
    customer_value: CustomerValue = Offer.value,
    offer_cost: OfferCost = Offer.cost,
    offer_success: OfferSuccess = Offer.success,
    threshold: Threshold = Goals.rule,
    weeks: Annotated[int, typer.Option(min=4, help="How many of the newest.")] = WEEKS,
    only: Annotated[list[str] | None, typer.Option("--learner", help="As for `sparkify train`.")] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="As for `sparkify train`.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Makes a run repeatable.")] = 42,
    master: Master = None,
) -> None:
    """Train on the newest weeks of a topic or a log; a running stream takes the model unless its own is better."""
    if (from_topic is None) == (log is None):
        raise typer.BadParameter("name a topic or a log, one of the two", param_hint="--from-topic/--from")
    path = str(log) if from_topic is None else str(TopicLog(bootstrap, from_topic))
    goals = Goals(budget, precision, Offer(customer_value, offer_cost, offer_success), threshold)
    settings = Settings(horizon_days, goals, tuple(only or ()), seed=seed, weeks=weeks)
    train_and_publish(path, models, settings, Wish(shadow=shadow), master)
