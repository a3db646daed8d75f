"""What EMR runs: this project as a wheel, what it depends on as an archive, both the same bytes in each build."""

import gzip
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from configparser import ConfigParser
from enum import StrEnum
from pathlib import Path

from churn.errors import BadPackage, BadSetup
from cloud.releases import PYTHON

WHEEL = "sparkify.zip"  # a wheel; Spark unpacks it by the name's end
ENVIRONMENT = "environment.tar.gz"
ENTRY = "train.py"
ENTRY_SOURCE = Path("deploy/emr") / ENTRY
NEWEST_GLIBC, OLDEST_GLIBC = 34, 17  # of Amazon Linux 2023, and of the oldest wheels in use
BROUGHT_BY_EMR = "pyspark"
FOR_OLDER_SPARK = "pandas>=2.2"  # pyspark.ml of Spark 3.5 imports it, and EMR's Python 3.11 has none
EXTENSION = re.compile(r"\.cpython-(\d)(\d+)-|(?:^|/)lib/python(\d)\.(\d+)/")


class Architecture(StrEnum):
    """A processor, as EMR names it."""

    X86_64 = "x86_64"
    ARM64 = "arm64"

    @property
    def machine(self) -> str:
        """As wheels name it."""
        return "aarch64" if self is Architecture.ARM64 else self.value


def built(project: Path, folder: Path, architecture: Architecture, environment: Path | None = None) -> None:
    """Build the three files of a package in `folder`; `environment` is an archive that was made before.

    Raises BadSetup for what is no checkout of this project or cannot be built, BadPackage for another Python.
    """
    if not (project / ENTRY_SOURCE).is_file():
        raise BadSetup(f"{project}: not this project's source, {ENTRY_SOURCE} is missing; name it with --project")
    if environment:
        require_python(environment)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(project / ENTRY_SOURCE, folder / ENTRY)
    build_wheel(project, folder / WHEEL)
    if environment:
        shutil.copyfile(environment, folder / ENVIRONMENT)
    else:
        build_environment(project, folder / ENVIRONMENT, architecture.machine)


def settings(project: Path) -> ConfigParser:
    """The project's setup.cfg."""
    found = ConfigParser()
    found.read(project / "setup.cfg")
    return found


def version(project: Path) -> str:
    """The project's version."""
    return settings(project)["metadata"]["version"]


def requirements(project: Path) -> list[str]:
    """What the project depends on, without what EMR brings itself."""
    wanted = settings(project)["options"]["install_requires"].split("\n")
    return [*(row for row in wanted if row and not row.startswith(BROUGHT_BY_EMR)), FOR_OLDER_SPARK]


def build_wheel(project: Path, target: Path) -> None:
    """The project's wheel, from a copy of its sources: a build leaves files behind, which the next would pack."""
    packages = {name.split(".")[0] for name in settings(project)["options"]["packages"].split()}
    with tempfile.TemporaryDirectory() as aside:
        source, out = Path(aside) / "source", Path(aside) / "out"
        source.mkdir()
        for name in ("setup.cfg", "pyproject.toml", "README.md"):
            shutil.copyfile(project / name, source / name)
        for name in packages:
            shutil.copytree(project / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        pip("wheel", "--no-deps", "--wheel-dir", str(out), str(source))
        (wheel,) = out.glob("*.whl")
        shutil.copyfile(wheel, target)


def build_environment(project: Path, target: Path, machine: str) -> None:
    """What the project depends on, for EMR's Python and not for the one that runs this."""
    constraints = project / "constraints.txt"
    glibc = (f"manylinux_2_{minor}_{machine}" for minor in range(NEWEST_GLIBC, OLDEST_GLIBC - 1, -1))
    platforms = [word for tag in (*glibc, f"manylinux2014_{machine}") for word in ("--platform", tag)]
    with tempfile.TemporaryDirectory() as aside:
        pinned = ("--constraint", str(constraints)) if constraints.exists() else ()
        made_for = ("--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON, *platforms)
        pip("install", "--target", aside, "--no-compile", *made_for, *pinned, *requirements(project))
        shutil.rmtree(Path(aside) / "bin", ignore_errors=True)  # scripts that name this machine's Python
        archive(Path(aside), target)


def pip(*arguments: str) -> None:
    """Run this Python's pip; raises BadSetup with its last line when it fails."""
    # the same times in each build: the bytes of a wheel depend on them
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "315532800"}
    command = [sys.executable, "-m", "pip", arguments[0], "--quiet", "--disable-pip-version-check", *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        rows = [row for row in done.stderr.splitlines() if row.strip()] or ["no reason given"]
        raise BadSetup(f"pip {arguments[0]} failed: {rows[-1].strip()}; check the network and repeat")


def archive(folder: Path, target: Path) -> None:
    """A .tar.gz of the folder's content that is the same bytes for the same files."""
    with (
        target.open("wb") as file,
        gzip.GzipFile("", "wb", mtime=0, fileobj=file) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as tar,
    ):
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder), recursive=False, filter=anonymous)


def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """The entry without whose it is and when it was made."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def require_python(path: Path) -> None:
    """Raise BadPackage for an archive that was built for another Python than EMR's, or is none."""
    try:
        with tarfile.open(path, "r:gz") as tar:
            found = {pythons for name in tar.getnames() for pythons in python_of(name)}
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise BadPackage(f"{path}: no .tar.gz archive ({error}); leave --environment out to have one made") from error
    other = sorted(found - {PYTHON})
    if other:
        raise BadPackage(
            f"{path}: built for Python {', '.join(other)}; EMR runs this project on Python {PYTHON}; "
            "leave --environment out to have one made"
        )


def python_of(name: str) -> list[str]:
    """The Python that a file's name says it is for: of a compiled module, or of a folder of packages."""
    return [f"{a or c}.{b or d}" for a, b, c, d in EXTENSION.findall(name)]
