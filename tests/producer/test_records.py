"""The batches that the producer writes, as Kafka's own client reads them."""

from hypothesis import given
from hypothesis import strategies as st
from kafka.record import MemoryRecords

from producer.records import Records, encoded, key_field, place_field, varint

MS = 1538352000000
LIMIT_BYTES = 100_000

lines = st.tuples(
    st.integers(MS - 10**10, MS + 10**10), st.none() | st.binary(max_size=80), st.binary(max_size=5000),
    st.integers(1, 10**9), st.integers(1, 200),
)  # fmt: skip


def filled(rows, limit_bytes=LIMIT_BYTES):
    """A batch, and how many of the rows it took."""
    records = Records(limit_bytes)
    taken = 0
    for ms, key, value, number, loop in rows:
        taken += records.add(ms, key_field(key), value, place_field("a/ü.json", number, loop))
    return records, taken


def read(records):
    """The one batch, whole by its check sum, and its records."""
    (batch,) = MemoryRecords(records.buffer())
    assert batch.validate_crc()
    return batch, list(batch)


@given(st.lists(lines, min_size=1, max_size=12))
def test_what_kafka_reads_is_what_was_added(rows):
    records, taken = filled(rows)
    records.set_producer_state(4711, 3, 99, False)
    size = records.size_in_bytes()
    batch, found = read(records)
    assert taken == len(rows) == records.next_offset()
    assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == (4711, 3, 99)
    assert (batch.max_timestamp, batch.last_offset_delta) == (max(ms for ms, *_ in rows), len(rows) - 1)
    assert [(each.timestamp, each.key, each.value) for each in found] == [row[:3] for row in rows]
    for each, (*_, number, loop) in zip(found, rows, strict=True):
        place = {"source": "a/ü.json".encode(), "line": b"%d" % number}
        assert dict(each.headers) == (place if loop == 1 else {**place, "round": b"%d" % loop})
    assert size == len(records.buffer()) == records.size_in_bytes()


def test_a_full_batch_takes_no_more_and_one_line_that_is_too_long_has_a_batch_to_itself():
    long = (MS, b"7", b"x" * 600, 1, 1)
    records, taken = filled([long] * 3, limit_bytes=1500)
    assert taken == 2
    assert records.size_in_bytes() <= 1500
    alone, taken = filled([long] * 3, limit_bytes=500)
    assert taken == 1
    assert alone.is_full()
    assert len(read(alone)[1]) == 1


def test_a_closed_batch_stays_as_it_is():
    records, _ = filled([(MS, b"7", b"{}", 1, 1)])
    before = bytes(records.buffer())
    assert not records.add(MS, key_field(b"7"), b"{}", place_field("log", 2, 1))
    records.close()
    assert (bytes(records.buffer()), records.next_offset(), records.is_full()) == (before, 1, True)


@given(st.integers(-(2**63), 2**63 - 1) | st.integers(-5000, 5000))
def test_a_small_number_is_looked_up_and_is_the_same(number):
    assert varint(number) == encoded(number)
