"""The four topics: their names, and the settings with which they are created."""

from dataclasses import dataclass

USER_EVENTS = "user-events"
REJECTED_EVENTS = "user-events.rejected"
CHURN_SCORES = "churn-scores"
CHURN_ALERTS = "churn-alerts"

# The record's timestamp is the event's time, which in a replay lies years back: retention by time would delete
# a replayed log as soon as it is written, so the event topic keeps everything until an operator says otherwise.
KEEP_ALL = "-1"

# A dead letter is the refused record and its headers: it must fit where the record itself only just did.
LETTER_BYTES = 11 * 1024 * 1024

# Dead letters are the refused records byte for byte, names and places included: they are kept as long as it takes to
# look at them. Their age counts from when they were written, whatever a writer says. Kafka deletes whole segments, by
# their newest record: a segment of a day bounds how much longer a letter can stay.
DAY_MS = 24 * 3600 * 1000
SHORT_LIVED = {
    "retention.ms": str(3 * DAY_MS),
    "segment.ms": str(DAY_MS),
    "message.timestamp.type": "LogAppendTime",
    "max.message.bytes": str(LETTER_BYTES),
}


@dataclass(frozen=True)
class Topic:
    """A topic and the broker-side settings that its readers rely on."""

    name: str
    partitions: int
    config: dict[str, str]


TOPICS = (
    Topic(USER_EVENTS, 2, {"retention.ms": KEEP_ALL}),
    Topic(REJECTED_EVENTS, 1, SHORT_LIVED),
    Topic(CHURN_SCORES, 2, {"cleanup.policy": "compact"}),
    Topic(CHURN_ALERTS, 1, {"retention.ms": KEEP_ALL}),
)
