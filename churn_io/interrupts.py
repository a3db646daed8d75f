"""Signals that wait a moment: what had only half started when one came would outlive the program."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # what asks a program to end in order


@contextmanager
def held(*numbers: int) -> Iterator[None]:
    """These signals take effect at the block's end, by the handlers that were there at its beginning.

    Handlers that the block sets for them are not kept. Only the main thread gets signals: any other holds none.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda which, _frame: came.append(which)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number in came:
        signal.raise_signal(number)
