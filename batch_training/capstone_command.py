"""`sparkify train --protocol capstone`: figures to compare with published ones, and no model."""

import time
from enum import StrEnum

import typer

from batch_training.capstone import Usual, usual
from batch_training.capstone_report import reasons, table
from batch_training.logs import require_there
from batch_training.phases import Announce
from batch_training.report import summary
from churn_io.console import speech
from churn_io.session import chosen_master, spark_session


class Protocol(StrEnum):
    """How a training run describes users, splits them and measures."""

    snapshots = "snapshots"
    capstone = "capstone"


def usual_figures(log: str, seed: int, master: str | None, announce: Announce) -> Usual:
    """The figures of the usual protocol on a log. Raises InvalidLog."""
    require_there(log)
    announce("starting Spark")
    spark = spark_session("sparkify-train", chosen_master(master), paths=[log])
    return usual(spark, log, seed, round(time.time() * 1000), announce)


def refuse_promotion(promote: bool) -> None:
    """Raise BadParameter when a model is to be promoted, since there will be none."""
    if promote:
        raise typer.BadParameter(
            f"--protocol {Protocol.capstone} makes no model that could be promoted; leave one of the two out",
            param_hint="--promote",
        )


def show(found: Usual, models: str) -> None:
    """Print the account of the log, the figures, why they flatter, and that no model came of it."""
    speech.print(summary(found.counts))
    speech.print(table(found))
    for sentence in reasons(found):
        speech.print(sentence, markup=False, highlight=False)
    speech.print(
        f"No model is registered at {models}: what was learnt here cannot score a live user. "
        "Of the options only --seed and --master play a part.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
