"""Seconds by phase, and the driver's peak memory: the JVM's and this Python process's."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

MIB = 2**20
PHASES = {"reading": "reading", "taking": "snapshots", "finding": "classes"}  # the first word of what training says
LEARNERS = "learners"  # all that follows


class Stopwatch:
    """Told at each phase's beginning, as training announces it; `seconds` are summed by phase."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.seconds: dict[str, float] = {}
        self._clock = clock
        self._running: tuple[str, float] | None = None

    def __call__(self, phase: str) -> None:
        """The next phase begins."""
        self.stop()
        self._running = PHASES.get(phase.split(maxsplit=1)[0], LEARNERS), self._clock()

    def step(self, done: int, total: int) -> None:
        """Part of a phase is done: no matter."""

    def stop(self) -> None:
        """The last phase is over."""
        if self._running:
            phase, began = self._running
            self.seconds[phase] = self.seconds.get(phase, 0.0) + self._clock() - began
        self._running = None

    @property
    def total(self) -> float:
        """Seconds of all phases."""
        return sum(self.seconds.values())


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds that `work` takes, and what it gives."""
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def forget_peaks(spark: SparkSession) -> None:
    """The peaks begin anew, from what is in use after a garbage collection."""
    spark._jvm.java.lang.System.gc()
    for pool in _heap_pools(spark):
        pool.resetPeakUsage()
    for pid in _driver(spark):
        with suppress(OSError):  # no Linux, or not allowed: then the peak is that since the process began
            Path(f"/proc/{pid}/clear_refs").write_text("5")


def peaks(spark: SparkSession) -> dict[str, float | None]:
    """MiB since `forget_peaks`: `driver_mib`, resident in both processes (None without Linux's /proc); `heap_mib`.

    The heap's is known everywhere. It counts garbage not yet collected, and is the sum of its pools' peaks, which need
    not fall together, but no more than the heap may grow to.
    """
    used = sum(pool.getPeakUsage().getUsed() for pool in _heap_pools(spark))
    limit = spark._jvm.java.lang.Runtime.getRuntime().maxMemory()
    resident = [_most_resident_mib(pid) for pid in _driver(spark)]
    found = [mib for mib in resident if mib is not None]
    return {"driver_mib": sum(found) if len(found) == len(resident) else None, "heap_mib": min(used, limit) / MIB}


def _driver(spark: SparkSession) -> tuple[int, int]:
    """The process ids of the JVM and of this Python."""
    return spark._jvm.java.lang.ProcessHandle.current().pid(), os.getpid()


def _heap_pools(spark: SparkSession) -> list[Any]:
    pools = spark._jvm.java.lang.management.ManagementFactory.getMemoryPoolMXBeans()
    return [pool for pool in pools if pool.getType().name() == "HEAP" and pool.isValid()]


def _most_resident_mib(pid: int) -> float | None:
    """The process's high-water mark, from Linux's /proc."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    marks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]  # KiB
    return marks[0] / 1024 if marks else None
