"""Small files on any path that Spark knows (a local folder, s3a://, hdfs://), written so that readers see all or nothing."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from pyspark.sql import SparkSession


class Storage:
    """Reads and writes small text files; local ones in Python, others by the session's Hadoop file systems."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        local = local_path(path)
        return local.exists() if local else bool(self._fs(path).exists(self._path(path)))

    def read(self, path: str) -> str:
        """The file's text (UTF-8); raises FileNotFoundError."""
        local = local_path(path)
        if local:
            return local.read_text()
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

    @property
    def _jvm(self) -> Any:
        return self._spark._jvm

    def _path(self, path: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(path)

    def _fs(self, path: str) -> Any:
        return self._path(path).getFileSystem(self._spark._jsc.hadoopConfiguration())


def local_path(path: str) -> Path | None:
    """The local file that `path` names, with or without file:; None for another file system."""
    url = urlparse(path)
    if url.scheme == "file":
        return Path(url.path)
    return None if url.scheme else Path(path)
