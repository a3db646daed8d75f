"""What a program and its children take of the machine, sampled while it runs; from Linux's /proc."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from churn.errors import BadSetup

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")  # of CPU time, a second


@dataclass(frozen=True)
class Sample:
    """Of a process and the children that it had then: memory that is resident, CPU time since their starts."""

    at_ms: float  # epoch
    resident_mib: float
    cpu_seconds: float


@contextmanager
def sampled(pid: int, every_seconds: float) -> Iterator[list[Sample]]:
    """Inside the block, the samples as they are taken; raises BadSetup where there is no such process, or no /proc."""
    if not Path(f"/proc/{pid}").exists():
        raise BadSetup(f"/proc/{pid}: not there; memory is read from Linux's /proc, of a process that runs")
    samples: list[Sample] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(every_seconds):
            try:
                samples.append(taken(pid))
            except (FileNotFoundError, ProcessLookupError):  # one of them has just ended
                continue

    sampling = threading.Thread(target=sample)
    sampling.start()
    try:
        yield samples
    finally:
        ended.set()
        sampling.join()


def taken(pid: int) -> Sample:
    """A sample of now; raises FileNotFoundError or ProcessLookupError when one of the processes ends meanwhile."""
    children = " ".join(path.read_text() for path in Path(f"/proc/{pid}").glob("task/*/children")).split()
    family = [Path("/proc") / each for each in (str(pid), *children)]
    pages = sum(int((folder / "statm").read_text().split()[1]) for folder in family)
    times = [(folder / "stat").read_text().rpartition(")")[2].split()[11:13] for folder in family]
    ticks = sum(int(of_user) + int(of_system) for of_user, of_system in times)
    return Sample(1000 * time.time(), pages * PAGE_BYTES / 2**20, ticks / TICKS)
