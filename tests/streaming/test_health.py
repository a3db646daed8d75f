"""What the stream's health check says of a heartbeat's age."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streaming.health import HEARTBEAT, STALE, complaint

NOW_S = 1_800_000_000.0


@pytest.fixture
def heartbeat(tmp_path):
    """A heartbeat's file, touched 100 seconds ago."""
    file = tmp_path / "heartbeat"
    file.touch()
    os.utime(file, (NOW_S - 100, NOW_S - 100))
    return file


def test_a_stream_that_turned_over_within_its_time_is_well(heartbeat):
    assert complaint(heartbeat, 100, NOW_S) is None


def test_a_stream_that_is_silent_for_longer_is_not(heartbeat):
    assert complaint(heartbeat, 99, NOW_S) == (
        "the stream turned over 100 s ago, SPARKIFY_STALE_SECONDS allows 99; see its log"
    )


def test_a_stream_that_never_turned_over_is_not(tmp_path):
    assert complaint(tmp_path / "none", 100, NOW_S).startswith("no batch is done yet")


@pytest.mark.parametrize(
    ("set_up", "code", "said"),
    [
        ({HEARTBEAT: __file__, STALE: "99999999999"}, 0, ""),
        ({HEARTBEAT: __file__, STALE: "0"}, 1, "SPARKIFY_STALE_SECONDS allows 0"),
        ({HEARTBEAT: __file__, STALE: "soon"}, 1, "SPARKIFY_STALE_SECONDS is 'soon'; set it to whole seconds"),
        ({}, 1, "SPARKIFY_HEARTBEAT names no file"),
    ],
)
def test_the_check_is_an_exit_code_and_a_line(set_up, code, said):
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), **set_up}
    command = [sys.executable, "-m", "streaming.health"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 1
