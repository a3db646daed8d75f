"""Small files on any path that Spark knows (local, s3a://, hdfs://), written so that readers see all or nothing."""

import os
import shutil
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlparse

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from churn.errors import BadSetup
from churn_io.coordinates import HADOOP_VERSION

S3A = "org.apache.hadoop.fs.s3a.S3AFileSystem"

Session: TypeAlias = (
    SparkSession | Callable[[], SparkSession]
)  # one that runs, or how to start it should a path need it


class Storage:
    """Reads and writes small text files; local ones in Python, others by the session's Hadoop file systems."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        local = local_path(path)
        return local.exists() if local else bool(self._fs(path).exists(self._path(path)))

    def read(self, path: str) -> str:
        """The file's text (UTF-8; what is none becomes a replacement character, as Java does it).

        Raises FileNotFoundError.
        """
        local = local_path(path)
        if local:
            return local.read_text(encoding="utf-8", errors="replace")
        if not self.exists(path):
            raise FileNotFoundError(path)
        stream = self._fs(path).open(self._path(path))
        try:
            return str(self._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
        finally:
            stream.close()

    def write(self, path: str, text: str) -> None:
        """Replace the file at once: renamed into place locally, one put on an object store."""
        local = local_path(path)
        if local:
            local.parent.mkdir(parents=True, exist_ok=True)
            aside = local.with_name(f".{local.name}.{os.getpid()}")
            aside.write_text(text)
            aside.replace(local)
            return
        stream = self._fs(path).create(self._path(path), True)
        stream.write(bytearray(text.encode()))
        stream.close()

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; empty when there is no such folder."""
        local = local_path(folder)
        if local:
            return sorted(entry.name for entry in local.iterdir()) if local.is_dir() else []
        if not self.exists(folder):
            return []
        return sorted(status.getPath().getName() for status in self._fs(folder).listStatus(self._path(folder)))

    def move(self, source: str, target: str) -> None:
        """Rename a file or a folder; a file takes the place of an older one."""
        local_source, local_target = local_path(source), local_path(target)
        if local_source and local_target:
            local_source.replace(local_target)
            return
        fs = self._fs(target)
        if fs.isFile(self._path(target)):
            fs.delete(self._path(target), False)
        if not fs.rename(self._path(source), self._path(target)):
            raise FileExistsError(target)

    def remove(self, path: str) -> None:
        """Delete a file or a whole folder, if it is there."""
        local = local_path(path)
        if not local:
            self._fs(path).delete(self._path(path), True)
        elif local.is_dir():
            shutil.rmtree(local)
        else:
            local.unlink(missing_ok=True)

    def spark_path(self, path: str) -> str:
        """The path as Spark's readers and writers need it: local ones with file:, s3:// as s3a:// outside EMR.

        Raises BadSetup for an S3 path without its connector.
        """
        local = local_path(path)
        if local:
            return f"file://{local.absolute()}"
        if not is_object_store(path):
            return path
        if path.startswith("s3://"):
            if self._spark._jsc.hadoopConfiguration().get("fs.s3.impl"):  # EMR brings its own
                return path
            path = f"s3a://{path.removeprefix('s3://')}"
        if not self._jvm.org.apache.spark.util.Utils.classIsLoadable(S3A):
            raise BadSetup(
                f"{path}: this Spark lacks the S3 connector; add "
                f"--packages org.apache.hadoop:hadoop-aws:{HADOOP_VERSION} to spark-submit"
            )
        return path

    @cached_property
    def _spark(self) -> SparkSession:
        return self._session if isinstance(self._session, SparkSession) else self._session()

    @property
    def _jvm(self) -> Any:
        return self._spark._jvm

    def _path(self, path: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(self.spark_path(path))

    def _fs(self, path: str) -> Any:
        return self._path(path).getFileSystem(self._spark._jsc.hadoopConfiguration())


# what Hadoop's S3 connector throws, the first that applies, and what its user can do
S3_TROUBLES = {
    "UnknownStoreException": "there is no such bucket; make it, or name another",
    "NoAuthWithAWSException": (
        "no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role gives them"
    ),
    "AccessDeniedException": "S3 refuses it to these credentials; see whose they are, and what their policy allows",
}


def require_stores(session: SparkSession, paths: Iterable[str]) -> None:
    """Raise BadSetup unless each path on S3 can be asked for; what is not there yet is no trouble."""
    storage = Storage(session)
    for path in filter(is_object_store, paths):
        try:
            storage.exists(path)
        except Py4JJavaError as error:
            said = str(error)  # the whole chain of causes
            known = (advice for name, advice in S3_TROUBLES.items() if name in said)
            advice = next(known, f"S3 cannot be asked for it ({cause(error)})")
            raise BadSetup(f"{path}: {advice}") from error


def is_object_store(path: str) -> bool:
    """Whether a put replaces an object at once there, and a rename is a copy."""
    return path.startswith(("s3://", "s3a://"))


def local_path(path: str) -> Path | None:
    """The local file that `path` names, with or without file:; None for another file system."""
    url = urlparse(path)
    if url.scheme == "file":
        return Path(url.path)
    return None if url.scheme else Path(path)


def cause(error: Exception) -> str:
    """The innermost reason that Java gives, in one line."""
    reasons = [line for line in str(error).splitlines() if line.startswith("Caused by: ")]
    return reasons[-1].removeprefix("Caused by: ") if reasons else in_one_line(error)


def in_one_line(error: Exception) -> str:
    """What Spark or Java says, without the call that it answers and without its trace."""
    text = str(error.java_exception.getMessage()) if isinstance(error, Py4JJavaError) else str(error)
    return next(iter(text.strip().splitlines()), type(error).__name__)
