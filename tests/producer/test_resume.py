"""A replay that is killed and goes on: each line once, each user's in order."""

import gzip
import json
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from contextlib import contextmanager

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from typer.testing import CliRunner

from producer.commands import app
from producer.log_files import lines
from producer.pacing import Pace
from producer.publisher import Publisher
from producer.replay import Selection, replay, selected
from producer.resume import CannotResume, held
from tests.topic_reading import all_records

START = 1538352000000
LINES = 60_000
KILLS = 3
WAIT_SECONDS = 120  # ends a hang


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Two files of the same name in two folders, one gzipped; users, visitors, blank and broken lines."""
    folder = tmp_path_factory.mktemp("logs")
    rows = [event(n) for n in range(LINES)]
    rows[100:20_000:997] = ["{broken"] * len(rows[100:20_000:997])
    rows[50:20_000:991] = [""] * len(rows[50:20_000:991])
    for name, part in (("a", rows[: LINES // 3]), ("b", rows[LINES // 3 :])):
        (folder / name).mkdir()
        (folder / name / "log.json.gz").write_bytes(gzip.compress("\n".join(part).encode()))
    return folder


def event(number):
    user = "" if number % 31 == 0 else str(number % 57)
    return json.dumps({"userId": user, "ts": START + 10 * number, "page": "Home", "song": f"song {number}"})


def command(broker, topic, logs, *flags):
    arguments = [str(logs), "--bootstrap", broker, "--topic", topic, "--unpaced", *map(str, flags)]
    return [sys.executable, "-m", "producer", "replay", *arguments]


def is_killed_after(records, broker, topic, arguments):
    """Start a replay, kill it as soon as the topic holds so many records, and say whether it still ran."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + WAIT_SECONDS
    with counter(broker, topic) as count:
        while process.poll() is None and count() < records:
            assert time.monotonic() < deadline
    is_running = process.poll() is None
    process.kill()
    process.wait()
    return is_running


@contextmanager
def counter(broker, topic):
    """A function that tells how many records the topic holds."""
    consumer = KafkaConsumer(bootstrap_servers=broker)
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    yield lambda: sum(consumer.end_offsets(partitions).values())
    consumer.close()


def place(record):
    told = dict(record.headers)
    return told["source"], int(told["line"]), int(told.get("round", 1))


