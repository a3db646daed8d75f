"""`sparkify kafka`, the local broker; and `sparkify demo`, the whole path."""

import json
import shutil
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from churn.errors import BadSetup
from churn_io.console import speech
from churn_io.kafka import create_topics
from sandbox import broker, outcome
from sandbox import demo as whole_path
from streaming.reader import as_table

app = typer.Typer(no_args_is_help=True, help="A local Kafka broker, without Docker.")
demo_app = typer.Typer()

ALERTS_SHOWN = 8


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
    if port and not running.bootstrap.endswith(f":{port}"):
        raise BadSetup(f"a broker of {data} runs at {running.bootstrap} already; `sparkify kafka stop` it first")
    created = create_topics(running.bootstrap)
    speech.print(f"Kafka answers at {running.bootstrap}; log: {running.log}", soft_wrap=True, highlight=False)
    speech.print(f"topics created: {', '.join(created) or 'none, all are there'}", highlight=False)


@app.command()
def stop(data: Data = DEFAULT_DATA) -> None:
    """Stop the broker; its data stay."""
    speech.print("stopped" if broker.stop(data) else f"no broker of {data} was running", soft_wrap=True)


@app.command()
def status(data: Data = DEFAULT_DATA) -> None:
    """Say whether the broker runs; exit code 3 when it does not."""
    found = broker.Broker(data)
    pid = found.pid()
    if pid is None:
        speech.print(f"no broker of {data} is running", soft_wrap=True)
        raise typer.Exit(NOT_RUNNING)
    speech.print(f"running at {found.bootstrap}, pid {pid}, log: {found.log}", soft_wrap=True, highlight=False)


@app.command()
def topics(bootstrap: Annotated[str, typer.Option(envvar="SPARKIFY_BOOTSTRAP")] = "localhost:9092") -> None:
    """Create the topics that are missing at a broker."""
    speech.print(f"topics created: {', '.join(create_topics(bootstrap)) or 'none, all are there'}", highlight=False)


@demo_app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Made anew: data, models, logs, report.json.")] = Path("build/demo"),
    users: Annotated[int, typer.Option(min=200, help="How many simulated users.")] = whole_path.Plan.users,
) -> None:
    """Run everything on this machine: broker, history, training, stream, the weeks that follow, and what came of it."""
    clear(folder)
    plan = whole_path.Plan(folder, users)
    for number in (signal.SIGTERM, signal.SIGHUP):  # like Ctrl-C: what was started is stopped
        signal.signal(number, signal.default_int_handler)
    with Live(console=speech, refresh_per_second=4, vertical_overflow="crop") as live:
        run = whole_path.run(plan, lambda state: live.update(screen(state)))
    figures = outcome.outcome(plan, run)
    report = folder / "report.json"
    report.write_text(json.dumps(figures, indent=2))
    speech.print()  # the live table leaves the line that it is on open
    for sentence in outcome.in_words(figures):
        speech.print(sentence, highlight=False, soft_wrap=True)
    speech.print(f"the same figures: {report}", highlight=False, soft_wrap=True)


def clear(folder: Path) -> None:
    """Forget an earlier demo, its broker stopped; raises BadSetup for a folder that holds something else."""
    broker.stop(folder / "kafka")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / whole_path.MARK).exists():
        raise BadSetup(f"{folder} holds something else than a demo, and will not be deleted; name another --folder")
    shutil.rmtree(folder, ignore_errors=True)


def screen(state: whole_path.Run) -> Group:
    """The phases so far, what the running one says, and the latest alerts."""
    done = "  ".join(f"✓ {name} {spent:.0f} s" for name, spent in state.seconds.items())
    newest = as_table(state.alerts[-ALERTS_SHOWN:])
    newest.title = f"{len(state.alerts)} alerts so far" if state.alerts else "no alerts yet"
    return Group(Text(f"{done}  ▸ {state.phase}"), Text(state.progress, style="dim", overflow="ellipsis"), newest)
