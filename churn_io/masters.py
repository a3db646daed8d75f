"""Spark's masters by their names: which is this machine, and whether a cluster's answers before Spark waits for it."""

import socket
from urllib.parse import urlparse

from churn.errors import BadSetup

STANDALONE = "spark://"
ANSWER_SECONDS = 5


def is_local(master: str) -> bool:
    """Whether Spark runs in this program's own process: `local`, `local[2]`."""
    return master == "local" or master.startswith("local[")


def require_master(master: str) -> None:
    """Raise BadSetup unless one of a standalone cluster's masters answers; of any other kind Spark finds out itself.

    Spark would ask for a minute, and end with a trace.
    """
    if not master.startswith(STANDALONE):
        return
    found = [_fault(address) for address in master.removeprefix(STANDALONE).split(",")]
    if all(found):
        raise BadSetup(f"{master}: no Spark master answers there ({'; '.join(found)}); start it, or name another")


def _fault(address: str) -> str:
    """Why nobody answers at HOST:PORT; empty when somebody does."""
    try:
        url = urlparse(f"//{address}")
        if not url.hostname or not url.port:
            return f"{address}: wanted is HOST:PORT"
        socket.create_connection((url.hostname, url.port), ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:
        return f"{address}: {error}"
    return ""
