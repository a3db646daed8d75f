"""The engines that are compared, each as a command that drains the stage's topic."""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from benchmarks.stage import HERE, Stage, python_with, result_topics, run, score_command
from churn.topics import CHURN_SCORES, USER_EVENTS

PEERS = HERE / "peers"
QUIX_PROCESSES = 2  # one a partition of the topic
QUIX_WAIT_SECONDS = 5
DRAIN = ("--available-now", "--sweep-days", "0")  # without the sweep at the end: the peers have none


@dataclass(frozen=True)
class Outcome:
    """One run of an engine: wall seconds of its processes from start to end, and where its results are."""

    engine: str
    events: int
    seconds: float
    scores_topic: str = ""
    checkpoint: str = ""

    @property
    def rate(self) -> float:
        """Events a second, start-up included."""
        return self.events / self.seconds


Engine = Callable[[Stage, str], Outcome]  # (stage, a name that no run before had) -> outcome


def parse(stage: Stage, name: str) -> Outcome:
    """Reads and parses alone."""
    checkpoint = fresh(stage.checkpoint(name))
    command = [sys.executable, "-m", "benchmarks.parse", stage.bootstrap, USER_EVENTS, str(checkpoint)]
    return Outcome("parse", stage.events, timed([command]))


def product(stage: Stage, name: str) -> Outcome:
    """The whole query: validation, state, scores, reasons, alerts, dead letters, checkpoint."""
    checkpoint = fresh(stage.checkpoint(name))
    seconds = timed([score_command(stage, name, *DRAIN)])
    return Outcome("product", stage.events, seconds, f"{CHURN_SCORES}-{name}", str(checkpoint))


def plain(stage: Stage, name: str) -> Outcome:
    """A Python loop over a dictionary."""
    scores, *_ = result_topics(stage, name)
    return Outcome("plain", stage.events, timed([peer(stage, "plain", PEERS / "requirements.txt", scores)]), scores)


def quix(stage: Stage, name: str) -> Outcome:
    """Quix Streams, a process a partition; less the wait after which a process believes that no record is left."""
    scores, *_ = result_topics(stage, name)
    group = ["--group", name]
    command = [*peer(stage, "quix", PEERS / "requirements.txt", scores), *group]
    folders = [fresh(stage.checkpoint(f"{name}-{number}")) for number in range(QUIX_PROCESSES)]
    seconds = timed([[*command, "--state", str(folder)] for folder in folders]) - QUIX_WAIT_SECONDS
    run([*peer(stage, "quix_final", PEERS / "requirements.txt", scores), *group])
    return Outcome("quix", stage.events, seconds, scores)


def flink(stage: Stage, name: str) -> Outcome:
    """PyFlink's SQL, with checkpoints."""
    scores, *_ = result_topics(stage, name)
    folder = fresh(stage.checkpoint(name))
    command = [*peer(stage, "flink", PEERS / "requirements-flink.txt", scores), "--state", str(folder)]
    return Outcome("flink", stage.events, timed([command]), scores)


ENGINES: dict[str, Engine] = {engine.__name__: engine for engine in (parse, product, plain, quix, flink)}


def peer(stage: Stage, program: str, requirements: Path, scores: str) -> list[str]:
    """The command of a peer's program, in an environment of its own."""
    python = python_with(requirements, stage.folder / requirements.stem)
    where = ["--bootstrap", stage.bootstrap, "--topic", USER_EVENTS, "--out", scores]
    return [str(python), str(PEERS / f"{program}.py"), *where, "--events", str(stage.events)]


def timed(commands: list[list[str]]) -> float:
    """The wall seconds from the first start to the last end of commands that run at the same time."""
    began = time.monotonic()
    with ThreadPoolExecutor(len(commands)) as side_by_side:
        list(side_by_side.map(run, commands))
    return time.monotonic() - began


def fresh(folder: Path) -> Path:
    """A folder that is not there yet."""
    rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder
