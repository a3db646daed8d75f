"""What a batch leaves behind: nothing that grows with the number of batches, or with what was in them."""

import gc
import time
from dataclasses import replace

from py4j.java_gateway import JavaObject
from pyspark import StorageLevel

from streaming.job import run
from streaming.source import between
from streaming.trigger import Policy
from tests import hostile
from tests.builders import by_time, grumbler, listener
from tests.streaming.hostile_records import LARGE_BYTES, keyed, large, put

WARM_UP, ROUNDS = 8, 24  # batches before the first measurement of the heap, and before the last
POLL = 500  # records that a Kafka client hands over at once and may keep: as many as a round has
ROUND_BYTES = 4 * LARGE_BYTES
BOUND_BYTES = 3 * ROUND_BYTES  # less than a fifth of what comes between the two measurements
KEPT = 5  # rounds that are kept on purpose
TRIES = 5  # a second each: Kafka's clients are given up when they have been idle for two
IN_MEMORY = StorageLevel(useDisk=False, useMemory=True, useOffHeap=False, deserialized=True)  # not compressed


def test_a_batch_s_plans_do_not_outlive_the_next_batch(spark, job, send):
    send(by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40))))
    small = replace(job, source=replace(job.source, max_events_per_trigger=10))
    held = []  # objects of the JVM, batch by batch
    gc.disable()  # as Python treats what has grown old: it is looked at after hours
    try:
        run(spark, small, on_batch=lambda *_: held.append(sum(isinstance(one, JavaObject) for one in gc.get_objects())))
    finally:
        gc.enable()
    assert len(held) > 10
    assert held[-2] <= 1.2 * held[3], held  # the last is the sweep's


def test_hostile_values_leave_nothing_in_the_jvm(spark, job):
    """20 MiB of them a batch: of 16 batches less stays than three have, and five that are kept would be noticed."""
    source = replace(job.source, max_events_per_trigger=POLL)
    a_round = list(keyed([*hostile.some(POLL)[: POLL - 4], *large()]))
    for _ in range(ROUNDS):
        put(source, a_round, partition=0)
    live = []

    def measure(batch_id, _accounts):
        if batch_id + 1 in (WARM_UP, ROUNDS):
            live.append(live_bytes(spark))

    total = run(spark, replace(job, source=source, policy=Policy(7, 0)), on_batch=measure)
    assert total.is_balanced
    assert total.read == ROUNDS * POLL
    first, last = live
    assert last - first < BOUND_BYTES
    before = live_bytes(spark)
    kept = first_values(spark, source, KEPT * POLL).persist(IN_MEMORY)
    assert kept.count() == KEPT * POLL
    assert live_bytes(spark) - before > BOUND_BYTES
    kept.unpersist()


def first_values(spark, source, count):
    """So many values from the beginning of the source's partition 0."""
    topic = source.topic
    return between(spark, source, {topic: {"0": 0}}, {topic: {"0": count}}).select("value")


def live_bytes(spark):
    """What the JVM's heap holds after a collection: the least of several tries."""
    runtime = spark._jvm.java.lang.Runtime.getRuntime()
    found = []
    for _ in range(TRIES):
        time.sleep(1)
        gc.collect()
        spark._jvm.java.lang.System.gc()
        found.append(runtime.totalMemory() - runtime.freeMemory())
    return min(found)
