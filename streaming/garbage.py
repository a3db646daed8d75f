"""What a batch leaves behind in Python, and so in the JVM.

Whatever of the JVM is called py4j ties into a cycle, which only Python's collector unties; until then the JVM keeps a
batch's plans. By itself Python looks at its oldest objects so rarely that the JVM's memory would run out.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

collect = gc.collect


@contextmanager
def kept_small() -> Iterator[None]:
    """Inside the block, the collector leaves alone what there was before, so that `collect` takes milliseconds."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