def test_a_replay_killed_again_and_again_ends_with_each_line_once_and_each_user_in_order(
    broker, topic_names, logs, tmp_path
):
    topic, _ = topic_names
    moments = [random.randrange(nth * LINES // 6 + 1, (nth + 1) * LINES // 6) for nth in range(KILLS)]
    killed = [is_killed_after(each, broker, topic, command(broker, topic, logs, "--resume")) for each in moments]
    assert killed[0], moments
    with counter(broker, topic) as count:
        before = count()
    report = tmp_path / "report.json"
    subprocess.run(command(broker, topic, logs, "--resume", "--report", report), check=True, timeout=WAIT_SECONDS)
    records = all_records(topic, bootstrap_servers=broker)
    wanted = {(each.source.encode(), each.number, 1): each.value for each in lines(logs)}
    assert Counter(map(place, records)) == Counter(wanted.keys()), moments
    assert all(record.value == wanted[place(record)] for record in records)
    of_users = defaultdict(list)
    for record in records:
        of_users[record.key].append((record.partition, record.offset, place(record)))
    of_users.pop(None)  # visitors have no order
    assert len(of_users) == 57
    for found in of_users.values():
        assert [where for _, _, where in sorted(found)] == sorted(where for _, _, where in found), moments
    told = json.loads(report.read_text())
    assert (told["held"], told["sent"]) == (before, len(wanted) - before)


def sent(broker, topic, chosen):
    with Publisher(broker, topic) as sink:
        return replay(chosen, sink, Pace())


def written(path, rows):
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


def test_gaps_are_filled_whoever_else_writes_to_the_topic(broker, topic_names, tmp_path):
    """Gaps are what a broker leaves that was away for longer than the client repeats a line."""
    topic, _ = topic_names
    selection = Selection(written(tmp_path / "log.json", [event(n) for n in range(10)]))
    sent(broker, topic, (line for line in selected(selection) if line.number not in (1, 4, 10)))
    others = written(tmp_path / "other.json", [event(n) for n in range(3)])
    sent(broker, topic, selected(Selection(others)))
    producer = KafkaProducer(bootstrap_servers=broker)
    for headers in (
        [],
        [("line", b"4")],
        [("source", b"log.json"), ("line", b"four")],
        [("source", b"log.json"), ("line", b"9" * 5000)],
        [("source", b"log.json"), ("line", b"4"), ("round", b"two")],
    ):
        producer.send(topic, b"{}", headers=headers)
    producer.close()
    known = held(broker, topic, selection)
    assert [line.number for line in known.missing(selected(selection))] == [1, 4, 10]
    assert known.met == 7


def test_the_rounds_of_a_loop_are_told_apart(broker, topic_names, tmp_path):
    topic, _ = topic_names
    selection = Selection(written(tmp_path / "log.json", [event(0), "{broken", event(2)]), loops=3)
    sent(broker, topic, selected(Selection(selection.logs, loops=3, limit=5)))
    left = list(held(broker, topic, selection).missing(selected(selection)))
    assert [(line.loop, line.number) for line in left] == [(2, 3), (3, 1), (3, 2), (3, 3)]


def test_a_line_without_a_time_keeps_that_of_the_line_before_it_though_that_is_not_sent_again(
    broker, topic_names, tmp_path
):
    topic, _ = topic_names
    selection = Selection(written(tmp_path / "log.json", [event(0), event(1), "{broken", event(3)]))
    sent(broker, topic, selected(Selection(selection.logs, limit=2)))
    sent(broker, topic, held(broker, topic, selection).missing(selected(selection)))
    assert sorted(each.timestamp - START for each in all_records(topic, bootstrap_servers=broker)) == [0, 10, 10, 30]


def test_a_complete_replay_has_nothing_to_go_on_with_and_leaves_with_0(broker, topic_names, tmp_path):
    topic, _ = topic_names
    log = written(tmp_path / "log.json", [event(n) for n in range(5)])
    for words in ("5 lines sent, 5 acknowledged, 0 failed;", "0 lines sent, 0 acknowledged, 0 failed; 5 were there"):
        done = CliRunner().invoke(app, command(broker, topic, log, "--resume")[3:])
        assert done.exit_code == 0, done.output
        assert words in done.stdout


def test_a_log_that_has_changed_is_refused_before_anything_is_sent(broker, topic_names, tmp_path, complaint):
    topic, _ = topic_names
    log = written(tmp_path / "log.json", [event(n) for n in range(10)])
    sent(broker, topic, selected(Selection(log, limit=6)))
    written(log, [event(n) for n in range(5)] + [event(99)] + [event(n) for n in range(5, 10)])
    said = complaint("replay", log, "--bootstrap", broker, "--topic", topic, "--unpaced", "--resume")
    assert f"log.json: line 6 is not what {topic} holds of it" in said
    assert "replay the whole to a topic made anew" in said
    with counter(broker, topic) as count:
        assert count() == 6


def test_a_topic_that_has_lost_its_beginning_is_refused(broker, topic_names, tmp_path):
    topic, _ = topic_names
    selection = Selection(written(tmp_path / "log.json", [event(n) for n in range(10)]))
    sent(broker, topic, selected(selection))
    (record, *_) = all_records(topic, bootstrap_servers=broker)
    client = KafkaAdminClient(bootstrap_servers=broker)
    client.delete_records({TopicPartition(topic, record.partition): record.offset + 1})
    client.close()
    with pytest.raises(CannotResume, match="has lost its first 1 records"):
        held(broker, topic, selection)


def test_a_replay_that_still_runs_is_in_the_way(broker, topic_names, tmp_path):
    topic, _ = topic_names
    selection = Selection(written(tmp_path / "log.json", [event(n) for n in range(10)]))
    with pytest.raises(CannotResume, match="written to by another replay"):
        held(broker, topic, selection, sleep=lambda _seconds: sent(broker, topic, selected(selection)))
