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
    """Show all models with their figures on the test snapshot; * marks the current one, s its shadow."""
    registry = registry_at(models)
    rows = [row(registry, version) for version in registry.versions()]
    if not rows:
        raise NoModel(f"no model at {models}; run `sparkify train LOGS --models {models}`")
    try:
        current = registry.current_version()
    except NoModel as error:
        current = ""
        say(str(error))
    shadowing = registry.shadow_version()
    speech.print(registry_table(rows, current, shadowing))
    if shadowing and shadowing not in (each.version for each in rows):
        say(f"{shadowing} is to score in the shadow, and {models} holds no such model")
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
    was_shadow = registry.shadow_version() == version
    registry.point_to(version, datetime.now(UTC))
    say(f"{version} is the current model of {models}{', no longer its shadow' if was_shadow else ''}")


@app.command()
def rollback(models: Models = DEFAULT_MODELS) -> None:
    """Make the model before the current one current again."""
    version = registry_at(models).roll_back(datetime.now(UTC))
    say(f"{version} is the current model of {models} again")


@app.command()
def shadow(
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="As `sparkify models list` names it.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="No model scores beside the current one.")] = False,
    models: Models = DEFAULT_MODELS,
) -> None:
    """Have a model score beside the current one, without alerts; a running stream follows at its next batch."""
    registry = registry_at(models)
    if off and version is None:
        registry.clear_shadow()
        say(f"no model scores in the shadow of {models}")
    elif version is None or off:
        raise typer.BadParameter("wanted is either a version or --off", param_hint="VERSION")
    else:
        put_into_shadow(registry, version)
        say(f"{version} scores in the shadow of {models}")


def put_into_shadow(registry: Registry, version: str) -> None:
    """Point the shadow to the version; refuses one that no program could use, and the current one."""
    registry.card(version)
    if registry.current_version() == version:
        raise typer.BadParameter(f"{version} is the current model; wanted is another", param_hint="VERSION")
    registry.point_shadow_to(version)


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
