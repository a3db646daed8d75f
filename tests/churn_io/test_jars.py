"""The jars come once, whoever asks at the same time."""

import os
import subprocess
import sys

COUNTED = "from churn_io.jars import connector_jars; print(len(connector_jars()))"


def test_two_programs_that_fetch_the_same_jars_at_once_both_have_them(spark, tmp_path):
    """(`spark`: not a unit test, it starts Java.)"""
    environment = {**os.environ, "SPARKIFY_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", COUNTED]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    counts = [process.communicate(timeout=600)[0].strip() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert counts[0] == counts[1] != "0"
