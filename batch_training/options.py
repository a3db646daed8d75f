"""Options that several verbs of the batch job share."""

from typing import Annotated

import typer

Log = Annotated[
    str, typer.Argument(metavar="LOGS", help="A file or folder of JSON lines (.gz too) or Parquet; s3:// too.")
]
Master = Annotated[
    str | None,
    typer.Option(envvar="SPARKIFY_MASTER", help="Spark's master; local[*] unless spark-submit runs this program."),
]
