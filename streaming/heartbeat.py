"""A file that is touched whenever the query has turned over: how others see that the stream is alive, and not stuck."""

from pathlib import Path

from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
)


class Heartbeat(StreamingQueryListener):  # type: ignore[misc]  # Any: mypy skips pyspark
    """Touches the file after each batch, and every ten seconds while there is nothing to read.

    A query that only starts, again and again, turns nothing over and leaves the file as it is.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)  # an earlier run's

    def onQueryStarted(self, event: QueryStartedEvent) -> None:  # noqa: N802  (Spark's names)
        """Nothing has been read yet."""

    def onQueryProgress(self, event: QueryProgressEvent) -> None:  # noqa: N802
        """A batch is done."""
        self._file.touch()

    def onQueryIdle(self, event: QueryIdleEvent) -> None:  # noqa: N802
        """The topic was asked, and has nothing new."""
        self._file.touch()

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:  # noqa: N802
        """The program says why."""
