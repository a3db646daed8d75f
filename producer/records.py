"""Lines as Kafka keeps them: a record batch of format v2 (https://kafka.apache.org/documentation/#recordbatch).

The client's own builder spends more time on a record than the rest of the replay does.
"""

import struct
from functools import lru_cache

from crc32c import crc32c

BEFORE_SUM = struct.Struct(">qiibI")  # base offset, length, leader's epoch, format, check sum
AFTER_SUM = struct.Struct(">hiqqqhii")  # attributes, last offset, two times, producer, its epoch, sequence, records
LENGTH_COUNTS_FROM = 12  # what lies behind the base offset and the length itself
FORMAT = 2
ABSENT = -1  # no producer id, no epoch, no sequence


def encoded(number: int) -> bytes:
    """Kafka's varint, of 64 bits with the sign last."""
    rest = (number << 1) ^ (number >> 63)
    found = bytearray()
    while rest > 0x7F:
        found.append(rest & 0x7F | 0x80)
        rest >>= 7
    found.append(rest)
    return bytes(found)


SMALL = tuple(encoded(number) for number in range(4096))  # lengths, offsets: all but the times


def varint(number: int) -> bytes:
    """The same, looked up where it is small."""
    return SMALL[number] if 0 <= number < len(SMALL) else encoded(number)


def key_field(key: bytes | None) -> bytes:
    """A record's key as its batch writes it."""
    return encoded(-1) if key is None else varint(len(key)) + key


@lru_cache(maxsize=64)
def around_number(source: str, loop: int) -> tuple[bytes, bytes]:
    """What stands before and behind a line's number in its headers: the same for the lines of a file."""
    before = _sized(b"source") + _sized(source.encode()) + _sized(b"line")
    if loop == 1:
        return varint(2) + before, b""
    return varint(3) + before, _sized(b"round") + _sized(b"%d" % loop)


def place_field(source: str, number: int, loop: int) -> bytes:
    """A record's headers: where the line comes from; `sparkify replay --resume` finds by it what a topic holds."""
    before, behind = around_number(source, loop)
    return before + _sized(b"%d" % number) + behind


def _sized(text: bytes) -> bytes:
    return varint(len(text)) + text


class Records:
    """A batch that grows by `add` until it is closed; the other methods are what the client's sender asks of one."""

    def __init__(self, limit_bytes: int) -> None:
        self.producer_id = self.producer_epoch = self.base_sequence = ABSENT
        self._limit_bytes = limit_bytes
        self._records: list[bytes] = []
        self._size = BEFORE_SUM.size + AFTER_SUM.size
        self._first_ms = self._latest_ms = 0
        self._count = 0  # once it is closed
        self._written: bytearray | None = None

    def add(self, timestamp_ms: int, key: bytes, value: bytes, place: bytes) -> bool:
        """Whether the batch, neither closed nor full, took the record; the fields as `…_field` write them.

        An interrupt leaves the record in the batch or out of it, never half.
        """
        if self._written is not None:
            return False
        count = len(self._records)
        if not count:
            self._first_ms = self._latest_ms = timestamp_ms
        since_first = varint(timestamp_ms - self._first_ms)
        record = b"".join((b"\0", since_first, varint(count), key, varint(len(value)), value, place))
        record = varint(len(record)) + record
        if count and self._size + len(record) > self._limit_bytes:
            return False
        self._size += len(record)
        self._latest_ms = max(self._latest_ms, timestamp_ms)
        self._records.append(record)
        return True

    def next_offset(self) -> int:
        """How many records there are."""
        return self._count or len(self._records)

    def size_in_bytes(self) -> int:
        """Of the whole batch."""
        return self._size

    def is_full(self) -> bool:
        """Whether it is ready to go before its time."""
        return self._written is not None or self._size >= self._limit_bytes

    def set_producer_state(self, producer_id: int, epoch: int, sequence: int, _is_transactional: bool) -> None:
        """Who sends it, and after how many records: what idempotence goes by."""
        self.producer_id, self.producer_epoch, self.base_sequence = producer_id, epoch, sequence

    def close(self) -> None:
        """Write the batch; it stays as it is then, however often it is sent."""
        if self._written is not None:
            return
        self._count = count = len(self._records)
        state = self.producer_id, self.producer_epoch, self.base_sequence
        times = self._first_ms, self._latest_ms
        summed = b"".join((AFTER_SUM.pack(0, count - 1, *times, *state, count), *self._records))
        length = BEFORE_SUM.size - LENGTH_COUNTS_FROM + len(summed)
        self._written = bytearray(BEFORE_SUM.pack(0, length, 0, FORMAT, crc32c(summed)) + summed)
        self._records.clear()

    def buffer(self) -> bytearray:
        """The batch as it is sent, closed by that."""
        self.close()
        return self._written or bytearray()
