"""The whole path on one machine: a broker, a history, a model, the stream, and the weeks that follow."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from churn.errors import ChurnError
from churn.topics import CHURN_ALERTS
from churn_io import interrupts
from churn_io.kafka import create_topics
from producer.simulator import Settings as Simulation
from producer.simulator import write_log
from sandbox.broker import running_broker
from streaming.reader import Reading, alerts

START = datetime(2018, 10, 1, tzinfo=UTC)
STOP_SECONDS = 60
POLL_SECONDS = 0.5
MARK = ".sparkify-demo"  # says that the folder is a demo's, and may be deleted by the next


class DemoFailed(ChurnError):
    """A part of the demo ended with an error; says which, and where its output is."""


@dataclass(frozen=True)
class Plan:
    """How large a demo: users, days of history to learn from, days that follow live, and how fast."""

    folder: Path
    users: int = 1000
    history_days: int = 56
    live_days: int = 28
    speed: float = 24 * 3600.0
    seed: int = 7
    horizon_days: int = 10

    @property
    def log(self) -> Path:
        """All weeks in one log, a file a day."""
        return self.folder / "log"

    @property
    def truth(self) -> Path:
        """Who cancels when."""
        return self.folder / "truth.json"

    @property
    def now(self) -> datetime:
        """The moment at which history ends and the live weeks begin."""
        return START + timedelta(days=self.history_days)


@dataclass
class Run:
    """What the demo has to show, as it grows."""

    phase: str = "starting"
    seconds: dict[str, float] = field(default_factory=dict)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    progress: str = ""
    accounts: dict[str, int] = field(default_factory=dict)


def run(plan: Plan, show: Callable[[Run], None]) -> Run:
    """All phases in order; everything that was started is stopped at the end, however it ends."""
    state = Run()
    plan.folder.mkdir(parents=True, exist_ok=True)
    (plan.folder / MARK).touch()
    with ExitStack() as stack:
        with phase(state, "simulate", show):
            history = simulate(plan)
        with phase(state, "broker", show):
            broker = stack.enter_context(running_broker(plan.folder / "kafka"))
            create_topics(broker.bootstrap)
        address = ["--bootstrap", broker.bootstrap]
        models = ["--models", str(plan.folder / "models")]
        with phase(state, "train", show):
            training = started(plan, "train", ["train", str(history), *models], stack)
            filling = started(plan, "fill", ["replay", str(history), "--unpaced", *address, *kept(plan, "fill")], stack)
            finished(training, state, show)
            finished(filling, state, show)
        with phase(state, "stream", show):
            checkpoint = ["--checkpoint", str(plan.folder / "checkpoint")]
            arguments = ["score", *address, *models, *checkpoint, *kept(plan, "score")]
            scoring = started(plan, "score", arguments, stack)
            collect_alerts(Reading(broker.bootstrap, CHURN_ALERTS, follow=True), state)
            watch_until(scored_all(plan, ["fill"]), [scoring], state, show)
        with phase(state, "live", show):
            live = ["--from", plan.now.isoformat(), "--speed", str(plan.speed), *address, *kept(plan, "live")]
            replaying = started(plan, "live", ["replay", str(plan.log), *live], stack)
            watch_until(scored_all(plan, ["fill", "live"]), [replaying, scoring], state, show)
        stop(scoring)
        # once more from the beginning: what the table shows may lag behind the topic
        state.alerts = list(alerts(Reading(broker.bootstrap, CHURN_ALERTS, follow=False)))
        state.accounts = json.loads((plan.folder / "score.json").read_text())
    return state


def simulate(plan: Plan) -> Path:
    """The log of all weeks, a file a day, and the folder with its history."""
    settings = Simulation(plan.users, plan.history_days + plan.live_days, START, plan.seed)
    write_log(settings, plan.log, plan.truth, by_day=True)
    history = plan.folder / "history"
    history.mkdir()
    for file in sorted(plan.log.iterdir()):
        if file.stem < plan.now.strftime("%Y-%m-%d"):
            (history / file.name).hardlink_to(file)
    return history


def kept(plan: Plan, name: str) -> list[str]:
    """Where a program leaves its report."""
    return ["--report", str(plan.folder / f"{name}.json")]


def scored_all(plan: Plan, replays: list[str]) -> Callable[[], bool]:
    """Whether the stream has read all that these replays sent."""

    def is_scored() -> bool:
        reports = [plan.folder / f"{name}.json" for name in replays]
        books = plan.folder / "score.json"
        if not books.exists() or not all(report.exists() for report in reports):
            return False
        sent = sum(json.loads(report.read_text())["sent"] for report in reports)
        return bool(json.loads(books.read_text())["read"] >= sent)

    return is_scored


@dataclass(frozen=True)
class Part:
    """A program that the demo started, and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


def started(plan: Plan, name: str, arguments: list[str], stack: ExitStack) -> Part:
    """Start `sparkify ARGUMENTS`; it is stopped when the stack closes."""
    log = plan.folder / f"{name}.log"
    with interrupts.held(*interrupts.ENDINGS), log.open("wb") as output:
        # a session of its own: Ctrl-C reaches the demo alone, which stops its parts in order
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *arguments], stdout=output, stderr=output, start_new_session=True
        )
        part = Part(name, process, log)
        stack.callback(stop, part)
    return part


def stop(part: Part) -> None:
    """Ask the program to end between two batches, and insist after a while."""
    if part.process.poll() is None:
        part.process.terminate()
        try:
            part.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(part.process.pid, signal.SIGKILL)
            part.process.wait()


def finished(part: Part, state: Run, show: Callable[[Run], None]) -> None:
    """Wait for a program; raises DemoFailed when it did not end well."""
    while part.process.poll() is None:
        state.progress = last_line(part.log)
        show(state)
        time.sleep(POLL_SECONDS)
    if part.process.returncode:
        code = part.process.returncode
        raise DemoFailed(f"`{part.name}` ended with code {code}: {last_line(part.log)}; see {part.log}")


def collect_alerts(reading: Reading, state: Run) -> None:
    """Follow the alert topic in the background for as long as the demo runs."""

    def follow() -> None:
        for alert in alerts(reading):
            state.alerts.append(alert)

    threading.Thread(target=follow, daemon=True).start()


def watch_until(done: Callable[[], bool], parts: list[Part], state: Run, show: Callable[[Run], None]) -> None:
    """Show what the last part, the stream, says, and the alerts so far, until all is scored.

    Raises DemoFailed when a part fails, or when the stream ends at all.
    """
    scoring = parts[-1]
    while True:
        is_last = done()
        for part in parts:
            code = part.process.poll()
            if code or (code is not None and part is scoring):
                raise DemoFailed(f"`{part.name}` ended with code {code}: {last_line(part.log)}; see {part.log}")
        state.progress = last_line(scoring.log)
        show(state)
        if is_last:
            return
        time.sleep(POLL_SECONDS)


def last_line(log: Path) -> str:
    """The last line of a program's output."""
    rows = [row for row in log.read_text(errors="replace").replace("\r", "\n").splitlines() if row.strip()]
    return rows[-1] if rows else ""


@contextmanager
def phase(state: Run, name: str, show: Callable[[Run], None]) -> Iterator[None]:
    """A named part of the run, timed."""
    state.phase, state.progress = name, ""
    show(state)
    began = time.monotonic()
    yield
    state.seconds[name] = round(time.monotonic() - began, 1)
