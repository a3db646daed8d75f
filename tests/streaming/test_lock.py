"""One stream a checkpoint: the second is refused, and nothing outlives the first."""

import subprocess
import sys

import pytest

from churn.errors import BadSetup, CheckpointInUse
from streaming.lock import held

HOLDER = """
import sys, time
from streaming.lock import held
with held(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_second_is_told_who_holds_it_and_a_killed_holder_leaves_nothing(tmp_path):
    folder = str(tmp_path / "checkpoint")
    with subprocess.Popen([sys.executable, "-c", HOLDER, folder], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(CheckpointInUse, match=rf"process {holder.pid} .*--checkpoint"), held(folder):
            pass
        holder.kill()
        holder.wait()
        with held(folder):
            pass


def test_a_released_checkpoint_is_anybodys(tmp_path):
    for _ in range(2):
        with held(str(tmp_path)):
            pass


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    place = str(tmp_path / "file" / "checkpoint")
    with pytest.raises(BadSetup, match=r"file/checkpoint: cannot be written \(Not a directory\)"), held(place):
        pass


def test_a_checkpoint_on_an_object_store_is_not_locked():
    with held("s3a://bucket/checkpoint"), held("s3a://bucket/checkpoint"):
        pass
