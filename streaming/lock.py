"""One stream a checkpoint: a lock that the system itself releases when its holder ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from churn.errors import CheckpointInUse
from churn_io.storage import local_path

LOCK = "lock"


@contextmanager
def held(folder: str) -> Iterator[None]:
    """Hold the checkpoint for the block; raises CheckpointInUse while another process does.

    A checkpoint that is not on a local disk, as on S3, cannot be locked: nothing is held then (docs/operations.md).
    """
    place = local_path(folder)
    if place is None:
        yield
        return
    place.mkdir(parents=True, exist_ok=True)
    with (place / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise CheckpointInUse(
                f"{folder}: process {file.read().strip() or '(unknown)'} streams from this checkpoint; "
                "stop it first, or name another --checkpoint"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
