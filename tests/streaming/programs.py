"""`sparkify score` as its users run it: a process of its own, and what it says."""

import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 400  # ends a hang; a slow machine needs two minutes


def score_words(job, *flags, **other):
    """The words that score this job, but for what is other."""
    options = {
        "bootstrap": job.source.bootstrap,
        "topic": job.source.topic,
        "scores-topic": job.topics.scores,
        "alerts-topic": job.topics.alerts,
        "rejected-topic": job.topics.rejected,
        "models": job.models,
        "checkpoint": job.checkpoint,
        "max-events-per-trigger": job.source.max_events_per_trigger,
    } | other
    return ["score", *(word for name, value in options.items() for word in (f"--{name}", str(value))), *flags]


@dataclass(frozen=True)
class Scoring:
    """A stream that was started, and the file that has what it says."""

    process: subprocess.Popen
    log: Path

    @property
    def said(self):
        """All that it has said so far."""
        return self.log.read_text()

    @property
    def batches(self):
        """How many batches it has finished so far: a line each."""
        return len(re.findall(r"^\d\d:\d\d:\d\d batch \d+ ", self.said, re.M))

    @property
    def jvm(self):
        """The process of its Spark, which is there once a model is loaded."""
        found = subprocess.run(["pgrep", "-P", str(self.process.pid), "java"], capture_output=True, check=True)
        return int(found.stdout)

    def await_text(self, text, after=0):
        """Wait until it has said it, after the so many letters that it had said before."""
        deadline = time.monotonic() + START_SECONDS
        while text not in self.said[after:]:
            assert time.monotonic() < deadline, self.said[-2000:]
            assert self.process.poll() is None or text in self.said[after:], self.said[-2000:]
            time.sleep(0.2)

    def kill(self):
        """End it as kill -9 does."""
        self.process.kill()
        self.process.wait()


# what Spark says of itself while it starts; all of it comes before anything of ours
STARTING = ("WARNING: Using incubator", "Using Spark's default", "Setting ", "To adjust logging level")


def said_to_the_user(said):
    """The lines of a program's output that are not Spark's greeting."""
    return [line for line in said.splitlines() if not line.startswith(STARTING) and " WARN " not in line]


@contextmanager
def scoring_processes(folder):
    """A function that starts `python -m streaming WORDS`; what runs at the block's end is killed."""
    running = []

    def start(words):
        log = folder / f"score-{len(running)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen([sys.executable, "-m", "streaming", *words], stdout=output, stderr=output)
        running.append(Scoring(process, log))
        return running[-1]

    try:
        yield start
    finally:
        for each in running:
            each.kill()
