"""A full disk stops the stream with a word on where; with room again, it goes on as if nothing had been."""

import shutil
import subprocess
from dataclasses import replace

import pytest

from churn.errors import DiskFull
from streaming.job import run
from tests.builders import by_time, grumbler, listener
from tests.conftest import missing
from tests.faults.story import USERS
from tests.streaming.test_hostile_input import assert_untouched
from tests.streaming.test_parity import clock_of

LOG = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40)), grumbler("cross", range(20, 40)))
BLOCK = 4096


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own, of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        missing(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(file, blocks_left):
    """Make the file so large that only so many blocks of its disk are left."""
    file.write_bytes(bytes(shutil.disk_usage(file.parent).free - blocks_left * BLOCK))


def test_a_full_disk_is_named_and_with_room_again_nothing_is_missing(spark, job, send, small_disk):
    job = replace(job, checkpoint=str(small_disk / "checkpoint"))
    send(LOG[:40])
    run(spark, job)
    send(LOG[40:])
    filler = small_disk / "filler"
    for blocks_left in (0, 4):  # not even a plan can be written; a plan can, and no state
        fill(filler, blocks_left)
        said = rf"{job.checkpoint}: no space left on its disk \(.* MiB free\); make room .* its checkpoint"
        with pytest.raises(DiskFull, match=said):
            run(spark, job)
        filler.unlink()
    total = run(spark, job)
    assert total.is_balanced
    assert total.read == len(LOG) - 40
    assert_untouched(spark, job, LOG, clock_of(LOG), USERS)
