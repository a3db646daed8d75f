"""What ended the query, in one line: exceptions of Spark, Kafka and Java told apart by their class and condition."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark import SparkContext
from pyspark.sql import SparkSession

from churn.errors import (
    BrokerUnavailable,
    CheckpointDamaged,
    CheckpointInUse,
    ChurnError,
    DataLost,
    DiskFull,
    JavaEnded,
    NotAllowed,
)
from churn_io.storage import local_path
from streaming.checkpoint import ELSEWHERE, Checkpoint
from streaming.losses import gaps
from streaming.source import Source

# who reports a failure at ERROR, with its trace, that we report ourselves, in a line or in a traceback
LOUD = (
    "org.apache.spark.TaskContextImpl",
    "org.apache.spark.executor.Executor",
    "org.apache.spark.scheduler.TaskSetManager",
    "org.apache.spark.sql.execution.datasources.v2",
    "org.apache.spark.sql.execution.streaming",
    "org.apache.spark.sql.kafka010",
    "org.apache.spark.util.Utils",
    "org.apache.kafka",
)
FULL = ("No space left on device", "Disk quota exceeded")  # the system's words, whichever class brings them
LOST = "KAFKA_DATA_LOSS"
SHARED = "CONCURRENT_STREAM_LOG_UPDATE"
DAMAGED = ("CANNOT_LOAD_STATE_STORE", "CHECKPOINT_FILE_CHECKSUM", "BATCH_METADATA_NOT_FOUND", "MALFORMED_LOG_FILE")
DAMAGING = {
    "java.io.IOException",
    "java.lang.IllegalStateException",
    "com.fasterxml.jackson.core.JacksonException",
    "org.apache.spark.SparkConcurrentModificationException",
}
# the checkpoint is whole: the way to it, or our right to it, is not
UNHARMED = {
    "java.net.SocketException",
    "java.net.SocketTimeoutException",
    "java.net.UnknownHostException",
    "java.nio.file.AccessDeniedException",
    "org.apache.hadoop.fs.FileAlreadyExistsException",
    "org.apache.hadoop.security.AccessControlException",
    "software.amazon.awssdk.core.exception.SdkException",
}
UNHARMED_SAID = ("Too many open files", "Permission denied", "Read-only file system")
UNHARMED_CONDITION = "CANNOT_LOAD_STATE_STORE.UNRELEASED_THREAD_ERROR"  # a task of the query before still ends
CHECKPOINTING = (
    "org.apache.spark.sql.execution.streaming.checkpointing",
    "org.apache.spark.sql.execution.streaming.state",
)
CONNECTOR = "org.apache.spark.sql.kafka010"
PASSING = "org.apache.kafka.common.errors.RetriableException"  # Kafka's own word for what may be well when tried again
REAPING_SECONDS = 2.0  # a process's sockets close before it is said to have ended
REFUSING = {
    "org.apache.kafka.common.errors.AuthorizationException",
    "org.apache.kafka.common.errors.AuthenticationException",
}


@dataclass(frozen=True)
class Cause:
    """One exception of a chain, Java's or Python's: its class and those above it, Spark's condition, text, trace."""

    kinds: frozenset[str]
    condition: str
    said: str
    frames: tuple[str, ...]  # the classes in its trace, from where it was raised

    def is_from(self, packages: str | tuple[str, ...]) -> bool:
        """Whether it was raised in one of these packages of Spark, or in what that called outside of Spark."""
        return next((frame for frame in self.frames if frame.startswith("org.apache.spark.")), "").startswith(packages)


def quieten(spark: SparkSession) -> None:
    """Have Spark and Kafka not print the failures that this program reports; the level of everything else stays."""
    log4j: Any = spark._jvm.org.apache.logging.log4j
    for name in LOUD:
        log4j.core.config.Configurator.setLevel(name, log4j.Level.OFF)


@contextmanager
def named(source: Source, checkpoint: Checkpoint) -> Iterator[None]:
    """Raise the ChurnError that a failure inside the block amounts to; one that nobody foresaw as it is."""
    try:
        yield
    except Exception as error:
        known = recognised(error, source, checkpoint)
        if known is None or known is error:
            raise
        raise known from error


def recognised(error: Exception, source: Source, checkpoint: Checkpoint) -> ChurnError | None:
    """What the failure means, and what to do about it; None for one that nobody foresaw."""
    if isinstance(error, ChurnError):
        return error
    if _java_ended(error):
        return JavaEnded(
            "Java has ended under this program: killed, or out of memory (SPARKIFY_DRIVER_MEMORY is its own limit); "
            f"start again: the stream goes on from its checkpoint, {checkpoint.folder}"
        )
    found = list(causes(error))
    return _disk_full(found, checkpoint) or _lost(found, source, checkpoint) or _broken(found, source, checkpoint)


