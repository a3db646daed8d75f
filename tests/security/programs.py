"""Programs as processes, and what every user of the machine could see of them: the words of their commands."""

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from churn_io.kafka_security import CONFIG
from sandbox.broker import command_of

LOOK_SECONDS = 0.1  # between two looks; the shortest JVM lives ten times as long


@dataclass
class Program:
    """`sparkify ARGUMENTS` as a process, with one user's file of properties, and what others could see of it."""

    folder: Path
    commands: set[str] = field(default_factory=set)  # of it and of all that it started

    def __call__(self, properties, *arguments, until=lambda: False):
        """Its output, once it has ended well: by itself, or asked to when `until` comes true."""
        words = [sys.executable, "-m", "sandbox", *map(str, arguments)]
        environment = os.environ | {CONFIG: str(properties), "SPARK_CONF_DIR": str(self.folder / "conf")}
        output = self.folder / f"{len(list(self.folder.glob('*.output')))}-{arguments[0]}.output"
        is_asked = False
        with output.open("wb") as said:
            running = subprocess.Popen(words, stdout=said, stderr=said, env=environment, start_new_session=True)
            while running.poll() is None:
                self.commands |= {" ".join(command_of(pid)) for pid in family(running.pid)}
                if not is_asked and until():
                    running.terminate()
                    is_asked = True
                time.sleep(LOOK_SECONDS)
        assert running.returncode == 0, output.read_text()
        return output.read_text()


def family(leader):
    """All processes of a session."""
    for pid in everybody():
        try:
            if os.getsid(pid) == leader:
                yield pid
        except ProcessLookupError:
            continue


def everybody():
    """All processes of the machine; none where there is no /proc."""
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


@contextmanager
def overheard(*words):
    """A set that gets the command of every process that holds one of the words, as long as the block runs."""
    found, is_over = set(), threading.Event()

    def listen():
        while not is_over.wait(LOOK_SECONDS):
            commands = {" ".join(command_of(pid)) for pid in everybody()}
            found.update(command for command in commands if any(word in command for word in words))

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        yield found
    finally:
        is_over.set()
        listener.join()
