"""The streaming program: set-up checks, the query, its progress, and a stop that falls between two batches."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import FrameType

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQuery

from churn_io.kafka import beginnings, require_broker, require_topics, topic_id
from churn_io.registry import Registry
from churn_io.storage import Storage
from streaming import garbage
from streaming import query as streaming_query
from streaming.accounts import Accounts
from streaming.checkpoint import Checkpoint
from streaming.failures import named, quieten
from streaming.micro_batch import optimised
from streaming.models import CurrentModel, InForce, ShadowModel
from streaming.outages import outlasting
from streaming.sink import last_alerts
from streaming.source import Source, live
from streaming.trigger import Policy, Topics, Trigger

POLL_SECONDS = 0.1
OUTAGE_MINUTES = 10.0  # a broker's upgrade or move; whoever watches the stream hears of what lasts longer
UNREPORTED_IN = "org.apache.spark.sql.kafka010.KafkaMicroBatchStream$"


@dataclass(frozen=True)
class Settings:
    """What `sparkify score` was asked to do."""

    source: Source
    models: str
    checkpoint: str
    policy: Policy
    topics: Topics = field(default_factory=Topics)
    available_now: bool = False
    trigger_ms: int = 0
    dedupe_hours: int | None = None
    outage_minutes: float = OUTAGE_MINUTES
    state_only: bool = False


class StopRequested(Exception):
    """Refuses the batch that was planned when the stop came: the restart repeats it."""


@dataclass
class StopSignal:
    """Set by SIGTERM or Ctrl-C; remembers whether it was the keyboard."""

    event: threading.Event = field(default_factory=threading.Event)
    from_keyboard: bool = False

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        self.from_keyboard = number == signal.SIGINT
        self.event.set()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Catch both signals inside the block; a second one there ends the program at once."""
        before = {number: signal.signal(number, self._once) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _once(self, number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_DFL)
        self(number, frame)


def run(
    spark: SparkSession,
    settings: Settings,
    stop: StopSignal | None = None,
    on_batch: Callable[[int, Accounts], None] = lambda _batch_id, _accounts: None,
    on_model: Callable[[InForce], None] = lambda _found: None,
) -> Accounts:
    """Score until stopped (or, with `available_now`, until the topic is drained) and return the run's accounts.

    Raises BrokerUnavailable, TopicMissing, CheckpointMismatch and NoModel before anything is read, ModelMismatch before
    anything is published, and another ChurnError for a failure that is known (streaming/failures.py). An outage of the
    broker is waited for.
    """
    stop = stop or StopSignal()
    quieten(spark)
    checkpoint = Checkpoint(Storage(spark), settings.checkpoint, settings.dedupe_hours)
    with named(settings.source, checkpoint):
        trigger = prepared(spark, settings, checkpoint, on_batch, on_model)

    def attempt() -> None:
        with named(settings.source, checkpoint):
            require_checkpoint(spark, settings.source, checkpoint)
            # takes seconds, in which the query starts and computes its first batch; `require_model` has what it raises
            beside.submit(trigger.model.scorer)
            # from the topic each time: an alert whose outcome the outage hid is there, or it is not
            trigger.alerted = last_alerts(settings.source.bootstrap, settings.topics.alerts)
            scored(spark, settings, trigger, stop)

    looks = partial(require_leaders, settings)
    with ThreadPoolExecutor(1) as beside, garbage.kept_small():
        outlasting(attempt, looks, lambda: trigger.total, settings.outage_minutes, stop.event)
    return trigger.total


def prepared(
    spark: SparkSession,
    settings: Settings,
    checkpoint: Checkpoint,
    on_batch: Callable[[int, Accounts], None],
    on_model: Callable[[InForce], None],
) -> Trigger:
    """Everything a batch needs; broker, topics and the model's card are checked."""
    source, topics = settings.source, settings.topics
    require_kafka(settings)
    registry = Registry(spark, settings.models)
    registry.card(registry.current_version())
    model, shadow = CurrentModel(spark, registry, on_model), ShadowModel(spark, registry)
    speaks = not settings.state_only
    return Trigger(spark, source, topics, settings.policy, checkpoint, model, shadow, on_batch, speaks)


def require_checkpoint(spark: SparkSession, source: Source, checkpoint: Checkpoint) -> None:
    """Raise CheckpointMismatch or CheckpointDamaged unless the checkpoint is new, or whole and of this topic."""
    identity = topic_id(source.bootstrap, source.topic)
    checkpoint.require(source.topic, identity, spark.conf.get("spark.sql.shuffle.partitions") or "")
    checkpoint.require_whole()


def scored(spark: SparkSession, settings: Settings, trigger: Trigger, stop: StopSignal) -> None:
    """One life of the query, and the sweep at the end of a drained topic."""
    failures: list[Exception] = []
    on_states = guarded(trigger, stop, failures)
    while True:
        trigger.scoring = None  # it belongs to the session of the query before
        running = started(spark, settings, trigger.checkpoint, on_states)
        require_model(running, trigger.model)
        if finished(running, stop, failures):
            break
    if failures and not isinstance(failures[0], StopRequested):
        raise failures[0]
    sweeps = settings.policy.sweep_days and not settings.state_only
    if settings.available_now and sweeps and not stop.event.is_set():
        trigger.sweep()


def require_kafka(settings: Settings) -> None:
    """Raise BrokerUnavailable, TopicMissing or NotAllowed."""
    source, topics = settings.source, settings.topics
    require_broker(source.bootstrap)
    write = {"WRITE"}
    needs = {source.topic: {"READ"}, topics.scores: write, topics.alerts: {"READ", "WRITE"}, topics.rejected: write}
    require_topics(source.bootstrap, needs)


def require_leaders(settings: Settings) -> None:
    """Raise as `require_kafka` does, and BrokerUnavailable unless every partition of the topics has a leader."""
    require_kafka(settings)
    topics = settings.topics
    for topic in (settings.source.topic, topics.scores, topics.alerts, topics.rejected):
        beginnings(settings.source.bootstrap, topic)


def started(
    spark: SparkSession, settings: Settings, checkpoint: Checkpoint, on_states: Callable[[DataFrame, int], None]
) -> StreamingQuery:
    """The running query."""
    for name, value in checkpoint.settings(is_live=not settings.available_now).items():
        if value is None:
            spark.conf.unset(name)
        else:
            spark.conf.set(name, value)
    writer = (
        streaming_query.states(live(spark, settings.source), settings.dedupe_hours)
        .transform(optimised)
        .writeStream.outputMode("update")
        .foreachBatch(on_states)
        .option("checkpointLocation", checkpoint.spark_folder)
    )
    if settings.available_now:
        return writer.trigger(availableNow=True).start()
    return writer.trigger(processingTime=f"{settings.trigger_ms} milliseconds").start()


def require_model(running: StreamingQuery, model: CurrentModel) -> None:
    """Wait until the model can score; when it cannot, stop the query and raise NoModel, ModelMismatch or Spark's."""
    try:
        model.scorer()
    except Exception:
        running.stop()
        raise


def guarded(trigger: Trigger, stop: StopSignal, failures: list[Exception]) -> Callable[[DataFrame, int], None]:
    """The trigger, refusing batches after a stop, and keeping the exception that Spark would turn into a text."""

    def on_states(states: DataFrame, batch_id: int) -> None:
        garbage.collect()  # of the batch before
        try:
            if stop.event.is_set():
                raise StopRequested(f"batch {batch_id} is left to the restart")
            trigger(states, batch_id)
        except Exception as error:
            failures.append(error)
            raise

    return on_states


def finished(running: StreamingQuery, stop: StopSignal, failures: list[Exception]) -> bool:
    """Wait for the query's end; False when it has to be started again. What Spark raised itself is raised."""
    try:
        watch(running, stop)
    except PySparkException:
        if failures:
            return True
        if not is_unreported(running):
            raise
        return stop.event.is_set()
    return True


def is_unreported(failed: StreamingQuery) -> bool:
    """Whether the query ended for want of a figure in its progress report, its batch being committed (SPARK-57438).

    In Spark 4.1.1 that happens to every batch that a restart repeats; the batch after it is well.
    """
    trace = failed._jsq.exception().get().cause().getStackTrace()
    return len(trace) > 0 and str(trace[0].getClassName()) == UNREPORTED_IN and trace[0].getMethodName() == "metrics"


def watch(running: StreamingQuery, stop: StopSignal) -> None:
    """Wait for the query's end; once stopped, end it as soon as no batch runs."""
    while running.isActive:
        if stop.event.is_set() and not running.status["isTriggerActive"]:
            running.stop()
        time.sleep(POLL_SECONDS)
    running.awaitTermination()
