"""`sparkify data`: the public data sets."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn
from rich.text import Text

from churn_io.console import speech
from cloud.public_data import SETS, fetched

app = typer.Typer(no_args_is_help=True, help="The public data sets.")

DataSet = StrEnum("DataSet", list(SETS))  # type: ignore[misc]  # mypy wants the names as literals


@app.callback()
def data() -> None:
    """The public data sets."""


@app.command()
def fetch(
    name: Annotated[DataSet, typer.Argument(metavar="mini|full", help="128 MB, or 12 GB.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Made if missing.")] = Path("data"),
) -> None:
    """Fetch a public set, resume a fetch that broke off, and compare what came with the server's checksum."""
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=speech, transient=True) as progress:
        task = progress.add_task(name.value)
        path, found = fetched(name.value, out, lambda here, all_: progress.update(task, completed=here, total=all_))
    speech.print(Text(f"{path}: {found}"), soft_wrap=True)
