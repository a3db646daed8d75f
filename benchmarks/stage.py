"""What all engines run on: a broker of its own, a filled topic, a model, and the peers' own Python environments."""

import json
import subprocess
import sys
import uuid
import venv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from churn.errors import BadSetup
from churn.topics import CHURN_ALERTS, CHURN_SCORES, REJECTED_EVENTS, TOPICS, USER_EVENTS
from churn_io.kafka import create_topics
from sandbox.broker import running_broker

HERE = Path(__file__).parent
TRAINING_USERS = 1_000
LIMIT_SECONDS = 1_800  # for one command
FEW = 10_000  # users
FEW_LINES = 100  # of a log: some of them with a user, who is scored
ROWS_A_USER_AND_DAY = 19  # of a simulated log
EVEN_DAYS = 28  # a log's length from which it has hardly more or fewer rows a day than others
SETTINGS = {topic.name: topic for topic in TOPICS}
# of half an hour of scores the broker would keep the newest a user, and so only the last minutes' delays
SETTINGS[CHURN_SCORES] = replace(SETTINGS[CHURN_SCORES], config={"cleanup.policy": "delete"})


@dataclass(frozen=True)
class Stage:
    """A running broker whose topic holds `events` records of `users`, and a registry with a model in force."""

    folder: Path
    bootstrap: str
    events: int
    users: int
    log: Path
    fill_rate: float  # records a second that the producer reached, kafka-python in one process

    @property
    def models(self) -> Path:
        """The registry."""
        return self.folder / "models"

    def checkpoint(self, name: str) -> Path:
        """Where an engine's run of that name keeps its state."""
        return self.folder / "checkpoints" / name


@contextmanager
def set_up(
    folder: Path, events: int, users: int, filled: int | None = None, partitions: int | None = None
) -> Iterator[Stage]:
    """The stage, with a log of so many events, of which the first `filled` (None: all) are on the topic.

    `partitions` None: as many as the product's topic has. The broker is stopped at the block's end, log and model are
    kept for the next run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "models" / "current").exists():
        training = folder / "training.json"
        sparkify("simulate", "--users", TRAINING_USERS, "--seed", 7, "--out", training)
        sparkify("train", training, "--learner", "logistic", "--models", folder / "models")
    log = simulated_log(folder, events, users)
    with running_broker(folder / "kafka") as broker:
        of_events = SETTINGS[USER_EVENTS]
        create_topics(broker.bootstrap, [replace(of_events, partitions=partitions or of_events.partitions)])
        report = folder / "replay.json"
        wanted = events if filled is None else filled
        sparkify("replay", log, "--unpaced", "--limit", wanted, "--bootstrap", broker.bootstrap, "--report", report)
        replayed = json.loads(report.read_text())
        if replayed["acknowledged"] < wanted:
            raise BadSetup(
                f"{log}: wanted are {wanted} rows, found {replayed['acknowledged']}; delete it, or ask for fewer"
            )
        stage = Stage(folder, broker.bootstrap, wanted, users, log, replayed["rate"])
        warm_up(stage)
        yield stage


def warm_up(stage: Stage) -> None:
    """A stream that nobody times: its end leaves the archive of the JVM's classes that the next ones start with."""
    name = f"warm-{uuid.uuid4().hex[:6]}"
    (events,) = new_topics(stage.bootstrap, [USER_EVENTS], name)
    sparkify("replay", stage.log, "--unpaced", "--limit", FEW_LINES, "--bootstrap", stage.bootstrap, "--topic", events)
    run(score_command(stage, name, "--topic", events, "--available-now"))


def simulated_log(folder: Path, events: int, users: int) -> Path:
    """A log of at least so many events, made at the first call."""
    log = folder / f"log-{users}-{events}.json"
    if not log.exists():
        # more than needed: quiet days come too, and of few users more of them; and a log of hours begins at night.
        # Over months the days even out
        days = events / users / ROWS_A_USER_AND_DAY
        spare = days * (0.5 if days < EVEN_DAYS else 0.1) + min(1.0, FEW / users)
        sparkify("simulate", "--users", users, "--days", round(days + spare, 2), "--out", log)
    return log


def sparkify(*arguments: object) -> None:
    """Run a command of the product, and show what it says only if it fails: raises BadSetup then."""
    run([sys.executable, "-m", "sandbox", *map(str, arguments)])


def run(command: list[str]) -> str:
    """What a command prints; raises BadSetup with its last words when it fails, or takes longer than LIMIT_SECONDS."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=HERE.parent, timeout=LIMIT_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise BadSetup(
            f"{' '.join(command[:4])} … took longer than {LIMIT_SECONDS} s; leave it out with --engine"
        ) from error
    if done.returncode:
        raise BadSetup(f"{' '.join(command[:4])} … ended with {done.returncode}: {(done.stdout + done.stderr)[-600:]}")
    return done.stdout


def new_topics(bootstrap: str, known: Iterable[str], name: str) -> list[str]:
    """Topics with the settings of the product's of these names, each with `name` behind its own; scores stay."""
    topics = [replace(SETTINGS[each], name=f"{each}-{name}") for each in known]
    create_topics(bootstrap, topics)
    return [topic.name for topic in topics]


def result_topics(stage: Stage, name: str) -> list[str]:
    """New ones for an engine's results: scores, alerts, dead letters."""
    return new_topics(stage.bootstrap, (CHURN_SCORES, CHURN_ALERTS, REJECTED_EVENTS), name)


def score_command(stage: Stage, name: str, *options: str) -> list[str]:
    """`sparkify score` with the stage's broker and models, and a checkpoint and new result topics of that name."""
    scores, alerts, rejected = result_topics(stage, name)
    topics = ["--scores-topic", scores, "--alerts-topic", alerts, "--rejected-topic", rejected]
    where = ["--bootstrap", stage.bootstrap, "--models", str(stage.models), "--checkpoint", str(stage.checkpoint(name))]
    return [sys.executable, "-m", "sandbox", "score", *where, *topics, *options]


def python_with(requirements: Path, folder: Path) -> Path:
    """The Python of an environment with what a peer needs, made at the first call; raises BadSetup."""
    python = folder / "bin" / "python"
    ready = folder / ".installed"
    if not ready.exists():
        venv.create(folder, with_pip=True)
        run([str(python), "-m", "pip", "install", "--quiet", "--requirement", str(requirements)])
        ready.touch()
    return python
