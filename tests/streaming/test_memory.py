"""What a batch leaves behind: nothing that grows with the number of batches."""

import gc
from dataclasses import replace

from py4j.java_gateway import JavaObject

from streaming.job import run
from tests.builders import by_time, grumbler, listener


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
