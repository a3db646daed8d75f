"""The JVM's classes as one file that it maps into memory, in place of reading, checking and linking 15,000 of them.

Java's "application class-data sharing" (JEP 350). The file fits one Java and one Spark at one place; for another the
JVM starts as it would without. It is made by the end of the first stream here, and makes each start a fifth shorter.
"""

import hashlib
import logging
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pyspark
from pyspark import SparkContext

from churn_io.coordinates import cache
from churn_io.jars import spark_jars
from churn_io.java import java_version

PREFIX = "classes-"
KEPT = 3  # archives of other Javas and Sparks, 190 MB each
MAKING = "-XX:ArchiveClassesAtExit="
# it would speak of each class that it leaves out, and of an archive that does not fit
QUIET = ["-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
END_LIMIT_SECONDS = 120

log = logging.getLogger(__name__)


def options(makes: bool) -> list[str]:
    """What the JVM is told: to use the archive; if there is none and the program `makes` it, to write it when it ends.

    The program is to end by `keep` then. Nothing where none can be kept.
    """
    _clear()
    found = _whole()
    if found:
        return [f'"-XX:SharedArchiveFile={found}"', *QUIET]
    # else a JVM runs already, or the cache is another user's
    can_make = makes and SparkContext._gateway is None and os.access(cache(), os.W_OK)
    return [f'"{MAKING}{_aside()}"', *QUIET] if can_make else []


def keep(java_options: str) -> None:
    """End the JVM, if its options had it make an archive, and keep that; for a program's end."""
    made = _aside()
    if f"{MAKING}{made}" not in java_options:
        return
    if not _jvm_ended() or not made.exists():
        log.warning("the JVM wrote no archive of its classes (%s); starts stay as slow as they are", made)
        return
    for cut_off, _ in _files(f"{_name()}-*.jsa"):
        cut_off.unlink(missing_ok=True)
    # with its size: the JVM ends with SIGBUS where an archive is shorter than it says, as after a power cut
    archive = made.replace(cache() / f"{_name()}-{made.stat().st_size}.jsa")
    log.info("the JVM's classes are kept for faster starts: %s", archive)
    for old, _ in sorted(_files(f"{PREFIX}*.jsa"), key=lambda file: file[1].st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)


def _jvm_ended() -> bool:
    gateway = SparkContext._gateway
    gateway.shutdown()
    gateway.proc.stdin.close()  # at which Spark ends it
    SparkContext._gateway = SparkContext._jvm = None
    with suppress(subprocess.TimeoutExpired):
        gateway.proc.wait(END_LIMIT_SECONDS)
    return gateway.proc.returncode is not None


def _clear() -> None:
    """Remove what the JVMs of programs left that did not end by `keep`: killed, or failed."""
    for left, status in _files(f".{PREFIX}*"):
        if time.time() - status.st_mtime > END_LIMIT_SECONDS:  # else its JVM may write it still
            left.unlink(missing_ok=True)


def _name() -> str:
    told_apart = f"{java_version()} {pyspark.__version__} {spark_jars()}"
    return f"{PREFIX}{hashlib.sha256(told_apart.encode()).hexdigest()[:16]}"


def _aside() -> Path:
    """Where this program's JVM writes an archive."""
    return cache() / f".{_name()}.{os.getpid()}"


def _whole() -> Path | None:
    files = _files(f"{_name()}-*.jsa")
    return next((path for path, status in files if path.stem.endswith(f"-{status.st_size}")), None)


def _files(pattern: str) -> list[tuple[Path, os.stat_result]]:
    """The cache's files of such names, but for those that another program has removed meanwhile."""
    found = []
    for path in cache().glob(pattern):
        with suppress(FileNotFoundError):
            found.append((path, path.stat()))
    return found
