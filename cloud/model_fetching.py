"""Copies a model from a registry on S3 into a local one: each object verified, the folder renamed into place."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from churn.errors import BadDownload, BadSetup, NoModel, NotThere
from churn_io.registry import CARD, POINTER, is_name
from cloud.aws import Aws, plainly
from cloud.places import Place, below, object_text

MD5_CHARACTERS = 32


def fetched(aws: Aws, registry: Place, version: str | None, models: Path) -> Path:
    """The folder of the version in the local registry; the one that the pointer on S3 names unless one is said.

    Raises NoModel for a version that is not there or not whole, BadSetup for one that is here already.
    """
    version = version or current(aws, registry)
    if not is_name(version):
        raise NoModel(f"{registry}: {version!r} is no version; `sparkify models list --models {registry}` names them")
    folder = models / version
    if folder.exists():
        raise BadSetup(f"{folder}: is here already; `sparkify models promote {version} --models {models}` uses it")
    entries = below(aws, registry / version)
    prefix = f"{(registry / version).key}/"
    if f"{prefix}{CARD}" not in {entry["Key"] for entry in entries}:
        raise NoModel(f"{registry / version}: no model, {CARD} is missing; `sparkify models list --models {registry}`")
    aside = models / f".{version}.{os.getpid()}"
    try:
        for entry in entries:
            save(aws, registry.bucket, entry, inside(aside, entry["Key"].removeprefix(prefix)))
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def inside(folder: Path, name: str) -> Path:
    """The path of that name in the folder; raises BadDownload for a name that leads out of it."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise BadDownload(
            f"{name}: leads out of the model's folder; nothing is kept, and whoever wrote it is to be asked"
        )
    return path


def current(aws: Aws, registry: Place) -> str:
    """The version in force; raises NoModel when there is none."""
    try:
        return object_text(aws, registry / POINTER).strip()
    except NotThere as error:
        raise NoModel(f"{registry}: {POINTER} is missing; a training makes one, --version names another") from error


def save(aws: Aws, bucket: str, entry: dict[str, Any], path: Path) -> None:
    """Write one object, its size and its checksum compared; raises BadDownload when they differ."""
    if entry["Key"].endswith("/"):
        return  # a folder, as consoles make them
    file = Place(bucket, entry["Key"])
    answer = aws.answer(file.call("get_object", ChecksumMode="ENABLED"))
    with plainly(str(file)):  # boto3 compares the checksum that the server gives, if it gives one
        content = answer["Body"].read()
    tag = entry["ETag"].strip('"')
    is_md5 = len(tag) == MD5_CHARACTERS and "SSEKMSKeyId" not in answer
    if len(content) != entry["Size"] or (is_md5 and hashlib.md5(content, usedforsecurity=False).hexdigest() != tag):
        raise BadDownload(f"{file}: what came is not what lies there; repeat")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
