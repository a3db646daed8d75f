"""EMR Serverless: a training as a job run of an application."""

from dataclasses import dataclass
from typing import Any

from churn.errors import BadPackage, NotThere
from cloud.aws import Aws, Call
from cloud.jobs import Handle, Job, State, words
from cloud.package import Manifest
from cloud.places import Place
from cloud.releases import INTERPRETER, release

SERVICE = "emr-serverless"
MEMORY = "14g"  # with Spark's tenth on top a worker of 16 GB, as AWS's own default is
OVER = {"SUCCESS", "FAILED", "CANCELLED"}


@dataclass(frozen=True)
class Serverless:
    """An application, and the role that its jobs run as."""

    application: str
    role: str
    kind: str = "serverless"

    def check(self) -> list[Call]:
        """The application's release and processor."""
        return [Call(SERVICE, "get_application", {"applicationId": self.application})]

    def require(self, answers: list[dict[str, Any]], manifest: Manifest) -> None:
        """Raise BadSetup for an unknown release, BadPackage for another processor."""
        application = answers[0]["application"]
        release(application["releaseLabel"])
        processor = application.get("architecture", "X86_64").lower()
        if processor != manifest.architecture:
            raise BadPackage(
                f"{self.application} runs on {processor}, the package is for {manifest.architecture}; "
                f"run `sparkify emr package` with --architecture {processor}"
            )

    def lookup(self, job: Job) -> Call:
        """The application's runs."""
        return Call(SERVICE, "list_job_runs", {"applicationId": self.application})

    def found(self, aws: Aws, job: Job) -> Handle | None:
        """A run of the job's name; the client token alone forgets after some hours."""
        try:
            for run in aws.entries(self.lookup(job), "jobRuns"):
                if run.get("name") == job.name:
                    return Handle(self.application, run["id"])
        except NotThere:
            return None  # an application without any run may answer so; `check` has seen that it is there
        return None

    def start(self, job: Job) -> Call:
        """StartJobRun with a client token: a repeat starts nothing."""
        settings = job.spark_settings(MEMORY, MEMORY) | {
            "spark.archives": job.archives,
            "spark.emr-serverless.driverEnv.PYSPARK_PYTHON": INTERPRETER,
        }
        submitted = {
            "entryPoint": job.entry,
            "entryPointArguments": job.arguments,
            "sparkSubmitParameters": " ".join(words(settings)),
        }
        log_place = {"s3MonitoringConfiguration": {"logUri": f"{job.wish.logs}/"}}
        parameters = {
            "applicationId": self.application,
            "clientToken": job.token,
            "executionRoleArn": self.role,
            "name": job.name,
            "jobDriver": {"sparkSubmit": submitted},
            "configurationOverrides": {"monitoringConfiguration": log_place},
            "executionTimeoutMinutes": job.wish.timeout_minutes,
            "tags": job.tags,
        }
        return Call(SERVICE, "start_job_run", parameters)

    def started(self, aws: Aws, answer: dict[str, Any]) -> Handle:
        """The run that was started."""
        return Handle(self.application, answer["jobRunId"])


def parameters(run: Handle) -> dict[str, str]:
    """How the API names a run."""
    return {"applicationId": run.owner, "jobRunId": run.job}


def state(aws: Aws, run: Handle) -> State:
    """How the run is."""
    found = aws.answer(Call(SERVICE, "get_job_run", parameters(run)))["jobRun"]
    word = found["state"]
    overrides = found.get("configurationOverrides") or {}
    monitoring = overrides.get("monitoringConfiguration", {}).get("s3MonitoringConfiguration", {})
    logs = monitoring.get("logUri", "")
    return State(word, word in OVER, word == "SUCCESS", found.get("stateDetails") or "", logs)


def log_folder(run: Handle, logs: Place) -> Place:
    """Where the run's logs lie."""
    return logs / f"applications/{run.owner}/jobs/{run.job}"


def is_driver_log(key: str) -> bool:
    """Whether an object below that folder is what the driver has said."""
    return "/SPARK_DRIVER/" in key and key.endswith((".gz", "stdout", "stderr"))


def cancel(run: Handle) -> Call:
    """The call that ends a run."""
    return Call(SERVICE, "cancel_job_run", parameters(run))
