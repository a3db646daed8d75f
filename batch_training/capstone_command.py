"""`sparkify train --protocol capstone`: figures to compare with published ones, and no model."""

import time
from enum import StrEnum

import typer

from batch_training.capstone import usual
from batch_training.capstone_report import reasons, table
from batch_training.logs import require_there
from batch_training.phases import phases
from batch_training.report import summary
from churn_io.console import speech
from churn_io.session import chosen_master, spark_session


class Protocol(StrEnum):
    """How a training run describes users, splits them and measures."""

    snapshots = "snapshots"
    capstone = "capstone"


def refuse_options(**given: bool) -> None:
    """Raise BadParameter for an option that has no meaning where no model is made."""
    wrong = [f"--{name}" for name, is_given in given.items() if is_given]
    if wrong:
        raise typer.BadParameter(
            f"--protocol {Protocol.capstone} makes no model to tune, promote or shadow; "
            f"leave {' and '.join(wrong)} out",
            param_hint="--protocol",
        )


def show_usual(log: str, seed: int, master: str | None, models: str) -> None:
    """Print the account of the log, the figures, why they flatter, and that no model came of it. Raises InvalidLog."""
    require_there(log)
    with phases() as announce:
        announce("starting Spark")
        spark = spark_session("sparkify-train", chosen_master(master), paths=[log])
        found = usual(spark, log, seed, round(time.time() * 1000), announce)
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
