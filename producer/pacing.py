"""When a line is due: every deadline from one anchor, so that nothing drifts."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from producer.log_files import Line

BUCKETS_PER_DECADE = 50  # 5 % a bucket
LEAST_MS = 0.01


@dataclass
class Lateness:
    """How far behind their deadlines lines were sent, in a histogram of bounded size."""

    counts: dict[int, int] = field(default_factory=dict)
    total: int = 0

    def add(self, ms: float) -> None:
        """Count one line."""
        bucket = math.ceil(BUCKETS_PER_DECADE * math.log10(max(ms, LEAST_MS) / LEAST_MS))
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.total += 1

    def quantile_ms(self, share: float) -> float:
        """The lateness that this share of the lines did not exceed, to 5 %; 0 without lines."""
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= share * self.total:
                return LEAST_MS * 10 ** (bucket / BUCKETS_PER_DECADE) if bucket else 0.0
        return 0.0


@dataclass(frozen=True)
class Pace:
    """How fast: event time over wall time, or lines a second, or (neither) as fast as it goes."""

    speed: float | None = None
    rate: float | None = None


def paced(
    lines: Iterable[Line], pace: Pace, lateness: Lateness, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Iterator[Line]:
    """The lines, each no earlier than due; seconds of `clock`."""
    if pace.speed is None and pace.rate is None:
        yield from lines
        return
    anchor: float | None = None
    first_ms: int | None = None
    offset = 0.0
    for number, line in enumerate(lines):
        if anchor is None:
            anchor = clock()  # at the first line: what was skipped before it took its time
        if pace.rate is not None:
            offset = number / pace.rate
        elif pace.speed is not None and line.ts_ms is not None:
            first_ms = line.ts_ms if first_ms is None else first_ms
            offset = (line.ts_ms - first_ms) / 1000 / pace.speed
        wait = anchor + offset - clock()
        if wait > 0:
            sleep(wait)
        lateness.add(1000 * max(0.0, clock() - anchor - offset))
        yield line
