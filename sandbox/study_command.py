"""`sparkify study`: every figure that the project claims, measured."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from churn_io.console import speech
from churn_io.session import chosen_master, spark_session
from sandbox.study.job import PARTS, measured
from sandbox.study.run import Plan, Run

app = typer.Typer()

StudyPart = StrEnum("StudyPart", list(PARTS))  # type: ignore[misc]  # mypy wants the names as literals


@app.command()
def study(
    folder: Annotated[Path, typer.Option(help="For report.json, and for each log while it is needed.")] = Path(
        "build/study"
    ),
    only: Annotated[
        list[StudyPart] | None, typer.Option(help="A part; may be repeated; all unless one is named.")
    ] = None,
    sizes: Annotated[
        list[int] | None, typer.Option("--users", min=1, help=f"Sizes of the forecast's populations; {Plan.sizes}.")
    ] = None,
    seeds: Annotated[
        list[int] | None, typer.Option("--seed", min=0, max=2**31 - 1, help=f"Which populations; {Plan.seeds}.")
    ] = None,
    cost_sizes: Annotated[
        list[int] | None,
        typer.Option("--cost-users", min=1, help=f"Users of the logs that are timed; {Plan.cost_sizes}."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure again what report.json holds already.")] = False,
) -> None:
    """Measure what the project claims: the forecast beside an oracle, the cost of training, Spark beside DuckDB."""
    folder.mkdir(parents=True, exist_ok=True)
    spark = spark_session("sparkify-study", chosen_master(None))
    each = (sizes or Plan.sizes, seeds or Plan.seeds, cost_sizes or Plan.cost_sizes)
    plan = Plan(folder, *(sorted(set(numbers)) for numbers in each))
    run = Run(spark, plan, lambda phase: speech.print(phase, style="dim", highlight=False))
    if fresh:
        run.report.unlink(missing_ok=True)
    for shown in measured(run, [part.value for part in only or StudyPart]):
        speech.print(shown)
    speech.print(f"the same figures, and more: {run.report}", highlight=False, soft_wrap=True)
