"""A real Spark cluster on loopback from PySpark's jars: a master, and workers of one core with folders of their own."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyspark

from churn_io.java import require_java
from sandbox.broker import HOST, free_ports

START_SECONDS = 120  # ends a hang
MASTER, WORKER = "org.apache.spark.deploy.master.Master", "org.apache.spark.deploy.worker.Worker"
SPARK_HOME = Path(pyspark.__file__).parent
REGISTERED = "Successfully registered with master"


@dataclass
class Standalone:
    """A cluster that runs; each process heads a group, in which a worker's executors are too."""

    folder: Path
    port: int
    processes: list[subprocess.Popen] = field(default_factory=list)

    @property
    def address(self) -> str:
        """As --master wants it."""
        return f"spark://{HOST}:{self.port}"

    def start(self, *words: str) -> Path:
        """Start a process of the cluster; the file that has what it says."""
        name = f"{len(self.processes)}-{words[0].rpartition('.')[2]}"
        log = self.folder / f"{name}.log"
        command = [SPARK_HOME / "bin" / "spark-class", *words, "--host", HOST, "--webui-port", "0"]
        said_to_spark = {"SPARK_HOME": str(SPARK_HOME), "SPARK_DAEMON_MEMORY": "256m", "SPARK_LOCAL_IP": HOST}
        with log.open("wb") as said:
            process = subprocess.Popen(
                command, stdout=said, stderr=said, env={**os.environ, **said_to_spark}, start_new_session=True
            )
        self.processes.append(process)
        return log

    @property
    def workers(self) -> list[subprocess.Popen]:
        """All that were started, the newest last."""
        return self.processes[1:]

    def add_worker(self) -> None:
        """Start a worker, and wait until the master knows it."""
        work = self.folder / f"work-{len(self.processes)}"
        log = self.start(WORKER, "--cores", "1", "--memory", "2g", "--work-dir", str(work), self.address)
        await_that(lambda: REGISTERED in log.read_text(), log)


def await_that(holds, log: Path) -> None:
    """Wait until it holds; what the process said if it never does."""
    deadline = time.monotonic() + START_SECONDS
    while not holds():
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.2)


def answers(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def kill(process: subprocess.Popen) -> None:
    """End it and what it started as kill -9 does; one that has ended stays so."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def running_standalone(folder: Path) -> Iterator[Standalone]:
    """A cluster with two workers, ended at the block's end. Raises BadSetup when Java is missing."""
    require_java()
    (port,) = free_ports(0)
    cluster = Standalone(folder, port)
    try:
        log = cluster.start(MASTER, "--port", str(port))
        await_that(lambda: answers(port), log)
        cluster.add_worker()
        cluster.add_worker()
        yield cluster
    finally:
        for process in reversed(cluster.processes):
            kill(process)
