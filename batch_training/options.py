"""Options that several verbs of the batch job share."""

from typing import Annotated

import typer

from batch_training.threshold import Rule

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
Precision = Annotated[
    float, typer.Option(min=0.001, max=1, help="Share of the alerted that should cancel, for --threshold precision.")
]
CustomerValue = Annotated[
    float, typer.Option(min=0, help="What a customer who stays is worth, for --threshold profit.")
]
OfferCost = Annotated[float, typer.Option(min=0, help="What the offer to an alerted user costs.")]
OfferSuccess = Annotated[
    float, typer.Option(min=0, max=1, help="The chance that an offer keeps one who would have left.")
]
Threshold = Annotated[Rule, typer.Option(help="What the score from which users are alerted is chosen for.")]
