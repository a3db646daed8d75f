"""Whoever consumes the alerts: from the topic's beginning, each alert once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kafka import KafkaConsumer
from rich.table import Table
from rich.text import Text

from churn_io.console import speech
from churn_io.kafka import require_broker, require_topics
from churn_io.kafka_reading import at_beginning
from churn_io.kafka_security import client_settings

POLL_MS = 500


@dataclass(frozen=True)
class Reading:
    """Which topic to read, and whether to wait for more at its end."""

    bootstrap: str
    topic: str
    follow: bool


def alerts(reading: Reading) -> Iterator[dict[str, Any]]:
    """The alerts in order of arrival, repeated ids once; ends at the topic's end unless it follows.

    Raises BrokerUnavailable or TopicMissing.
    """
    require_broker(reading.bootstrap)
    require_topics(reading.bootstrap, {reading.topic: {"READ"}})
    seen: set[str] = set()
    consumer = KafkaConsumer(**client_settings(reading.bootstrap), enable_auto_commit=False, group_id=None)
    try:
        for value in _values(consumer, reading):
            alert = json.loads(value)
            if alert["alert_id"] not in seen:
                seen.add(alert["alert_id"])
                yield alert
    finally:
        consumer.close()


def _values(consumer: KafkaConsumer, reading: Reading) -> Iterator[bytes]:
    partitions = at_beginning(consumer, reading.topic, reading.bootstrap)
    ends = consumer.end_offsets(partitions)
    while reading.follow or any(consumer.position(partition) < ends[partition] for partition in partitions):
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            yield from (record.value for record in records if record.value is not None)


def show(reading: Reading, as_json: bool) -> None:
    """Print each alert as it arrives: one JSON object a line, or one line in words; a table where a person looks."""
    if as_json:
        for alert in alerts(reading):
            print(json.dumps(alert), flush=True)
    elif reading.follow or not speech.is_terminal:
        for alert in alerts(reading):
            speech.print(in_words(alert), highlight=False, markup=False, soft_wrap=True)
    else:
        speech.print(as_table(list(alerts(reading))))


def as_of_ms(alert: dict[str, Any]) -> int:
    """The alert's moment, epoch ms."""
    return round(datetime.fromisoformat(alert["as_of"]).timestamp() * 1000)


def in_words(alert: dict[str, Any]) -> str:
    """One line: when, who, how likely, why."""
    return f"{alert['as_of'][:16]}  user {alert['user_id']}  {alert['probability']:.1%}  {why(alert)}"


def why(alert: dict[str, Any]) -> str:
    """The reasons in words, the strongest first."""
    return "; ".join(reason["text"] for reason in alert["reasons"]) or "nothing stands out"


def as_table(found: list[dict[str, Any]]) -> Table:
    """The alerts as a table."""
    table = Table(title=f"{len(found)} alerts", title_justify="left")
    for column in ("as of (UTC)", "user", "chance", "why"):
        table.add_column(column, overflow="fold")
    for alert in found:
        cells = (alert["as_of"][:16], alert["user_id"], f"{alert['probability']:.1%}", why(alert))
        table.add_row(*(Text(cell) for cell in cells))  # as text: an id may look like markup
    return table
