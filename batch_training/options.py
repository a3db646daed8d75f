"""Options that several verbs of the batch job share."""

from typing import Annotated

import typer

Log = Annotated[
    str,
    typer.Argument(
        metavar="LOGS", help="JSON lines (.gz too) or Parquet, a file or folder, s3:// too; or kafka://HOST:PORT/TOPIC."
    ),
]
Master = Annotated[
    str | None,
    typer.Option(envvar="SPARKIFY_MASTER", help="Spark's master; local[*] unless spark-submit runs this program."),
]
Horizon = Annotated[int, typer.Option(min=1, max=28, help="A cancel within how many days is forecast.")]
Budget = Annotated[
    float, typer.Option(min=0.001, max=0.5, help="Share of the live users that may be alerted in a week.")
]
