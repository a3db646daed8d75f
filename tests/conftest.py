"""The real parts that tests share: one Spark session, one broker."""

import os
import signal
import sys
import uuid

import pytest

from churn.errors import BadSetup
from churn.topics import CHURN_ALERTS, CHURN_SCORES, REJECTED_EVENTS, TOPICS, USER_EVENTS, Topic
from churn_io.kafka import create_topics
from churn_io.session import spark_session
from sandbox.broker import running_broker
from sandbox.cli import main
from streaming.trigger import Topics

pytest_plugins = ["tests.s3_server"]  # its fixture `server`


def pytest_configure():
    """A shell's background jobs ignore Ctrl-C, and so would the programs that tests start and interrupt."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """A test is marked by the most expensive part that it asks for."""
    for item in items:
        if "engine" in item.fixturenames:
            item.add_marker("docker")
        elif "yarn" in item.fixturenames:
            item.add_marker("yarn")
        elif "standalone" in item.fixturenames:
            item.add_marker("cluster")
        elif "broker" in item.fixturenames:
            item.add_marker("broker")
        elif "front" in item.fixturenames:
            item.add_marker("cloud")
        elif {"spark", "sparkify"} & set(item.fixturenames):
            item.add_marker("spark")
        else:
            item.add_marker("unit")


def missing(reason):
    """A service that is not there fails in CI, and skips with its reason elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """The session of the product, small."""
    warehouse = str(tmp_path_factory.mktemp("warehouse"))
    try:
        session = spark_session("tests", "local[2]", {"spark.sql.warehouse.dir": warehouse})
    except BadSetup as error:
        missing(str(error))
    yield session
    session.stop()


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """A real broker's address."""
    try:
        with running_broker(tmp_path_factory.mktemp("kafka")) as running:
            yield running.bootstrap
    except BadSetup as error:
        missing(str(error))


def new_topics(broker):
    """The four topics under names that nobody has used, with the product's settings: events, and where results go."""
    suffix = uuid.uuid4().hex[:8]
    create_topics(broker, [Topic(f"{topic.name}-{suffix}", topic.partitions, topic.config) for topic in TOPICS])
    results = Topics(*(f"{name}-{suffix}" for name in (CHURN_SCORES, CHURN_ALERTS, REJECTED_EVENTS)))
    return f"{USER_EVENTS}-{suffix}", results


@pytest.fixture
def topic_names(broker):
    """This test's own topics."""
    return new_topics(broker)


@pytest.fixture
def complaint(monkeypatch, capsys):
    """A function that runs `sparkify ARGUMENTS`, expects exit code 1, and gives the one line of complaint."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["sparkify", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr().err
        assert left.value.code == 1, said
        assert "Traceback" not in said
        (line,) = (row for row in said.splitlines() if row.startswith("error:"))
        return line

    return run
