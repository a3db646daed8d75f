"""The verb `audit`: whether a model sees what it must not."""

import time
from typing import Annotated

import typer
from rich.text import Text

from batch_training.audit import audit as audit_model
from batch_training.audit import in_words
from batch_training.logs import accepted_events, require_there
from batch_training.options import Log, Master
from batch_training.phases import phases
from batch_training.view_checks import Check
from churn.model import Model
from churn_io.console import speech
from churn_io.registry import model_at
from churn_io.session import chosen_master, spark_session


def audit(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A registry, or one version in it.")],
    log: Log,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Makes a run repeatable.")] = 42,
    master: Master = None,
) -> None:
    """Look for leaks: score altered logs, learn from altered labels; exit code 1 if a check fails."""
    require_there(log)
    with phases() as announce:
        announce("starting Spark")
        spark = spark_session("sparkify-audit", chosen_master(master), paths=[log, model])
        used: Model = model_at(spark, model)
        events = accepted_events(spark, log, present_ms=int(time.time() * 1000))
        checks = audit_model(events, used, seed, announce)
    show(checks)


def show(checks: list[Check]) -> None:
    """Print a line a check; leave with exit code 1 if one of them failed."""
    for check in checks:
        speech.print(Text(in_words(check)), soft_wrap=True)
    if any(check.passed is False for check in checks):
        raise typer.Exit(1)
