"""What a job has said: the step's and the driver's stdout and stderr, fetched from S3 and unpacked."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from churn.errors import CloudUnavailable, NotThere
from cloud import runs, serverless, step_states
from cloud.aws import Aws
from cloud.jobs import Handle
from cloud.places import Place, below, content, place


@dataclass(frozen=True)
class Log:
    """A file that the job has left, and its text."""

    place: Place
    text: str


def logs_of(aws: Aws, job: Handle) -> list[Log]:
    """The job's logs; raises NotThere when it keeps none, or has left none yet."""
    found = runs.state(aws, job)
    if not found.logs:
        raise NotThere(f"{job}: it was started without a place for logs; see the console of EMR")
    folder = place(found.logs)
    logs = step_logs(aws, job, folder) if job.is_step else run_logs(aws, job, folder)
    if not logs:
        raise NotThere(f"{job}: {found.word}, and {folder} holds no log of it yet; EMR brings them every few minutes")
    return logs


def run_logs(aws: Aws, job: Handle, folder: Place) -> list[Log]:
    """What the driver of a serverless run has said."""
    entries = below(aws, serverless.log_folder(job, folder))
    return [log(aws, folder, entry) for entry in entries if serverless.is_driver_log(entry["Key"])]


def step_logs(aws: Aws, job: Handle, folder: Place) -> list[Log]:
    """What a step's own process has said, and the driver whose application it names."""
    found = [log(aws, folder, entry) for entry in below(aws, step_states.log_folder(job, folder))]
    containers = step_states.container_folder(job, folder, "\n".join(each.text for each in found))
    if containers:
        entries = below(aws, containers)
        found += [log(aws, folder, entry) for entry in entries if step_states.is_driver_log(entry["Key"])]
    return found


def log(aws: Aws, folder: Place, entry: dict[str, Any]) -> Log:
    """An object's text, unpacked; raises CloudUnavailable for one that is damaged."""
    file = Place(folder.bucket, entry["Key"])
    said = content(aws, file)
    if file.key.endswith(".gz"):
        try:
            said = gzip.decompress(said)
        except (EOFError, OSError, zlib.error) as error:
            raise CloudUnavailable(f"{file}: not a whole .gz file ({error}); EMR may still write it: repeat") from error
    return Log(file, said.decode(errors="replace"))


def kept(logs: list[Log], folder: Path) -> list[Path]:
    """The logs written into the folder, each under the end of its key."""
    paths = []
    for each in logs:
        path = folder / "/".join(each.place.key.removesuffix(".gz").split("/")[-2:])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(each.text)
        paths.append(path)
    return paths
