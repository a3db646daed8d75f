"""Files that appear when they are complete."""

import errno
import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from churn.errors import BadSetup


@contextmanager
def aside(path: Path) -> Iterator[TextIO]:
    """A text file under another name, renamed when the block ends well; gzipped when it is named .gz.

    Folders on the way are made. Raises BadSetup, and OSError for a full disk.
    """
    hidden = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_gzip = path.suffix == ".gz"
        opened = gzip.open(hidden, "wt", compresslevel=3) if is_gzip else hidden.open("w")  # noqa: SIM115  (below)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise  # no other place will do: it says which disk is full who knows what was to be written
        raise BadSetup(f"cannot write {path}: {error.strerror}; name another place") from error
    try:
        with opened as file:
            yield file
        hidden.replace(path)
    finally:
        hidden.unlink(missing_ok=True)
