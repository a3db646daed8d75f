"""An outage of the broker: the stream waits for its return, and goes on from its checkpoint."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tenacity import (
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_exponential,
)

from churn.errors import BrokerUnavailable

LONGEST_WAIT_SECONDS = 30  # between two looks at a broker that is out
PAUSE_SECONDS = 1  # before the first: a broker that answers and yet fails each batch is not to be asked without rest

log = logging.getLogger(__name__)


@dataclass
class Outage:
    """When the broker was lost (seconds of `time.monotonic`), and what had been done by then."""

    began: float
    done: object

    def left(self, minutes: float) -> float:
        """How many of so many minutes are left to wait."""
        return minutes - (time.monotonic() - self.began) / 60


def outlasting(
    attempt: Callable[[], None],
    require_broker: Callable[[], None],
    done: Callable[[], object],
    minutes: float,
    stop: threading.Event,
) -> None:
    """Make the attempt; after each outage, wait until the broker is there again and make it anew.

    An outage ends when `done` says that something was: a broker that answers, and takes nothing, is out too. Raises
    BrokerUnavailable when one lasts longer than so many minutes. A stop ends the wait.
    """
    outage: Outage | None = None
    while True:
        try:
            return attempt()
        except BrokerUnavailable as error:
            if not minutes:
                raise
            if outage is None or outage.done != done():
                outage = Outage(time.monotonic(), done())
            if outage.left(minutes) <= 0:
                raise _given_up(error, minutes) from error
            log.warning("outage: %s; waiting up to %g minutes for it", error, minutes)
            stop.wait(PAUSE_SECONDS)
            try:
                if not _is_back(require_broker, outage.left(minutes), stop):
                    return None
            except BrokerUnavailable as still:
                raise _given_up(still, minutes) from still
            log.warning("outage: the broker answers again; going on from the checkpoint")


def _given_up(error: object, minutes: float) -> BrokerUnavailable:
    return BrokerUnavailable(
        f"{error}; waited {minutes:g} minutes (--outage-minutes) for it; "
        "start the stream again when it is back: it goes on from its checkpoint"
    )


def _is_back(require_broker: Callable[[], None], minutes: float, stop: threading.Event) -> bool:
    """Wait for the broker; False when a stop comes first."""
    looking = Retrying(
        retry=retry_if_exception_type(BrokerUnavailable),
        wait=wait_exponential(max=LONGEST_WAIT_SECONDS),
        stop=stop_after_delay(minutes * 60) | stop_when_event_set(stop),
        sleep=sleep_using_event(stop),
        reraise=True,
    )
    try:
        looking(require_broker)
    except BrokerUnavailable:
        if not stop.is_set():
            raise
    return not stop.is_set()
