"""`sparkify simulate`: a log of any size, with the truth behind it if asked."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TimeRemainingColumn

from churn_io.console import complaints, speech
from producer.simulator import Settings, write_log


def simulate(
    out: Annotated[Path, typer.Option(help="A .json or .json.gz file; with --by-day a folder.")],
    users: Annotated[int, typer.Option(help="Registered users at the start; a few come later.")] = 225,
    days: Annotated[float, typer.Option(help="How long the log runs.")] = 61,
    start: Annotated[datetime, typer.Option(help="Its first day (UTC).")] = datetime(2018, 10, 1),
    seed: Annotated[int, typer.Option(help="The same seed makes the same log.")] = 42,
    by_day: Annotated[bool, typer.Option("--by-day", help="One file a day.")] = False,
    drift_day: Annotated[
        float | None, typer.Option(min=0, help="After so many days other users cancel, with habits as before.")
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="Write each user's hidden segment, rates and cancel.")] = None,
) -> None:
    """Make a Sparkify log."""
    settings = Settings(users, days, start.replace(tzinfo=UTC), seed, drift_day)
    with Progress(*Progress.get_default_columns()[:-1], TimeRemainingColumn(), console=complaints) as bar:
        task = bar.add_task("simulating", total=1.0)
        summary = write_log(
            settings, out, truth, by_day, lambda share, rows: bar.update(task, completed=share, rows=rows)
        )
    speech.print(
        f"{out}: {summary.rows} rows, {summary.users} users, {summary.cancels} cancel, "
        f"{summary.bytes / 1e6:.0f} MB, {summary.rows / summary.seconds:.0f} rows/s",
        highlight=False,
        soft_wrap=True,
    )