def _java_ended(error: Exception) -> bool:
    """Whether the JVM is gone that this program started; one that started the program takes it along."""
    process = getattr(SparkContext._gateway, "proc", None)
    is_speechless = isinstance(error, Py4JError | ConnectionError) and not isinstance(error, Py4JJavaError)
    if process is None or not is_speechless:
        return False
    try:
        process.wait(REAPING_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def causes(error: BaseException | None) -> Iterator[Cause]:
    """The chain of exceptions, outermost first; Java's own after the Python exception that brought it."""
    while error is not None:
        yield Cause(frozenset(f"{each.__module__}.{each.__name__}" for each in type(error).__mro__), "", str(error), ())
        yield from _of_java(getattr(error, "java_exception", None) or getattr(error, "_origin", None))
        error = error.__cause__


def _of_java(thrown: Any) -> Iterator[Cause]:
    while thrown is not None:
        kinds, kind = set(), thrown.getClass()
        while kind is not None:
            kinds.add(str(kind.getName()))
            kind = kind.getSuperclass()
        has_condition = any(str(method.getName()) == "getCondition" for method in thrown.getClass().getMethods())
        condition = (thrown.getCondition() if has_condition else None) or ""
        frames = tuple(str(frame.getClassName()) for frame in thrown.getStackTrace())
        yield Cause(frozenset(kinds), condition, str(thrown.getMessage() or ""), frames)
        thrown = thrown.getCause()


def _disk_full(found: Sequence[Cause], checkpoint: Checkpoint) -> DiskFull | None:
    if not any(words in cause.said for cause in found for words in FULL):
        return None
    places = [Path(folder) for folder in os.environ.get("SPARK_LOCAL_DIRS", tempfile.gettempdir()).split(",")]
    kept = local_path(checkpoint.folder)
    free = {place: free_bytes(place) for place in [*([kept] if kept else []), *places]}
    fullest = min(free, key=lambda place: free[place])
    return DiskFull(
        f"{fullest}: no space left on its disk ({free[fullest] / 2**20:.1f} MiB free); make room and start again: "
        f"the stream goes on from its checkpoint, {checkpoint.folder}"
    )


def free_bytes(place: Path) -> int:
    """What is free on the disk of a folder, there already or not."""
    place = place.absolute()
    return shutil.disk_usage(next(folder for folder in (place, *place.parents) if folder.exists())).free


def _lost(found: Sequence[Cause], source: Source, checkpoint: Checkpoint) -> DataLost | None:
    lost = [cause for cause in found if cause.condition.startswith(LOST)]
    if not lost:
        return None
    planned = checkpoint.last_planned()
    missing = "; ".join(map(str, gaps(checkpoint.plan(planned), source))) if planned is not None else ""
    return DataLost(
        f"topic {source.topic}: records were deleted before they were read: {missing or first_line(lost[-1].said)}; "
        f"`--on-data-loss continue` goes on without them; or {ELSEWHERE}"
    )


def _broken(found: Sequence[Cause], source: Source, checkpoint: Checkpoint) -> ChurnError | None:
    """Damage, an outage or a refusal: the innermost cause that is one of them says which."""
    is_whole = any(map(_is_unharmed, found))
    for cause in reversed(found):
        if cause.condition == SHARED:
            return CheckpointInUse(f"{checkpoint.folder}: another stream plans the same batches; end one of the two")
        if _is_damage(cause) and not is_whole:
            said = first_line(found[-1].said) or "it ends too early"
            return CheckpointDamaged(
                f"{_file(found, checkpoint)}: this part of the checkpoint is damaged or missing ({said}); {ELSEWHERE}"
            )
        if _is_outage(cause):
            return BrokerUnavailable(f"{source.bootstrap} does not answer ({first_line(cause.said)})")
        if cause.kinds & REFUSING:
            return NotAllowed(f"{source.bootstrap} refuses us: {first_line(cause.said)}; see docs/security.md")
    return None


def _is_damage(cause: Cause) -> bool:
    return cause.condition.startswith(DAMAGED) or (bool(cause.kinds & DAMAGING) and cause.is_from(CHECKPOINTING))


def _is_unharmed(cause: Cause) -> bool:
    is_said = any(words in cause.said for words in UNHARMED_SAID)
    return bool(cause.kinds & UNHARMED) or is_said or cause.condition == UNHARMED_CONDITION


def _is_outage(cause: Cause) -> bool:
    is_poll = "java.util.concurrent.TimeoutException" in cause.kinds and cause.is_from(CONNECTOR)
    is_unknown_host = cause.said.startswith("No resolvable bootstrap urls")  # a container that is down has no name
    return PASSING in cause.kinds or is_poll or is_unknown_host


def _file(found: Sequence[Cause], checkpoint: Checkpoint) -> str:
    """The file of the checkpoint that a cause names; the folder of states when none does."""
    local = local_path(checkpoint.query_folder)
    folder = f"{local.absolute() if local else checkpoint.spark_folder}/"
    for cause in reversed(found):
        _, named, rest = cause.said.partition(folder)
        if named:
            return f"{checkpoint.query_folder}/{next(iter(rest.split()), '').rstrip('.,;')}"
    return f"{checkpoint.query_folder}/state"


def first_line(text: str) -> str:
    """The text's first line, without what Spark puts behind it."""
    return next(iter(text.strip().splitlines()), "").partition(" SQLSTATE")[0].strip()
