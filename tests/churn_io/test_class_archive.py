"""The archive of the JVM's classes: made by one program's end, mapped by the next, passed over where it is cut off."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from churn_io.jars import connector_jars

PROGRAM = """
import sys
from pathlib import Path
from pyspark import SparkContext
from churn_io.session import spark_session, stopped

spark = spark_session("archive", "local[1]", keeps_classes=sys.argv[1] == "keeps")
assert spark.range(3).count() == 3
print(*{line.split()[-1] for line in Path(f"/proc/{SparkContext._gateway.proc.pid}/maps").read_text().splitlines()})
stopped(spark)
"""


@pytest.fixture
def jars(tmp_path):
    """A cache that has the connector's jars and no archive yet."""
    (folder,) = {jar.parent for jar in connector_jars()}
    (tmp_path / folder.name).symlink_to(folder)
    return tmp_path


def mapped(jars, *arguments):
    """The archive that a program's JVM has in its memory, if any."""
    environment = os.environ | {"SPARKIFY_CACHE": str(jars)}
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=True)
    assert "cds" not in done.stdout + done.stderr  # the JVM says nothing of it
    return [Path(file).name for file in done.stdout.split() if file.endswith(".jsa") and str(jars) in file]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what a JVM maps is read from Linux's /proc")
def test_a_program_that_keeps_classes_makes_the_archive_which_the_next_ones_use_while_it_is_whole(jars):
    left = jars / ".classes-of-a-program-that-was-killed"
    left.touch()
    os.utime(left, (0, 0))
    assert mapped(jars, "keeps") == []
    (archive,) = jars.glob("*.jsa")
    assert mapped(jars, "keeps not") == [archive.name]
    cut = archive.read_bytes()[:-1]
    archive.unlink()  # it is read-only
    archive.write_bytes(cut)
    assert mapped(jars, "keeps") == []
    (anew,) = jars.glob("*.jsa")
    assert anew.stem.endswith(f"-{anew.stat().st_size}")
    assert not list(jars.glob(".classes-*"))
