"""Records that the broker deleted before they were read: which ones, told from a plan and the topic's beginning."""

import logging
from dataclasses import dataclass

from churn_io.kafka import beginnings
from streaming.checkpoint import Plan
from streaming.source import Source

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gap:
    """Offsets of a partition from `start` up to `end`, without it, that a batch was to read and nobody can."""

    partition: str
    start: int
    end: int

    def __str__(self) -> str:
        return f"partition {self.partition} offsets {self.start} to {self.end - 1}"


def report_skipped(plan: Plan, read: int, source: Source) -> None:
    """Say what a batch did not read of its plan; only one that read too little asks the broker."""
    if not source.fails_on_loss and read < planned_records(plan):
        for gap in gaps(plan, source):
            log.warning("skipped for good, deleted before they were read: topic %s %s", source.topic, gap)


def planned_records(plan: Plan) -> int:
    """How many offsets the batch was to read."""
    starts = {(topic, number): start for topic, found in plan.start.items() for number, start in found.items()}
    return sum(end - starts[topic, number] for topic, found in plan.end.items() for number, end in found.items())


def gaps(plan: Plan, source: Source) -> list[Gap]:
    """What of a planned batch lies before the topic's present beginning; asks the broker."""
    firsts = beginnings(source.bootstrap, source.topic)
    ends = plan.end.get(source.topic, {})
    return [
        Gap(number, start, min(ends[number], firsts[int(number)]))
        for number, start in sorted(plan.start.get(source.topic, {}).items())
        if int(number) in firsts and start < min(ends[number], firsts[int(number)])
    ]
