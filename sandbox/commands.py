"""`sparkify kafka`: the local broker."""

from pathlib import Path
from typing import Annotated

import typer

from churn_io.console import speech
from churn_io.kafka import create_topics
from sandbox import broker

app = typer.Typer(no_args_is_help=True, help="A local Kafka broker, without Docker.")

NOT_RUNNING = 3  # as service scripts say it
Data = Annotated[Path, typer.Option(help="The broker's folder: data, settings, log.")]
DEFAULT_DATA = Path("build/kafka")


@app.command()
def start(
    data: Data = DEFAULT_DATA,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = 9092,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what the broker holds.")] = False,
) -> None:
    """Start the broker and create the topics."""
    running = broker.start(data, port, fresh)
    created = create_topics(running.bootstrap)
    speech.print(f"Kafka answers at {running.bootstrap}; log: {running.log}", soft_wrap=True, highlight=False)
    speech.print(f"topics created: {', '.join(created) or 'none, all are there'}", highlight=False)


@app.command()
def stop(data: Data = DEFAULT_DATA) -> None:
    """Stop the broker; its data stay."""
    speech.print("stopped" if broker.stop(data) else "was not running")


@app.command()
def status(data: Data = DEFAULT_DATA) -> None:
    """Say whether the broker runs; exit code 3 when it does not."""
    found = broker.Broker(data)
    pid = found.pid()
    if pid is None:
        speech.print("not running")
        raise typer.Exit(NOT_RUNNING)
    speech.print(f"running at {found.bootstrap}, pid {pid}, log: {found.log}", soft_wrap=True, highlight=False)


@app.command()
def topics(bootstrap: Annotated[str, typer.Option(envvar="SPARKIFY_BOOTSTRAP")] = "localhost:9092") -> None:
    """Create the topics that are missing at a broker."""
    speech.print(f"topics created: {', '.join(create_topics(bootstrap)) or 'none, all are there'}", highlight=False)
