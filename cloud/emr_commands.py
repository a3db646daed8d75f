"""`sparkify emr`: trainings on Amazon's clusters."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from churn.errors import BadSetup
from churn_io.console import speech
from cloud import building, driver_logs, model_fetching, runs, sizing
from cloud.aws import Aws, Call
from cloud.building import Architecture
from cloud.jobs import State, Wish, handle_from
from cloud.package import manifest_of, upload, uploads
from cloud.places import place
from cloud.submit_options import Where, named_tags, run_name, target_of
from cloud.submitting import Submitted, planned, submitted

app = typer.Typer(no_args_is_help=True, help="Trainings on Amazon EMR: on a cluster, or serverless.")

BUILT = Path("build/emr")
Package = Annotated[str, typer.Argument(metavar="PACKAGE", help="The package's folder on S3, s3://bucket/folder.")]
Job = Annotated[str, typer.Argument(metavar="JOB", help="As `sparkify emr submit` prints it.")]
Built = Annotated[Path, typer.Option(help="The folder that the package is built in.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the calls of AWS's API as JSON; make none.")]


@app.command()
def package(
    target: Package,
    project: Annotated[Path, typer.Option(help="This project's source.")] = Path("."),
    architecture: Annotated[Architecture, typer.Option(help="The processor of the cluster.")] = Architecture.X86_64,
    environment: Annotated[
        Path | None, typer.Option(help="A .tar.gz of packages for Python 3.11, in place of the one that is built.")
    ] = None,
    built: Built = BUILT,
    dry_run: DryRun = False,
) -> None:
    """Build what EMR runs, and upload what has changed."""
    folder = place(target)
    with speech.status("building the wheel and the archive of what it depends on"):
        building.built(project, built, architecture, environment)
    manifest = manifest_of(built, building.version(project), architecture.value)
    if dry_run:
        print_calls(uploads(built, manifest, folder))
        return
    with speech.status(f"uploading to {folder}"):
        sent = upload(Aws(), built, manifest, folder)
    say(f"{folder}: version {manifest.version}, Python {manifest.python}, {manifest.architecture}")
    say(f"uploaded: {', '.join(sent) or 'nothing, all is there'}")


@app.command()
def submit(
    log: Annotated[str, typer.Argument(metavar="LOGS", help="The log on S3: a file or a folder.")],
    models: Annotated[str, typer.Option(envvar="SPARKIFY_MODELS", help="The registry on S3.")],
    package: Annotated[str, typer.Option(help="Where `sparkify emr package` has put it.")],
    logs: Annotated[str, typer.Option(help="Where on S3 EMR leaves what the job says.")],
    options: Annotated[
        list[str] | None, typer.Argument(metavar="[-- OPTIONS]", help="Options of `sparkify train`, after two dashes.")
    ] = None,
    application: Annotated[str, typer.Option(help="Serverless: the application.")] = "",
    role: Annotated[str, typer.Option(help="Serverless: the ARN of the role that the job runs as.")] = "",
    cluster: Annotated[str, typer.Option(help="On EC2: the running cluster, j-….")] = "",
    transient: Annotated[
        bool, typer.Option("--transient", help="On EC2: a cluster for this job alone, with spot nodes.")
    ] = False,
    subnet: Annotated[str, typer.Option(help="Of the cluster that --transient starts.")] = "",
    service_role: Annotated[str, typer.Option(help="Of that cluster.")] = "EMR_DefaultRole_V2",
    instance_profile: Annotated[str, typer.Option(help="Of its nodes.")] = "EMR_EC2_DefaultRole",
    release: Annotated[str, typer.Option(help="Its EMR release.")] = Where.release,
    run: Annotated[str, typer.Option(help="A name; under one name a training is started once. train-DATE if none.")] = (
        ""
    ),
    timeout_minutes: Annotated[int, typer.Option(min=5, max=10_080, help="When the job is ended.")] = 120,
    tag: Annotated[list[str] | None, typer.Option(help="NAME=VALUE; may be repeated.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended; exit code 1 if it failed.")] = False,
    dry_run: DryRun = False,
    log_gb: Annotated[float, typer.Option(min=0, help="For --dry-run: the log's size, as nothing is listed.")] = 0,
    built: Built = BUILT,
) -> None:
    """Start `sparkify train` on EMR; the registry's pointer is swapped there, by the same rule as here."""
    where = Where(application, role, cluster, transient, subnet, service_role, instance_profile, release)
    target = target_of(where)
    name = run_name(run or f"train-{datetime.now(UTC):%Y-%m-%d}")
    places = (place(log), place(models), place(logs))
    wish = Wish(*places, name, tuple(options or ()), timeout_minutes, named_tags(tag or []))
    if dry_run:
        if not log_gb:
            raise BadSetup("a dry run lists nothing, and so knows no size: name the log's by --log-gb, such as 12")
        print_calls(planned(wish, place(package), target, built, round(log_gb * sizing.GB)))
        return
    aws = Aws()
    done = submitted(aws, wish, place(package), target)
    tell(done, target.kind)
    if wait:
        wait_for(aws, done)


