"""`sparkify study`: every figure that the project claims, measured."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from churn_io.console import speech

app = typer.Typer()

SIZES, SEEDS, COST_SIZES = [225, 448, 2500, 22277], [11, 12, 13, 14, 15], [870, 2600, 8700]  # as of run.Plan


class StudyPart(StrEnum):
    """What `sparkify study` measures; sandbox.study.job has a module for each."""

    FORECAST = "forecast"
    COST = "cost"
    DUCKDB = "duckdb"
    CAPSTONE = "capstone"
    SCORING = "scoring"
    ABLATION = "ablation"


@app.command()
def study(
    folder: Annotated[Path, typer.Option(help="For report.json, and for each log while it is needed.")] = Path(
        "build/study"
    ),
    only: Annotated[
        list[StudyPart] | None, typer.Option(help="A part; may be repeated; all unless one is named.")
    ] = None,
    sizes: Annotated[
        list[int], typer.Option("--users", min=1, help="Sizes of the forecast's populations; may be repeated.")
    ] = SIZES,
    seeds: Annotated[list[int], typer.Option("--seed", help="Which populations; may be repeated.")] = SEEDS,
    cost_sizes: Annotated[
        list[int], typer.Option("--cost-users", min=1, help="Users of the logs that are timed; about 1,150 rows each.")
    ] = COST_SIZES,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure again what report.json holds already.")] = False,
) -> None:
    """Measure what the project claims: the forecast beside an oracle, the cost of training, Spark beside DuckDB."""
    # only this command needs the learners
    from churn_io.session import chosen_master, spark_session  # noqa: PLC0415
    from sandbox.study import job  # noqa: PLC0415
    from sandbox.study.run import Plan, Run  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    spark = spark_session("sparkify-study", chosen_master(None))
    plan = Plan(folder, sorted(set(sizes)), sorted(set(seeds)), sorted(set(cost_sizes)))
    run = Run(spark, plan, lambda phase: speech.print(phase, style="dim", highlight=False))
    if fresh:
        run.report.unlink(missing_ok=True)
    for shown in job.study(run, [part.value for part in only or StudyPart]):
        speech.print(shown)
    speech.print(f"the same figures, and more: {run.report}", highlight=False, soft_wrap=True)
