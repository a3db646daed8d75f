"""`sparkify replay` and `sparkify simulate`."""

import json
import signal
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from churn.errors import ChurnError, InvalidLog
from churn.topics import USER_EVENTS
from churn_io.console import complaints, speech
from churn_io.files import aside
from producer import replay as replaying
from producer.pacing import Lateness, Pace
from producer.replay import Report, Selection, publisher, selected
from producer.resume import held
from producer.simulate import simulate

app = typer.Typer(no_args_is_help=True, help="file -> topic")
app.command()(simulate)

DEFAULT_SPEED = 3600.0  # an hour a second


class NotDelivered(ChurnError):
    """Some lines did not reach the broker."""


@app.command()
def replay(
    logs: Annotated[Path, typer.Argument(help="A file of JSON lines, a folder of such, or .gz.")],
    topic: Annotated[str, typer.Option()] = USER_EVENTS,
    bootstrap: Annotated[str, typer.Option(envvar="SPARKIFY_BOOTSTRAP", help="Kafka's address.")] = "localhost:9092",
    speed: Annotated[float | None, typer.Option(min=1e-6, help="Event time over wall time; 3600 by default.")] = None,
    rate: Annotated[float | None, typer.Option(min=1e-6, help="Lines a second, whatever their times.")] = None,
    unpaced: Annotated[bool, typer.Option("--unpaced", help="As fast as it goes.")] = False,
    since: Annotated[str | None, typer.Option("--from", help="First moment, ISO 8601 (UTC).")] = None,
    until: Annotated[str | None, typer.Option("--to", help="The moment after the last.")] = None,
    loop: Annotated[
        int, typer.Option(min=1, help="Play the log so often, each round later; rewrites the ts of the repeats.")
    ] = 1,
    limit: Annotated[int | None, typer.Option(min=0, help="At most so many lines.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Send what the topic lacks: goes on with a replay that was cut off.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and pace, send nothing.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the report as JSON.")] = None,
) -> None:
    """Feed a log into Kafka as a live stream: the original bytes, keyed by user, at the events' own times."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was sent is awaited and reported
    pace = chosen_pace(speed, rate, unpaced)
    selection = Selection(logs, epoch_ms(since), epoch_ms(until), limit, loop)
    known = held(bootstrap, topic, selection) if resume else None
    chosen = known.missing(selected(selection)) if known else selected(selection)
    with publisher(bootstrap, topic, dry_run) as sink, Bar() as bar:
        done = replaying.replay(chosen, sink, pace, bar)
    done = replace(done, held=known.met if known else 0)
    speech.print(in_words(done), highlight=False, soft_wrap=True)
    if report:
        with aside(report) as file:
            json.dump(done.as_dict(), file, indent=2)
    require_complete(done, selection, bootstrap)


def require_complete(done: Report, selection: Selection, bootstrap: str) -> None:
    """Raise InvalidLog, KeyboardInterrupt or NotDelivered unless lines were chosen, and all are on the topic."""
    if not done.sent and not done.held and selection.limit != 0 and not done.problem and not done.interrupted:
        raise InvalidLog(f"{selection.logs}: no line lies between --from and --to")
    if done.problem:
        raise InvalidLog(done.problem)
    if done.interrupted:
        raise KeyboardInterrupt
    if not done.is_complete:
        missing = done.sent - done.acknowledged
        raise NotDelivered(
            f"{missing} of {done.sent} lines were not acknowledged by {bootstrap}; add --resume to send them"
        )


def chosen_pace(speed: float | None, rate: float | None, unpaced: bool) -> Pace:
    """One of the three, or the default speed."""
    if sum((speed is not None, rate is not None, unpaced)) > 1:
        raise typer.BadParameter("--speed, --rate and --unpaced exclude each other")
    if unpaced:
        return Pace()
    return Pace(rate=rate) if rate is not None else Pace(speed=speed or DEFAULT_SPEED)


def epoch_ms(moment: str | None) -> int | None:
    """ISO 8601 to epoch ms; UTC unless it names an offset."""
    if moment is None:
        return None
    try:
        parsed = datetime.fromisoformat(moment)
    except ValueError as error:
        raise typer.BadParameter(f"{moment!r} is no ISO 8601 time, such as 2018-11-01 or 2018-11-01T12:00") from error
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def in_words(report: Report) -> str:
    """The report in one line."""
    how = "read (dry run)" if report.dry_run else f"sent, {report.acknowledged} acknowledged, {report.failed} failed"
    volume = f"{report.bytes / 1e6:.1f} MB in {report.seconds:.1f} s = {report.rate:.0f}/s"
    lateness = f"lateness p50 {report.lateness_p50_ms:.1f} ms, p99 {report.lateness_p99_ms:.1f} ms"
    end = "interrupted: " if report.interrupted else ""
    before = f"; {report.held} were there before" if report.held else ""
    return f"{end}{report.sent} lines {how}{before}; {report.bad_lines} bad lines; {volume}; {lateness}"


class Bar(Progress):
    """Lines so far, their rate, and how late the slowest hundredth is."""

    def __init__(self) -> None:
        columns = (TextColumn("replaying"), BarColumn(), TextColumn("{task.fields[text]}"), TimeElapsedColumn())
        super().__init__(*columns, console=complaints)
        self._bar = self.add_task("replay", total=None, text="")

    def __call__(self, progress: replaying.Progress, lateness: Lateness) -> None:
        rate = progress.sent / max(self.tasks[0].elapsed or 0.0, 1e-3)
        text = f"{progress.sent} lines, {rate:.0f}/s, lateness p99 {lateness.quantile_ms(0.99):.0f} ms"
        self.update(self._bar, text=text)
