"""A log as a live stream: chosen, paced, sent, accounted for."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

from churn.errors import InvalidLog
from producer.log_files import Line, latest_ms, lines, shifted
from producer.pacing import Lateness, Pace, paced
from producer.publisher import Nowhere, Publisher, Sink

PROGRESS_SECONDS = 0.25
MAX_JUMP_MS = 24 * 3_600_000  # as far as the stream lets an event run ahead of its record
MAX_HELD = 1000  # lines without a time that wait for the next one that has one


@dataclass(frozen=True)
class Selection:
    """Which lines: from/to in epoch ms (from is in, to is out), at most `limit`, the log played `loops` times."""

    logs: Path
    from_ms: int | None = None
    to_ms: int | None = None
    limit: int | None = None
    loops: int = 1


@dataclass(frozen=True)
class Report:
    """What became of the replay."""

    sent: int
    acknowledged: int
    failed: int
    bad_lines: int
    bytes: int
    seconds: float
    rate: float
    lateness_p50_ms: float
    lateness_p99_ms: float
    interrupted: bool
    dry_run: bool
    problem: str = ""  # why the log could not be read to its end
    held: int = 0  # lines that a replay before this one had delivered

    @property
    def is_complete(self) -> bool:
        """Whether every line that was chosen reached the broker."""
        return (
            not self.interrupted
            and not self.problem
            and (self.dry_run or (self.failed == 0 and self.acknowledged == self.sent))
        )

    def as_dict(self) -> dict[str, float | int | bool]:
        """The report by name, for JSON."""
        return asdict(self)


@dataclass
class Progress:
    """How far the replay has come, for whoever shows it."""

    sent: int = 0
    bad_lines: int = 0
    bytes: int = 0
    last_ms: int = field(default_factory=lambda: int(time.time() * 1000))  # the time of the latest line that told one

    def send(self, line: Line, sink: Sink) -> None:
        """Send the line at its own time, or at that of the line before it, and count it."""
        self.last_ms = line.ts_ms if line.ts_ms is not None else self.last_ms
        sink.send(line, self.last_ms)
        self.sent += 1
        self.bad_lines += line.is_bad
        self.bytes += len(line.value)


def selected(selection: Selection) -> Iterator[Line]:
    """The lines to send, in order. A line without a time goes with the line before it. Raises InvalidLog."""
    return islice(_looped(selection), selection.limit)


def plausible(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines; a time from which the log falls back by more than a day is taken from its line, which is bad then.

    It would stop the pace for the gap, and, as the record's own time, let the stream believe it.
    """
    before_ms: int | None = None
    for line, after_ms in with_next_time(lines):
        if line.ts_ms is not None and after_ms is not None and line.ts_ms - max(after_ms, before_ms or 0) > MAX_JUMP_MS:
            yield line._replace(ts_ms=None, is_bad=True)
            continue
        before_ms = line.ts_ms if line.ts_ms is not None else before_ms
        yield line


def with_next_time(lines: Iterable[Line]) -> Iterator[tuple[Line, int | None]]:
    """Each line with the time (epoch ms) of the next one that tells one; None at the end."""
    held: list[Line] = []
    for line in lines:
        if line.ts_ms is not None or len(held) == MAX_HELD:
            for each in held:
                yield each, line.ts_ms
            held.clear()
        held.append(line)
    for each in held:
        yield each, None


def _looped(selection: Selection) -> Iterator[Line]:
    span = 0
    for loop in range(selection.loops):
        first = last = None
        for line in _between(plausible(lines(selection.logs)), selection):
            if line.ts_ms is not None:
                first = line.ts_ms if first is None else min(first, line.ts_ms)
                last = line.ts_ms if last is None else max(last, line.ts_ms)
            yield shifted(line, loop * span, loop + 1) if loop else line
        if first is not None and last is not None:
            span = last - first + 1000  # the next round begins a second after the last event
            if loop + 1 < selection.loops and last + (loop + 1) * span > latest_ms():
                raise InvalidLog(
                    f"{selection.logs}: round {loop + 2} would end in the future, and Kafka refuses that; "
                    f"{loop + 1} rounds were sent, so use --loop {loop + 1}"
                )


def _between(lines: Iterable[Line], selection: Selection) -> Iterator[Line]:
    """The lines within from and to; one without a time follows the line before it, at the top the one after it."""
    is_in: bool | None = None
    waiting: list[Line] = []
    for line in lines:
        if line.ts_ms is not None:
            is_after = selection.from_ms is None or line.ts_ms >= selection.from_ms
            is_in = is_after and (selection.to_ms is None or line.ts_ms < selection.to_ms)
        if is_in is None:
            waiting.append(line)
            continue
        if is_in:
            yield from waiting
            yield line
        waiting.clear()
    yield from waiting


def publisher(bootstrap: str, topic: str, dry_run: bool) -> AbstractContextManager[Sink]:
    """The sink of a replay; raises BrokerUnavailable or TopicMissing."""
    return Nowhere() if dry_run else Publisher(bootstrap, topic)


def _shown(lines: Iterable[Line], clock: Callable[[], float], show: Callable[[], None]) -> Iterator[Line]:
    """The lines; in between, shows how far they have come."""
    shown = clock()
    for line in lines:
        now = clock()
        if now - shown >= PROGRESS_SECONDS:
            shown = now
            show()
        yield line


def replay(  # noqa: PLR0913  (the clock and the sleep are there for tests)
    chosen: Iterator[Line],
    sink: Sink,
    pace: Pace,
    on_progress: Callable[[Progress, Lateness], None] = lambda _progress, _lateness: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """Send the lines and wait for every outcome.

    An interrupt, or a log that cannot be read on, ends the sending; what was sent is still awaited.
    """
    progress, lateness = Progress(), Lateness()
    began = clock()
    interrupted, problem = False, ""
    try:
        for line in _shown(paced(chosen, pace, lateness, clock, sleep), clock, lambda: on_progress(progress, lateness)):
            progress.send(line, sink)
        sink.flush()
    except KeyboardInterrupt:
        interrupted = True
    except InvalidLog as error:
        problem = str(error)
    sink.flush()  # also after an early end
    on_progress(progress, lateness)
    seconds = max(clock() - began, 1e-9)
    return Report(
        sent=progress.sent,
        acknowledged=sink.acknowledged,
        failed=sink.failed,
        bad_lines=progress.bad_lines,
        bytes=progress.bytes,
        seconds=seconds,
        rate=progress.sent / seconds,
        lateness_p50_ms=lateness.quantile_ms(0.5),
        lateness_p99_ms=lateness.quantile_ms(0.99),
        interrupted=interrupted,
        dry_run=isinstance(sink, Nowhere),
        problem=problem,
    )
