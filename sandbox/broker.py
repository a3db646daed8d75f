"""A real Kafka broker (KRaft, one process, loopback only) from Maven jars, for a machine without Docker."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from churn.errors import BadSetup, BrokerUnavailable
from churn_io import interrupts
from churn_io.jars import kafka_jars
from churn_io.java import require_java
from churn_io.kafka import require_broker
from churn_io.kafka_security import CONFIG, configured

HOST = "127.0.0.1"
START_SECONDS = 60
STOP_SECONDS = 20
HEAP = "512m"

# one of everything, no delays that only a cluster needs
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
message.max.bytes=10485760
"""


@dataclass(frozen=True)
class Broker:
    """A broker's place on disk; running or not."""

    folder: Path

    @property
    def log(self) -> Path:
        """What the broker says."""
        return self.folder / "broker.log"

    @property
    def data(self) -> Path:
        """Kafka's own log folders."""
        return self.folder / "data"

    @property
    def properties(self) -> Path:
        """The broker's settings."""
        return self.folder.resolve() / "server.properties"

    @property
    def mark(self) -> str:
        """What identifies the broker's process among others."""
        return f"-Dsparkify.broker={self.properties}"

    @property
    def port(self) -> int:
        """That of `bootstrap`."""
        return int(self.bootstrap.rpartition(":")[2])

    @property
    def bootstrap(self) -> str:
        """host:port of the first listener, as the settings say."""
        listeners = next(row for row in self.properties.read_text().splitlines() if row.startswith("listeners="))
        return listeners.partition("://")[2].split(",")[0]

    def pid(self) -> int | None:
        """The running broker's process; None when there is none, whatever an old pid file says."""
        try:
            pid = int((self.folder / "broker.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if self.mark in command_of(pid) else None


def command_of(pid: int) -> list[str]:
    """The words of a running process's command; none of one that is not there, or has ended and waits for its parent.

    From /proc where there is one; `ps` may be missing on a slim Linux, and cuts its rows there.
    """
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            return []
    asked = subprocess.run(["ps", "-ww", "-p", str(pid), "-o", "args="], capture_output=True, text=True, check=False)
    return asked.stdout.split()


def start(folder: Path, port: int = 0, fresh: bool = False) -> Broker:
    """Start the broker and wait until it answers; port 0 takes a free one, `fresh` forgets the data.

    A running one is returned as it is. Raises BadSetup for a taken port, missing Java or a broker that will not start.
    """
    if configured().values:
        raise BadSetup(f"the local broker speaks in the clear, and {CONFIG} asks for more; unset it")
    broker = Broker(folder)
    if broker.pid() and not fresh:
        return broker
    stop(folder)
    if fresh:
        forget(folder)
    folder.mkdir(parents=True, exist_ok=True)
    clients, controller = free_ports(port, 0)
    broker.properties.write_text(
        PROPERTIES.format(host=HOST, port=clients, controller_port=controller, data=broker.data.resolve())
    )
    launch(broker, lambda: require_broker(broker.bootstrap))
    return broker


def launch(broker: Broker, require_answer: Callable[[], None]) -> None:
    """Start the process by its properties, its folder formatted first, and wait until `require_answer` is content.

    Raises BadSetup for missing Java or a broker that will not start.
    """
    if not (broker.data / "meta.properties").exists():
        _java(broker, "kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(broker.properties))
    command = _command(broker, "kafka.Kafka", str(broker.properties))
    process: subprocess.Popen[bytes] | None = None
    try:
        with interrupts.held(*interrupts.ENDINGS), broker.log.open("ab") as log:
            # a session of its own: Ctrl-C at the terminal is for the caller, who stops the broker in order
            process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        (broker.folder / "broker.pid").write_text(str(process.pid))
        _await_answer(broker, process, require_answer)
    except BaseException:
        if process:
            process.kill()  # nobody has written to it yet
            process.wait()
        raise


def stop(folder: Path) -> bool:
    """End the broker of this folder; whether there was one."""
    broker = Broker(folder)
    pid = broker.pid()
    if pid is None:
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.kill(pid, number)
        deadline = time.monotonic() + STOP_SECONDS
        while broker.pid() and time.monotonic() < deadline:
            _reap(pid)
            time.sleep(0.1)
        if not broker.pid():
            break
    (folder / "broker.pid").unlink(missing_ok=True)
    return True


def forget(folder: Path) -> None:
    """Delete a stopped broker's folder; raises BadSetup for one that holds something else."""
    if folder.is_dir() and any(folder.iterdir()) and not Broker(folder).properties.exists():
        raise BadSetup(f"{folder} is no broker's folder, and will not be deleted; name another with --data")
    rmtree(folder, ignore_errors=True)


@contextmanager
def running_broker(folder: Path, port: int = 0) -> Iterator[Broker]:
    """A fresh broker that is stopped at the block's end, whatever happens in it."""
    broker = start(folder, port, fresh=True)
    try:
        yield broker
    finally:
        stop(folder)


def free_ports(*wanted: int) -> list[int]:
    """A port for each number, 0 taking any free one; raises BadSetup for one that is taken."""
    with ExitStack() as held:  # together, lest two get the same port
        ports = []
        for port in wanted:
            probe = held.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise BadSetup(f"port {port} is taken; choose another with --port, or 0 for a free one") from error
            ports.append(probe.getsockname()[1])
        return ports


def _await_answer(broker: Broker, process: subprocess.Popen[bytes], require_answer: Callable[[], None]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        if process.poll() is not None:
            raise BadSetup(f"the broker ended with code {process.returncode}; see {broker.log}")
        try:
            with socket.create_connection((HOST, broker.port), timeout=1):
                pass
            require_answer()
            return
        except (OSError, BrokerUnavailable):
            if time.monotonic() > deadline:
                raise BadSetup(f"the broker did not answer within {START_SECONDS} s; see {broker.log}") from None
            time.sleep(0.1)


def _command(broker: Broker, main: str, *arguments: str) -> list[str]:
    classpath = ":".join(str(jar) for jar in kafka_jars())
    # the mark stands first: even -ww has ps cut a command of some thousand letters, and the class path is that long
    return [str(require_java()), broker.mark, f"-Xmx{HEAP}", "-cp", classpath, main, *arguments]


def _java(broker: Broker, main: str, *arguments: str) -> None:
    done = subprocess.run(_command(broker, main, *arguments), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BadSetup(f"{main} in {broker.folder}: {(done.stdout + done.stderr).strip()[-300:]}")


def _cluster_id() -> str:
    return "sparkify-churn-local-0"  # 22 characters of base64, as Kafka wants its ids


def _reap(pid: int) -> None:
    """Collect the process if it is our child, so that it does not stay as a zombie."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # started by another program: its parent collects it