def tell(done: Submitted, kind: str) -> None:
    """What was started, or found, and what it may take."""
    say(f"{done.handle}" if done.is_new else f"{done.handle} was started before, as {done.job.name}; nothing is new")
    say(sizing.in_words(done.job.size, kind))


def wait_for(aws: Aws, done: Submitted) -> None:
    """Follow the job to its end; raises JobFailed when it fails."""
    with speech.status("…") as status:

        def show(found: State, seconds: float) -> None:
            status.update(f"{done.handle}: {found.word}, {seconds / 60:.0f} min")

        found = runs.awaited(aws, done.handle, show)
    runs.require_success(done.handle, found)
    say(f"{done.handle}: {found.word}")


@app.command()
def status(job: Job) -> None:
    """Say how a job is; exit code 1 if it has failed."""
    handle = handle_from(job)
    found = runs.state(Aws(), handle)
    runs.require_success(handle, found)
    say(f"{handle}: {found.word}")


@app.command()
def logs(
    job: Job, out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write files there instead.")] = None
) -> None:
    """Print what the driver and the step have said."""
    found = driver_logs.logs_of(Aws(), handle_from(job))
    if out:
        for path in driver_logs.kept(found, out):
            say(str(path))
        return
    for each in found:
        say(f"── {each.place}")
        sys.stdout.write(each.text)


@app.command()
def fetch(
    registry: Annotated[str, typer.Argument(metavar="REGISTRY", help="The registry on S3.")],
    models: Annotated[str, typer.Option(envvar="SPARKIFY_MODELS", help="The local registry.")] = "models",
    version: Annotated[str | None, typer.Option(help="The current one if none is named.")] = None,
) -> None:
    """Copy a model from a registry on S3 into a local one; its pointer stays."""
    if "://" in models:
        raise BadSetup(f"--models {models}: wanted is a local folder; SPARKIFY_MODELS may be what names another")
    folder = model_fetching.fetched(Aws(), place(registry), version, Path(models))
    say(f"{folder}; `sparkify models promote {folder.name} --models {models}` puts it in force")


@app.command()
def cancel(job: Job, dry_run: DryRun = False) -> None:
    """End a job."""
    handle = handle_from(job)
    call = runs.cancel(handle)
    if dry_run:
        print_calls([call])
        return
    runs.require_cancelling(handle, Aws().answer(call))
    say(f"{handle} is being cancelled")


def print_calls(calls: list[Call]) -> None:
    """The calls as JSON on stdout, for a person or a program."""
    sys.stdout.write(json.dumps([call.as_dict() for call in calls], indent=2) + "\n")


def say(sentence: str) -> None:
    """A sentence as it is: ids and places may look like markup."""
    speech.print(Text(sentence), soft_wrap=True)
