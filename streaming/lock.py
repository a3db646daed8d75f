"""One stream a checkpoint: a lock that the system itself releases when its holder ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from churn.errors import BadSetup, CheckpointInUse
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
    try:
        place.mkdir(parents=True, exist_ok=True)
        file = (place / LOCK).open("a+")
    except OSError as error:
        raise _unwritable(folder, error) from error
    with file:
        _lock(file, folder)
        yield


def _lock(file: TextIO, folder: str) -> None:
    """Lock the file for as long as it is open, and write into it who we are."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.truncate(0)
        os.write(file.fileno(), f"{os.getpid()}\n".encode())  # at once: nothing is left for the file's closing
    except BlockingIOError as error:
        file.seek(0)
        raise CheckpointInUse(
            f"{folder}: process {file.read().strip() or '(unknown)'} streams from this checkpoint; "
            "stop it first, or name another --checkpoint"
        ) from error
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: str, error: OSError) -> BadSetup:
    return BadSetup(f"{folder}: cannot be written ({error.strerror}); make it so, or name another --checkpoint")
