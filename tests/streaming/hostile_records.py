"""Hostile records on their way to the stream: of any size, under any key."""

from contextlib import closing

from kafka import KafkaProducer

from tests.builders import START_MS, event, lines
from tests.streaming.conftest import KEY

LARGE_BYTES = 5 * 1024 * 1024
STAMP_MS = START_MS + 40 * 24 * 3600 * 1000

# none, empty, no UTF-8, other users', what looks like a record's value, longer than a letter's
WRONG_KEYS = (None, b"", b"\xff\xfe\x80\x00", b"calm", b"angry", b'{"userId": "calm"}', b"k" * 300 * 1024)


def put(source, records, partition=None):
    """Put (key, value) pairs on the source's topic, however large, and wait; without a partition by their keys."""
    producer = KafkaProducer(
        bootstrap_servers=source.bootstrap, max_request_size=2**30, compression_type="gzip", linger_ms=5
    )
    with closing(producer):
        sent = [
            producer.send(source.topic, value, key=key, timestamp_ms=STAMP_MS, partition=partition)
            for key, value in records
        ]
        producer.flush()
        for future in sent:
            future.get(timeout=60)


def keyed(values):
    """The values under wrong keys in turn, but for the longest; the client sends no record of neither key nor value."""
    keys = WRONG_KEYS[:-1]
    for number, value in enumerate(values):
        key = keys[number % len(keys)]
        yield (KEY if key is None and value is None else key), value


def large():
    """Values of 5 MB: an event, an event nobody wants, no JSON, one key many times."""
    wanted = event(30, user="hostile", song="x" * LARGE_BYTES)
    unwanted = event(30, user="hostile", level="x" * LARGE_BYTES)
    pairs = ", ".join(['"ts": 1'] * (LARGE_BYTES // 9))
    return [*(line.encode() for line in lines([wanted, unwanted])), b"[" * LARGE_BYTES, f"{{{pairs}}}".encode()]
