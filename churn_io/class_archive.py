"""The JVM's classes as one file that it maps into memory, in place of reading, checking and linking 15,000 of them.

Java's "application class-data sharing" (JEP 350). The file fits one Java and one Spark at one place; for another the
JVM starts as it would without. It is made by the end of the first stream here, and makes each start a fifth shorter.
"""

import hashlib
import logging
import os
import subprocess
import time
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
    found = _whole(_name())
    if found:
        return [f'"-XX:SharedArchiveFile={found}"', *QUIET]
    # else a JVM runs already, or the cache is another user's
    can_make = makes and SparkContext._gateway is None and os.access(cache(), os.W_OK)
    return [f'"{MAKING}{cache()}/.{_name()}.{os.getpid()}"', *QUIET] if can_make else []


def keep(java_options: str) -> None:
    """End the JVM, if its options had it make an archive, and keep that; for a program's end."""
    made = next((option for option in java_options.split('"') if option.startswith(MAKING)), None)
    if made is None:
        return
    gateway = SparkContext._gateway
    gateway.shutdown()
    gateway.proc.stdin.close()  # at which Spark ends it
    SparkContext._gateway = SparkContext._jvm = None
    aside = Path(made.removeprefix(MAKING))
    try:
        gateway.proc.wait(END_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        log.warning("the JVM wrote no archive of its classes within %d s: %s", END_LIMIT_SECONDS, aside)
        return
    if not aside.exists():
        log.warning("the JVM wrote no archive of its classes; starts stay as slow as they are")
        return
    for cut_off in cache().glob(f"{_name()}-*.jsa"):
        cut_off.unlink()
    # with its size: the JVM ends with SIGBUS where an archive is shorter than it says, as after a power cut
    archive = aside.replace(cache() / f"{_name()}-{aside.stat().st_size}.jsa")
    log.info("the JVM's classes are kept for faster starts: %s", archive)
    for old in sorted(cache().glob(f"{PREFIX}*.jsa"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        old.unlink()


def _clear() -> None:
    """Remove what the JVMs of programs left that did not end by `keep`: killed, or failed."""
    for left in cache().glob(f".{PREFIX}*"):
        if time.time() - left.stat().st_mtime > END_LIMIT_SECONDS:  # else its JVM may write it still
            left.unlink(missing_ok=True)


def _name() -> str:
    told_apart = f"{java_version()} {pyspark.__version__} {spark_jars()}"
    return f"{PREFIX}{hashlib.sha256(told_apart.encode()).hexdigest()[:16]}"


def _whole(name: str) -> Path | None:
    sizes = ((path, int(path.stem.rpartition("-")[2])) for path in cache().glob(f"{name}-*.jsa"))
    return next((path for path, size in sizes if path.stat().st_size == size), None)
