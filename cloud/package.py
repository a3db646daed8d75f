"""A package for EMR on S3: files named by their content, and a manifest that is written when all of them are there."""

import base64
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from churn.errors import BadPackage, NotThere
from cloud.aws import Aws, Call
from cloud.building import ENTRY, ENVIRONMENT, WHEEL
from cloud.places import Place, below, object_text
from cloud.releases import PYTHON

MANIFEST = "manifest.json"
NAMES = (ENTRY, WHEEL, ENVIRONMENT)


@dataclass(frozen=True)
class File:
    """A file's size and SHA-256 (hexadecimal)."""

    bytes: int
    sha256: str

    def key(self, name: str) -> str:
        """Where the file lies in the package's folder: another content never takes its place."""
        return f"{self.sha256[:16]}/{name}"


@dataclass(frozen=True)
class Manifest:
    """What a package consists of, and for which Python and processor."""

    version: str
    python: str
    architecture: str
    files: dict[str, File]

    def as_text(self) -> str:
        """The manifest as it is written."""
        return json.dumps(asdict(self), indent=2, sort_keys=True)

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest: another one for any other content."""
        return hashlib.sha256(self.as_text().encode()).hexdigest()

    def at(self, folder: Place, name: str) -> Place:
        """Where a file of the package lies."""
        return folder / self.files[name].key(name)


def manifest_of(folder: Path, version: str, architecture: str) -> Manifest:
    """The manifest of a package that was built in `folder`, which it is written to as well."""
    files = {name: File((folder / name).stat().st_size, sha256(folder / name)) for name in NAMES}
    manifest = Manifest(version, PYTHON, architecture, files)
    (folder / MANIFEST).write_text(manifest.as_text())
    return manifest


def sha256(path: Path) -> str:
    """The file's SHA-256, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_from(text: str, path: str) -> Manifest:
    """The manifest in a text; raises BadPackage for one that is damaged."""
    try:
        values = json.loads(text)
        files = {name: File(**values["files"][name]) for name in NAMES}
        return Manifest(values["version"], values["python"], values["architecture"], files)
    except (ValueError, KeyError, TypeError) as error:
        raise BadPackage(f"{path}: not a package's manifest ({error!r}); run `sparkify emr package` again") from error


def local_manifest(folder: Path) -> Manifest:
    """The manifest that `sparkify emr package` left here; raises BadPackage without one."""
    path = folder / MANIFEST
    if not path.exists():
        raise BadPackage(f"{path}: no package was built here; run `sparkify emr package`, with --dry-run if you like")
    return manifest_from(path.read_text(), str(path))


def uploads(folder: Path, manifest: Manifest, target: Place) -> list[Call]:
    """The calls that upload a package, the manifest last; a file's body is given by its path."""
    calls = []
    for name, file in manifest.files.items():
        checksum = base64.b64encode(bytes.fromhex(file.sha256)).decode()
        said = {"ChecksumSHA256": checksum, "Metadata": {"sha256": file.sha256}}
        calls.append(manifest.at(target, name).call("put_object", Body=str(folder / name), **said))
    return [*calls, (target / MANIFEST).call("put_object", Body=str(folder / MANIFEST))]


def upload(aws: Aws, folder: Path, manifest: Manifest, target: Place) -> list[str]:
    """Upload what is not there yet, the manifest last; the names of the files that were sent."""
    sent = []
    *files, last = uploads(folder, manifest, target)
    for name, call in zip(manifest.files, files, strict=True):
        if fault(aws, manifest.at(target, name), manifest.files[name]):
            put(aws, call)
            sent.append(name)
    put(aws, last)
    return sent


def put(aws: Aws, call: Call) -> None:
    """Make an upload, its body read from the file that it names."""
    with Path(call.parameters["Body"]).open("rb") as body:
        aws.answer(Call(call.service, call.operation, {**call.parameters, "Body": body}))


def fault(aws: Aws, file: Place, wanted: File) -> str:
    """What is wrong with a file on S3; empty when it is there as it should be."""
    try:
        head: dict[str, Any] = aws.answer(file.call("head_object"))
    except NotThere:
        return "is missing"
    if head["ContentLength"] != wanted.bytes:
        return f"has {head['ContentLength']} bytes instead of {wanted.bytes}"
    return "" if head["Metadata"].get("sha256") == wanted.sha256 else "has another checksum"


def verified(aws: Aws, folder: Place) -> Manifest:
    """The package at `folder`; raises BadPackage for one that is missing, half uploaded or damaged."""
    again = f"run `sparkify emr package {folder}` again"
    try:
        text = object_text(aws, folder / MANIFEST)
    except NotThere as error:
        found = "half uploaded" if below(aws, folder) else "no package"
        raise BadPackage(f"{folder}: {found}, {MANIFEST} is missing; {again}") from error
    manifest = manifest_from(text, str(folder / MANIFEST))
    for name, file in manifest.files.items():
        wrong = fault(aws, manifest.at(folder, name), file)
        if wrong:
            raise BadPackage(f"{folder}: {manifest.at(folder, name)} {wrong}; {again}")
    if manifest.python != PYTHON:
        raise BadPackage(f"{folder}: built for Python {manifest.python}, EMR runs it on {PYTHON}; {again}")
    return manifest
