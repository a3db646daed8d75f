"""An outage of the broker: the stream waits for its return, and goes on from its checkpoint."""

import logging
import threading
from collections.abc import Callable

from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_exponential,
)

from churn.errors import BrokerUnavailable

LONGEST_WAIT_SECONDS = 30  # between two looks at a broker that is out

log = logging.getLogger(__name__)


def outlasting(
    attempt: Callable[[], None], require_broker: Callable[[], None], minutes: float, stop: threading.Event
) -> None:
    """Make the attempt; after each outage, wait until the broker is there again and make it anew.

    Raises BrokerUnavailable when an outage lasts longer than so many minutes. A stop ends the wait.
    """
    while True:
        try:
            return attempt()
        except BrokerUnavailable as outage:
            if not minutes:
                raise
            log.warning("outage: %s; waiting up to %g minutes for it", outage, minutes)
            if not _is_back(require_broker, minutes, stop):
                return None
            log.warning("outage: the broker answers again; going on from the checkpoint")


def _is_back(require_broker: Callable[[], None], minutes: float, stop: threading.Event) -> bool:
    """Wait for the broker; False when a stop comes first."""
    looking = Retrying(
        retry=retry_if_exception_type(BrokerUnavailable),
        wait=wait_exponential(max=LONGEST_WAIT_SECONDS),
        stop=stop_after_delay(minutes * 60) | stop_when_event_set(stop),
        sleep=sleep_using_event(stop),
    )
    try:
        looking(require_broker)
    except RetryError as gave_up:
        if stop.is_set():
            return False
        raise BrokerUnavailable(
            f"{gave_up.last_attempt.exception()}; waited {minutes:g} minutes (--outage-minutes) for it; "
            "start the stream again when it is back: it goes on from its checkpoint"
        ) from gave_up
    return not stop.is_set()
