"""What a command does right now, while it does it, and how long each part took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.status import Status

from churn_io.console import speech


class Announce(Protocol):
    """To be told what begins, and how far it is."""

    def __call__(self, phase: str) -> None:
        """A phase begins, and with it ends the one before."""

    def step(self, done: int, total: int) -> None:
        """So much of the phase is done."""


class Silence:
    """Says nothing."""

    def __call__(self, phase: str) -> None:
        """Nothing."""

    def step(self, done: int, total: int) -> None:
        """Nothing."""


SILENCE = Silence()


class Phases:
    """Says what is being done on one line that changes, and leaves a line with the seconds when it is done."""

    def __init__(self, status: Status, clock: Callable[[], float]) -> None:
        self._status = status
        self._clock = clock
        self._running: tuple[str, float] | None = None

    def __call__(self, phase: str) -> None:
        """A phase begins; the one before is done."""
        self.finish()
        self._running = phase, self._clock()
        self._status.update(phase)

    def step(self, done: int, total: int) -> None:
        """So much of the phase is done."""
        if self._running:
            self._status.update(f"{self._running[0]}: {done} of {total}")

    def finish(self) -> None:
        """The last phase is done."""
        if self._running:
            phase, began = self._running
            speech.print(f"{self._clock() - began:6.1f} s  {phase}", style="dim", highlight=False)
        self._running = None


@contextmanager
def phases(clock: Callable[[], float] = time.perf_counter) -> Iterator[Phases]:
    """To announce phases with, on the terminal."""
    with speech.status("…") as status:
        told = Phases(status, clock)
        yield told
        told.finish()
