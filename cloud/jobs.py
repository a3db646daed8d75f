"""A training on EMR as a value: what runs, under which name, with which settings; and how its state is told."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Protocol

from churn.errors import BadSetup
from cloud.aws import Aws, Call
from cloud.building import ENTRY, ENVIRONMENT, WHEEL
from cloud.package import Manifest
from cloud.places import Place
from cloud.releases import INTERPRETER
from cloud.sizing import EXECUTOR_CORES, Size

PROJECT_TAG = {"project": "sparkify-churn"}
TOKEN_CHARACTERS = 12  # of the digest, in a name that people read
PARTITIONS_PER_CORE = 2


@dataclass(frozen=True)
class Wish:
    """What is to be trained: a log, into which registry, with which options of `sparkify train`.

    `logs` is where EMR leaves what the job says; `run` a name of the user's: once in that name is once.
    """

    log: Place
    models: Place
    logs: Place
    run: str
    options: tuple[str, ...] = ()
    timeout_minutes: int = 120
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A wish, the package that fulfils it, and the size of the cluster."""

    wish: Wish
    package: Place
    manifest: Manifest
    size: Size

    @property
    def token(self) -> str:
        """The same for the same run of the same content, whatever the log's size is by now; AWS starts it once."""
        wish = self.wish
        content = [wish.run, str(wish.log), str(wish.models), list(wish.options), self.manifest.digest]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @property
    def name(self) -> str:
        """The run's name, with as much of the token as tells it from others."""
        return f"{self.wish.run}-{self.token[:TOKEN_CHARACTERS]}"

    @property
    def entry(self) -> str:
        """Where the script lies that Spark starts."""
        return str(self.manifest.at(self.package, ENTRY))

    @property
    def archives(self) -> str:
        """The archives, with the folder that each is unpacked into."""
        project, environment = (self.manifest.at(self.package, name) for name in (WHEEL, ENVIRONMENT))
        return f"{project}#sparkify,{environment}#environment"

    @property
    def arguments(self) -> list[str]:
        """What the script is given: the time limit, then the words of `sparkify train`."""
        wish = self.wish
        return [str(wish.timeout_minutes), "train", str(wish.log), "--models", str(wish.models), *wish.options]

    @property
    def tags(self) -> dict[str, str]:
        """The project's tag, the run's, and the user's."""
        return {**PROJECT_TAG, "run": self.wish.run, **self.wish.tags}

    def spark_settings(self, driver_memory: str, executor_memory: str) -> dict[str, str]:
        """What both ways of running on EMR are told."""
        executors = str(self.size.executors)
        return {
            "spark.pyspark.python": INTERPRETER,
            "spark.executorEnv.PYSPARK_PYTHON": INTERPRETER,
            "spark.executorEnv.PYTHONPATH": "./sparkify:./environment",
            "spark.driver.cores": str(EXECUTOR_CORES),
            "spark.driver.memory": driver_memory,
            "spark.executor.cores": str(EXECUTOR_CORES),
            "spark.executor.memory": executor_memory,
            # Serverless would begin with three, by either name and whatever the most is
            "spark.executor.instances": executors,
            "spark.dynamicAllocation.initialExecutors": executors,
            "spark.dynamicAllocation.maxExecutors": executors,
            "spark.sql.shuffle.partitions": str(PARTITIONS_PER_CORE * self.size.cores),
        }


def words(settings: dict[str, str]) -> list[str]:
    """Spark's settings as words of a command."""
    return [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]


@dataclass(frozen=True)
class Handle:
    """A job that was started: an application's run, or a cluster's step; written OWNER/JOB."""

    owner: str
    job: str

    @property
    def is_step(self) -> bool:
        """Whether it is a step on a cluster."""
        return self.owner.startswith("j-")

    def __str__(self) -> str:
        return f"{self.owner}/{self.job}"


def handle_from(text: str) -> Handle:
    """The handle that `sparkify emr submit` printed; raises BadSetup for another text."""
    owner, slash, job = text.partition("/")
    if not (owner and slash and job) or "/" in job or owner.startswith("j-") != job.startswith("s-"):
        raise BadSetup(f"{text}: wanted is APPLICATION/RUN or j-CLUSTER/s-STEP, as `sparkify emr submit` printed it")
    return Handle(owner, job)


@dataclass(frozen=True)
class State:
    """How a job is: AWS's word for it, whether it is over and went well, and why it did not; where its logs lie."""

    word: str
    is_over: bool
    is_success: bool
    reason: str = ""
    logs: str = ""

    @property
    def failure(self) -> str | None:
        """AWS's word and why, of a job that has ended badly; None for any other."""
        if not self.is_over or self.is_success:
            return None
        return f"{self.word}: {self.reason or 'AWS gives no reason'}"


class Target(Protocol):
    """Where a job is to run."""

    @property
    def kind(self) -> str:
        """As `sizing` names it."""

    def check(self) -> list[Call]:
        """The calls that say whether a job can run there."""

    def require(self, answers: list[dict[str, Any]], manifest: Manifest) -> None:
        """Raise BadSetup or BadPackage when a job cannot run there, by what the checks have answered."""

    def lookup(self, job: Job) -> Call:
        """The call that lists what has been started before."""

    def found(self, aws: Aws, job: Job) -> Handle | None:
        """The job, if it has been started before."""

    def start(self, job: Job) -> Call:
        """The call that starts the job."""

    def started(self, aws: Aws, answer: dict[str, Any]) -> Handle:
        """The job that the answer tells of."""
