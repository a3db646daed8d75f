"""Logs: JSON text or Parquet, one file or many, local or on S3, or a topic; read in one pass and accounted for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from batch_training.topic_log import is_topic, topic_log, topic_records
from churn.errors import InvalidLog
from churn.events import CANCELLED, accepted, has_code, judged, parsed, rules
from churn_io.storage import Storage, cause, in_one_line, local_path

# what Spark says of a file that is damaged, or that it may not read
UNREADABLE = ("FAILED_READ_FILE", "EOFException", "ZipException", "AccessDenied", "AccessControlException")

REQUIRED_COLUMNS = ("userId", "page", "ts", "level", "registration")
READ_IF_THERE = ("location",)


@dataclass(frozen=True)
class Counts:
    """Where the lines of a log went, and what span the accepted events cover (epoch ms).

    `stray_days_ms`: midnights of days with events that are left out of the span.
    """

    read: int
    accepted: int
    without_user: int
    rejected: dict[str, int]
    cancels: int
    first_ms: int
    last_ms: int
    stray_days_ms: tuple[int, ...] = ()


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Inside it a log is read for the first time: what Spark cannot read of it raises InvalidLog."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        if not any(word in str(error) for word in UNREADABLE):
            raise
        raise InvalidLog(f"{path}: a file in it cannot be read ({cause(error)}); check the file") from error


class AcceptedEvents:
    """The accepted events of a log; the counts are there after the first action on `events`."""

    def __init__(self, records: DataFrame, path: str) -> None:
        self.path = path
        self._lines, self._events = Observation(), Observation()
        self._judged = records.transform(parsed).transform(judged)
        lines = self._judged.observe(self._lines, *line_metrics())
        self.events = lines.transform(accepted).observe(self._events, *event_metrics())

    def counts(self, had_result: bool = True) -> Counts:
        """Waits for the first action; raises InvalidLog when no event was accepted.

        When that had no result, by a pass of its own: Spark drops the observations of a query that it finds empty.
        """
        if had_result:
            return account(self.path, self._lines.get, self._events.get)
        lines = self._judged.agg(*line_metrics()).first()
        events = self._judged.transform(accepted).agg(*event_metrics()).first()
        return account(self.path, lines.asDict(), events.asDict())


def account(path: str, lines: dict[str, int], events: dict[str, int]) -> Counts:
    """The values of the line and event metrics as Counts; raises InvalidLog when no event was accepted."""
    rejected = {reason: lines[reason] for reason in _reasons() if lines[reason]}
    if not events["accepted"]:
        raise InvalidLog(
            f"{path}: no usable event in {lines['read']:,} lines ({lines['without_user']:,} without a user, "
            f"rejected: {rejected or 0}); wanted is one JSON object a line with {', '.join(REQUIRED_COLUMNS)}"
        )
    return Counts(
        read=lines["read"],
        accepted=events["accepted"],
        without_user=lines["without_user"],
        rejected=rejected,
        cancels=events["cancels"],
        first_ms=events["first_ms"],
        last_ms=events["last_ms"],
    )


def require_there(path: str) -> None:
    """Raise InvalidLog for a local path that leads nowhere, and for a topic what its broker says of it.

    Before Spark is started, which takes seconds.
    """
    if is_topic(path):
        topic_log(path).require()
    local = local_path(path)
    if local and not local.exists():
        raise InvalidLog(f"{path}: no log there; wanted is a file or a folder of JSON lines or Parquet")


def accepted_events(spark: SparkSession, path: str, present_ms: int) -> AcceptedEvents:
    """A log's accepted events; later than a day after `present_ms` is rejected. Raises InvalidLog."""
    return AcceptedEvents(records(spark, path, present_ms), path)


def records(spark: SparkSession, path: str, present_ms: int, optional: tuple[str, ...] = ()) -> DataFrame:
    """A log's `value` (JSON text) and `recorded_ms`; of Parquet, the columns that are read and the `optional` ones.

    Raises InvalidLog.
    """
    if is_topic(path):
        return topic_records(spark, path)
    return _values(spark, path, optional).select("value", F.lit(present_ms).cast("long").alias("recorded_ms"))


def _values(spark: SparkSession, path: str, optional: tuple[str, ...]) -> DataFrame:
    """The log's records as JSON text: `value`."""
    reader = spark.read.option("recursiveFileLookup", True)
    where = Storage(spark).spark_path(path)
    try:
        text = reader.text(where)
        files = text.inputFiles()
        if any(file.endswith(".parquet") for file in files):
            return _as_json(reader.parquet(where), path, optional)
    except AnalysisException as error:
        raise InvalidLog(f"{path}: no log there; wanted is a file or a folder of JSON lines or Parquet") from error
    except (PySparkException, Py4JJavaError) as error:
        raise InvalidLog(f"{path}: unreadable: {in_one_line(error)}") from error
    if not files:
        raise InvalidLog(f"{path}: an empty folder; wanted are files of JSON lines or Parquet")
    return text.select("value")


def _as_json(rows: DataFrame, path: str, optional: tuple[str, ...]) -> DataFrame:
    """Rows with a log's columns -> `value`, so that the same parser and the same rules apply."""
    missing = [name for name in REQUIRED_COLUMNS if name not in rows.columns]
    if missing:
        raise InvalidLog(f"{path}: lacks {', '.join(missing)}; its columns are {', '.join(rows.columns)}")
    read = dict.fromkeys((*REQUIRED_COLUMNS, *READ_IF_THERE, *optional))
    wanted = [name for name in read if name in rows.columns]
    columns = [_epoch_ms(rows, name).alias(name) for name in wanted]
    return rows.select(F.to_json(F.struct(*columns)).alias("value"))


def _epoch_ms(rows: DataFrame, name: str) -> Column:
    """A timestamp as epoch ms, as the JSON has it; any other column as it is."""
    is_timestamp = isinstance(rows.schema[name].dataType, T.TimestampType | T.TimestampNTZType)
    return F.unix_millis(F.col(name).cast("timestamp")) if is_timestamp else F.col(name)


def _reasons() -> list[str]:
    return list(dict.fromkeys(rule.reason for rule in rules()))


def line_metrics() -> list[Column]:
    """Of judged lines: how many were read, are without a user, break each rule."""
    reason = F.col("reason")
    return [
        F.count(F.lit(1)).alias("read"),
        F.count_if(reason.isNull() & F.col("without_user")).alias("without_user"),
        *(F.count_if(reason == name).alias(name) for name in _reasons()),
    ]


def event_metrics() -> list[Column]:
    """Of accepted events: how many there are, how many are cancels, and what span they cover."""
    return [
        F.count(F.lit(1)).alias("accepted"),
        F.count_if(has_code(CANCELLED)).alias("cancels"),
        F.min("ts_ms").alias("first_ms"),
        F.max("ts_ms").alias("last_ms"),
    ]
