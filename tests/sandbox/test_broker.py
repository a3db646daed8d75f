"""The local broker: starts, keeps or forgets its data, refuses a taken port, and stops only what is its own."""

import os
import socket
import subprocess
import sys

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from churn.errors import BrokerUnavailable
from churn.topics import TOPICS
from churn_io.kafka import create_topics, require_broker
from sandbox import broker as sandbox


@pytest.fixture
def folder(broker, tmp_path):
    """A place for a broker of this test's own; stopped whatever happens. (`broker`: the jars are there.)"""
    yield tmp_path / "kafka"
    sandbox.stop(tmp_path / "kafka")


def count(bootstrap, topic):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=None)
    try:
        return consumer.end_offsets([TopicPartition(topic, 0)])[TopicPartition(topic, 0)]
    finally:
        consumer.close()


def test_data_are_kept_over_a_restart_and_forgotten_when_fresh(folder):
    started = sandbox.start(folder)
    create_topics(started.bootstrap)
    producer = KafkaProducer(bootstrap_servers=started.bootstrap)
    producer.send("churn-alerts", b"kept").get(10)
    producer.close()
    assert sandbox.start(folder).pid() == started.pid()
    assert sandbox.stop(folder)
    with pytest.raises(BrokerUnavailable):
        require_broker(started.bootstrap)
    again = sandbox.start(folder)
    assert count(again.bootstrap, "churn-alerts") == 1
    assert again.log.stat().st_size > 0
    fresh = sandbox.start(folder, fresh=True)
    assert create_topics(fresh.bootstrap) == [topic.name for topic in TOPICS]
    assert count(fresh.bootstrap, "churn-alerts") == 0


def test_the_topics_have_their_settings(broker):
    create_topics(broker)
    admin = KafkaAdminClient(bootstrap_servers=broker)
    try:
        for topic in TOPICS:
            found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name)])
            for name, value in topic.config.items():
                assert f"'{name}'" in str(found)
                assert value in str(found)
    finally:
        admin.close()


def test_a_taken_port_is_named(folder, complaint):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = complaint("kafka", "start", "--port", port, "--data", folder)
    assert f"port {port} is taken; choose another with --port" in said


def test_stop_never_ends_a_process_that_an_old_pid_file_names(tmp_path):
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (tmp_path / "broker.pid").write_text(str(bystander.pid))
        assert not sandbox.stop(tmp_path)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_broker_that_was_never_started_is_not_running(tmp_path):
    assert sandbox.Broker(tmp_path).pid() is None
    assert not sandbox.stop(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_no_brokers_is_not_deleted(complaint, tmp_path):
    (tmp_path / "letters.txt").touch()
    assert "is no broker's folder" in complaint("kafka", "start", "--fresh", "--data", tmp_path, "--port", 0)
    assert (tmp_path / "letters.txt").exists()


def test_the_broker_is_known_where_there_is_no_ps(folder, monkeypatch):
    started = sandbox.start(folder)
    monkeypatch.setenv("PATH", "")
    assert started.pid() is not None
    assert sandbox.stop(folder)
