"""A file that is touched whenever the query has turned over: how others see that the stream is alive, and not stuck."""

from pathlib import Path

from py4j.java_gateway import JavaObject
from pyspark.java_gateway import ensure_callback_server_started
from pyspark.sql import SparkSession

LISTENING = "org.apache.spark.sql.streaming.PythonStreamingQueryListener"


class Heartbeat:
    """Touches the file after each batch, and every ten seconds while there is nothing to read.

    A query that only starts, again and again, turns nothing over and leaves the file as it is. It listens as PySpark's
    own listeners do, but leaves Spark's reports where they are: each as Python objects takes the JVM as long as a tenth
    of a small batch.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)  # an earlier run's

    def listen(self, spark: SparkSession) -> None:
        """Hear of all queries of the session from now on."""
        ensure_callback_server_started(spark.sparkContext._gateway)
        spark._jsparkSession.streams().addListener(getattr(spark._jvm, f"{LISTENING}Wrapper")(self))

    def onQueryStarted(self, event: JavaObject) -> None:  # noqa: N802  (Spark's names)
        """Nothing has been read yet."""

    def onQueryProgress(self, event: JavaObject) -> None:  # noqa: N802
        """A batch is done."""
        self._file.touch()

    def onQueryIdle(self, event: JavaObject) -> None:  # noqa: N802
        """The topic was asked, and has nothing new."""
        self._file.touch()

    def onQueryTerminated(self, event: JavaObject) -> None:  # noqa: N802
        """The program says why."""

    class Java:
        """What py4j is to know of it."""

        implements = (LISTENING,)
