"""Submits a training: checks, size, package, what has been started before, and then one call that starts it."""

from dataclasses import dataclass
from pathlib import Path

from churn.errors import JobFailed, NotThere
from cloud import runs, sizing
from cloud.aws import Aws, Call
from cloud.jobs import Handle, Job, State, Target, Wish
from cloud.package import MANIFEST, local_manifest, verified
from cloud.places import Place, below


@dataclass(frozen=True)
class Submitted:
    """A job, its handle, and whether it was this call that started it."""

    job: Job
    handle: Handle
    is_new: bool


def submitted(aws: Aws, wish: Wish, package: Place, target: Target) -> Submitted:
    """The job started on the target, or found there: a repeat of the same run starts nothing.

    Raises BadPackage for a package that is not whole, BadSetup for a target that cannot run it, NotThere for no log,
    JobFailed when the run of this name was started before and has failed.
    """
    manifest = verified(aws, package)
    target.require([aws.answer(call) for call in target.check()], manifest)
    job = Job(wish, package, manifest, sizing.sized(size_of(aws, wish.log)))
    before = target.found(aws, job)
    if before:
        require_not_failed(job, before, runs.state(aws, before))
        return Submitted(job, before, is_new=False)
    return Submitted(job, target.started(aws, aws.answer(target.start(job))), is_new=True)


def require_not_failed(job: Job, before: Handle, found: State) -> None:
    """Raise JobFailed for a run that has ended badly: under its name it is not started again."""
    if found.failure:
        raise JobFailed(f"{before}: {job.name} was started before and is {found.failure}; --run starts another")


def size_of(aws: Aws, log: Place) -> int:
    """Bytes of JSON in the log; raises NotThere when there is none."""
    objects = [(entry["Key"], entry["Size"]) for entry in below(aws, log)]
    if not objects:
        raise NotThere(f"{log}: no log there; wanted is a file or a folder of JSON lines or Parquet")
    return sizing.json_bytes(objects)


def planned(wish: Wish, package: Place, target: Target, built: Path, log_bytes: int) -> list[Call]:
    """All calls that `submitted` would make, by the manifest in `built` and a size that is given."""
    manifest = local_manifest(built)
    job = Job(wish, package, manifest, sizing.sized(log_bytes))
    heads = [manifest.at(package, name).call("head_object") for name in manifest.files]
    reads = [(package / MANIFEST).call("get_object"), *heads, *target.check(), wish.log.listing(), target.lookup(job)]
    return [*reads, target.start(job)]
