"""`sparkify models`: what a registry holds, and which of its models scores."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from batch_training.model_tables import Row, caution, comparison_table, registry_table
from churn.errors import ModelMismatch, NoModel
from churn_io.console import speech
from churn_io.registry import Registry
from churn_io.session import chosen_master, spark_session

app = typer.Typer(no_args_is_help=True, help="The registry: its models, and which of them scores.")

Models = Annotated[str, typer.Option(envvar="SPARKIFY_MODELS", help="The registry: a folder or s3:// path.")]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="As `sparkify models list` names it.")]
DEFAULT_MODELS = "models"


@app.command(name="list")
def list_models(models: Models = DEFAULT_MODELS) -> None:
    """Show all models with their figures on the test snapshot; * marks the current one."""
    registry = registry_at(models)
    rows = [row(registry, version) for version in registry.versions()]
    if not rows:
        raise NoModel(f"no model at {models}; run `sparkify train LOGS --models {models}`")
    try:
        current = registry.current_version()
    except NoModel as error:
        current = ""
        say(str(error))
    speech.print(registry_table(rows, current))
    for each in rows:
        if each.complaint:
            say(f"{each.version} is broken: {each.complaint}")


@app.command()
def compare(first: Version, second: Version, models: Models = DEFAULT_MODELS) -> None:
    """Show two models' figures side by side, and whether they were measured on the same users."""
    registry = registry_at(models)
    cards = registry.card(first), registry.card(second)
    speech.print(comparison_table(*cards))
    say(caution(*cards))


@app.command()
def promote(version: Version, models: Models = DEFAULT_MODELS) -> None:
    """Make a model the current one; a running stream takes it at its next batch."""
    registry = registry_at(models)
    registry.card(version)  # a model that no program could use is refused here, not by the stream
    registry.point_to(version, datetime.now(UTC))
    say(f"{version} is the current model of {models}")


@app.command()
def rollback(models: Models = DEFAULT_MODELS) -> None:
    """Make the model before the current one current again."""
    version = registry_at(models).roll_back(datetime.now(UTC))
    say(f"{version} is the current model of {models} again")


def registry_at(models: str) -> Registry:
    """The registry; Spark, which takes seconds, is started for one that is not on this machine's disk."""
    return Registry(lambda: spark_session("sparkify-models", chosen_master(None), paths=[models]), models)


def row(registry: Registry, version: str) -> Row:
    """A version with its card, or with what is wrong with that."""
    try:
        return Row(version, registry.card(version))
    except (NoModel, ModelMismatch) as error:
        return Row(version, None, str(error))


def say(sentence: str) -> None:
    """A sentence as text: a path in it may look like markup."""
    speech.print(Text(sentence), soft_wrap=True)
