import gzip
import json
import os
import signal
import subprocess
import sys
import time
import uuid

import pytest
from kafka import KafkaProducer

from churn.errors import BadSetup, BrokerUnavailable
from churn.topics import USER_EVENTS, Topic
from churn_io.kafka import create_topics
from producer.log_files import Line
from producer.pacing import Pace
from producer.publisher import Publisher
from producer.replay import Selection, replay, selected
from sandbox.broker import start, stop
from tests.conftest import missing
from tests.topic_reading import all_records

START = 1538352000000
ROWS = [
    b'{"userId":"7","ts":1538352000000,"page":"Home"}',
    b'{"userId": 12, "ts": 1538352001000,  "page": "NextSong"}',
    b"{broken \xff",
    b'{"userId":"","ts":1538352002000,"page":"Login"}',
]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.json"
    path.write_bytes(b"\n".join(ROWS) + b"\n")
    return path


def on_topic(broker, topic):
    """All records, by the number of their line."""
    return sorted(all_records(topic, bootstrap_servers=broker), key=lambda record: int(dict(record.headers)["line"]))


def program(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "producer", "replay", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_every_line_arrives_with_key_time_headers_and_its_own_bytes(broker, topic_names, log):
    topic, _ = topic_names
    with Publisher(broker, topic) as sink:
        report = replay(selected(Selection(log)), sink, Pace())
    found = on_topic(broker, topic)
    assert [record.value for record in found] == ROWS
    assert [record.key for record in found] == [b"7", b"12", None, None]
    assert [record.timestamp - START for record in found] == [0, 1000, 1000, 2000]
    assert [dict(record.headers) for record in found] == [
        {"source": b"log.json", "line": str(number).encode()} for number in (1, 2, 3, 4)
    ]
    assert (report.sent, report.acknowledged, report.failed, report.bad_lines) == (4, 4, 0, 1)
    assert report.bytes == sum(map(len, ROWS))
    assert report.is_complete


def test_one_user_stays_on_one_partition_in_order(broker, topic_names, tmp_path):
    topic, _ = topic_names
    path = tmp_path / "log.json"
    path.write_text("".join(f'{{"userId":{n % 5},"ts":{START + n}}}\n' for n in range(500)))
    with Publisher(broker, topic) as sink:
        assert replay(selected(Selection(path)), sink, Pace()).acknowledged == 500
    places = {}
    for record in on_topic(broker, topic):
        places.setdefault(record.key, []).append((record.partition, record.offset))
    assert len(places) == 5
    for found in places.values():
        assert len({partition for partition, _ in found}) == 1
        assert found == sorted(found)


def test_a_time_in_the_future_costs_no_other_line(broker, topic_names, tmp_path):
    topic, _ = topic_names
    ahead = int(time.time() * 1000) + 10 * 24 * 3_600_000
    path = tmp_path / "log.json"
    path.write_text("".join(f'{{"userId":7,"ts":{ahead if n == 3 else START + n}}}\n' for n in range(6)))
    with Publisher(broker, topic) as sink:
        assert replay(selected(Selection(path)), sink, Pace()).is_complete
    assert [record.timestamp - START for record in on_topic(broker, topic)] == [0, 1, 2, 2, 4, 5]


def test_a_remembered_partition_is_the_one_kafka_would_choose(broker, topic_names):
    topic, _ = topic_names
    producer = KafkaProducer(bootstrap_servers=broker)
    keys = [str(number).encode() for number in range(40)]
    usual = {key: producer.send(topic, b"{}", key, headers=[("line", b"0")]).get(10).partition for key in keys}
    producer.close()
    with Publisher(broker, topic) as sink:
        replay((Line(b"{}", "log", n, key, START, False) for n, key in enumerate(keys * 2, 1)), sink, Pace())
    ours = {(record.key, record.partition) for record in on_topic(broker, topic)}
    assert ours == set(usual.items())


def test_the_lines_under_way_are_bounded(broker, topic_names, monkeypatch):
    topic, _ = topic_names
    monkeypatch.setattr("producer.publisher.MAX_UNDER_WAY", 10)
    under_way = []
    with Publisher(broker, topic) as sink:
        for number in range(100):
            sink.send(Line(b"{}", "log", number, b"7", START, False), START)
            under_way.append(number + 1 - sink.acknowledged - sink.failed)
        sink.flush()
    assert max(under_way) <= 10
    assert sink.acknowledged == 100


def test_a_user_who_is_forgotten_keeps_the_partition(broker, topic_names, monkeypatch):
    topic, _ = topic_names
    monkeypatch.setattr("producer.publisher.MAX_REMEMBERED", 2)
    keys = [str(number).encode() for number in range(20)]
    with Publisher(broker, topic) as sink:
        replay((Line(b"{}", "log", n, key, START, False) for n, key in enumerate(keys * 3, 1)), sink, Pace())
    assert len({(record.key, record.partition) for record in on_topic(broker, topic)}) == len(keys)


def test_a_topic_that_takes_small_batches_only_gets_every_line_once_and_in_order(broker):
    topic = Topic(f"small-batches-{uuid.uuid4().hex[:8]}", 1, {"max.message.bytes": "2000"})
    create_topics(broker, [topic])
    rows = [Line(b"%0100d" % number, "log", number, b"7", START, False) for number in range(1, 301)]
    with Publisher(broker, topic.name) as sink:
        report = replay(iter(rows), sink, Pace())
    assert (report.sent, report.acknowledged, report.failed) == (300, 300, 0)
    assert [record.value for record in all_records(topic.name, bootstrap_servers=broker)] == [row.value for row in rows]


def test_a_broker_that_comes_back_gets_every_line_once_and_one_that_does_not_fails_them(tmp_path):
    try:
        first = start(tmp_path)
    except BadSetup as error:
        missing(str(error))
    now_ms = int(time.time() * 1000)  # of older records a broker forgets the producer when it starts again
    rows = [Line(b"{}", "log", number, b"%d" % (number % 7), now_ms, False) for number in range(1, 3001)]
    late = [row._replace(number=row.number + len(rows)) for row in rows[:5]]
    try:
        create_topics(first.bootstrap)
        with Publisher(first.bootstrap, USER_EVENTS) as sink, Publisher(first.bootstrap, USER_EVENTS, 2) as hasty:
            sent(rows, sink)
            stop(tmp_path)
            sent(late, sink)
            assert sent(late, hasty, flush=True) == (0, 5)
            start(tmp_path, port=first.port)
            assert sent([], sink, flush=True) == (3005, 0)
        numbers = [int(dict(record.headers)["line"]) for record in on_topic(first.bootstrap, USER_EVENTS)]
        assert numbers == list(range(1, 3006))
    finally:
        stop(tmp_path)


def test_a_broker_that_was_silent_too_long_ends_a_replay_and_does_not_hang_it(tmp_path):
    try:
        broker = start(tmp_path)
    except BadSetup as error:
        missing(str(error))
    row = Line(b"{}", "log", 1, b"7", START, False)
    try:
        create_topics(broker.bootstrap)
        with Publisher(broker.bootstrap, USER_EVENTS, 2) as sink:
            assert sent([row], sink, flush=True) == (1, 0)
            os.kill(broker.pid(), signal.SIGSTOP)
            assert sent([row], sink, flush=True) == (1, 1)
            os.kill(broker.pid(), signal.SIGCONT)
            with pytest.raises(BrokerUnavailable, match="nothing was heard of 1 lines for 4 s; repeat with --resume"):
                sent([row], sink, flush=True)
    finally:
        stop(tmp_path)


def test_a_line_whose_user_makes_it_too_large_fails_alone(broker, topic_names):
    topic, _ = topic_names
    large = Line(b"x" * 6_000_000, "log", 1, b"u" * 6_000_000, START, False)
    with Publisher(broker, topic) as sink:
        assert sent([large, large._replace(value=b"{}", user=b"7")], sink, flush=True) == (1, 1)


def sent(rows, sink, flush=False):
    """What is acknowledged and what failed, once the rows are with the client, or their end is known."""
    for row in rows:
        sink.send(row, row.ts_ms)
    if flush:
        sink.flush()
    return sink.acknowledged, sink.failed


def test_a_line_too_large_for_the_broker_is_counted_as_failed_and_the_others_arrive(broker, topic_names):
    topic, _ = topic_names
    rows = [Line(value, "log", n, b"7", START, False) for n, value in enumerate([b"{}", b"x" * 11_000_000, b"{}"], 1)]
    with Publisher(broker, topic) as sink:
        report = replay(iter(rows), sink, Pace())
    assert (report.sent, report.acknowledged, report.failed, report.is_complete) == (3, 2, 1, False)
    assert len(on_topic(broker, topic)) == 2


def test_the_program_reports_and_leaves_with_0(broker, topic_names, log, tmp_path):
    topic, _ = topic_names
    report = tmp_path / "report.json"
    done = program(log, "--bootstrap", broker, "--topic", topic, "--speed", 36000, "--report", report)
    assert done.returncode == 0, done.stderr
    assert "4 lines sent, 4 acknowledged, 0 failed; 1 bad lines" in done.stdout
    assert json.loads(report.read_text())["acknowledged"] == 4


def test_a_dry_run_sends_nothing(broker, topic_names, log):
    topic, _ = topic_names
    assert program(log, "--bootstrap", broker, "--topic", topic, "--unpaced", "--dry-run").returncode == 0
    assert on_topic(broker, topic) == []


def test_a_missing_topic_is_one_line_and_exit_code_1(broker, log):
    done = program(log, "--bootstrap", broker, "--topic", "nobody-made-this")
    assert done.returncode == 1
    assert "topic nobody-made-this is missing" in error_line(done)


def test_an_absent_broker_is_one_line_and_exit_code_1(log):
    done = program(log, "--bootstrap", "127.0.0.1:1")
    assert done.returncode == 1
    assert "no Kafka broker answers at 127.0.0.1:1" in error_line(done)


def test_an_empty_log_is_one_line_and_exit_code_1(tmp_path):
    (tmp_path / "empty.json").touch()
    done = program(tmp_path / "empty.json", "--dry-run")
    assert done.returncode == 1
    assert "empty.json: an empty log" in error_line(done)


def error_line(done):
    """The one error line; progress may stand before it, a traceback may not."""
    assert "Traceback" not in done.stderr
    found = [row for row in done.stderr.splitlines() if row.startswith("error:")]
    assert len(found) == 1
    return found[0]


def test_a_log_that_breaks_off_is_sent_so_far_reported_and_named(broker, topic_names, tmp_path):
    topic, _ = topic_names
    whole = gzip.compress("".join(f'{{"userId":7,"ts":{START + n}}}\n' for n in range(20_000)).encode())
    (tmp_path / "cut.json.gz").write_bytes(whole[:-2000])
    report = tmp_path / "report.json"
    done = program(tmp_path / "cut.json.gz", "--bootstrap", broker, "--topic", topic, "--unpaced", "--report", report)
    assert done.returncode == 1
    assert "cut.json.gz: cannot be read" in error_line(done)
    found = json.loads(report.read_text())
    assert found["acknowledged"] == found["sent"] == len(on_topic(broker, topic)) > 0
