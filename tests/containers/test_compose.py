"""The image alone; and the whole stack by compose, on a free port, from a log that is made to nothing left behind.

One file, so that one process of the tests builds the image.
"""

import json
import os
import subprocess
import uuid
from dataclasses import dataclass

import docker
import pytest
from docker.models.containers import Container

from churn.topics import CHURN_ALERTS, CHURN_SCORES
from sandbox.broker import free_ports
from streaming.reader import Reading, alerts
from tests.conftest import missing
from tests.containers.conftest import ROOT, awaited, without_ours
from tests.streaming.conftest import values
from tests.topic_reading import all_records

USERS = 150
JARS = "from churn_io.jars import connector_jars, s3_jars; print(len(connector_jars()), len(s3_jars()))"


@dataclass(frozen=True)
class Stack:
    """A project of compose, and Kafka's address as this machine sees it."""

    engine: docker.DockerClient
    project: str
    bootstrap: str
    environment: dict[str, str]

    def compose(self, *arguments):
        """The output of `docker compose ARGUMENTS`, which must end well."""
        command = ["docker", "compose", "--env-file", os.devnull, "--project-name", self.project, "--profile", "app"]
        done = subprocess.run(
            [*command, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:] + self.said()
        return done.stdout

    def said(self):
        """The last lines of each service."""
        found = self.engine.containers.list(all=True, filters=self.label())
        return "\n".join(f"{each.name}: {each.logs(tail=20).decode()}" for each in found)

    def label(self):
        """What all that belongs to the project bears."""
        return {"label": f"com.docker.compose.project={self.project}"}

    def container(self, service) -> Container:
        """A service's container, running or not."""
        labels = [f"com.docker.compose.project={self.project}", f"com.docker.compose.service={service}"]
        (found,) = self.engine.containers.list(all=True, filters={"label": labels})
        return found

    def ended_well(self, service):
        """Whether a service that runs once is done; it must not have failed."""
        container = self.container(service)
        assert container.attrs["State"]["ExitCode"] == 0, container.logs().decode()[-3000:]
        return container.status == "exited"

    def illness(self):
        """What the stream's health check complains of, now, with 20 seconds of patience; None if all is well."""
        asked = ["python", "-m", "streaming.health"]
        found = self.container("stream").exec_run(asked, environment={"SPARKIFY_STALE_SECONDS": "20"})
        return found.output.decode() if found.exit_code else None

    def what_is_left(self):
        """Containers, networks and volumes of the project."""
        containers = self.engine.containers.list(all=True, filters=self.label())
        networks = self.engine.networks.list(filters=self.label())
        return [*containers, *networks, *self.engine.volumes.list(filters=self.label())]


@pytest.fixture
def run(image):
    """A function that runs the image, cut off from all networks, with these options and arguments."""

    def container(*arguments, options=()):
        command = ["docker", "run", "--rm", "--network", "none", *options, image, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return container


def test_the_jars_are_inside(run):
    done = run("-c", JARS, options=("--entrypoint", "python"))
    assert done.returncode == 0, done.stderr
    connector, s3 = map(int, done.stdout.split())
    assert connector > 1
    assert s3 > 1


def test_without_a_broker_one_line_says_so(run):
    done = run("score")
    assert done.returncode == 1
    assert done.stderr.startswith("error: no Kafka broker answers at localhost:9092")
    assert "Traceback" not in done.stderr


def test_the_image_is_for_a_user_of_its_own_and_starts_the_program_itself(engine, image):
    config = engine.images.get(image).attrs["Config"]
    assert config["User"] == "sparkify"
    assert config["Entrypoint"] == ["sparkify"]
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "streaming.health"]


@pytest.fixture(scope="module")
def stack(engine, image):
    """All of it, brought up and in the end taken down."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        missing("Docker has no compose plugin; install docker-compose-plugin")
    (port,) = free_ports(0)
    settings = {
        "SPARKIFY_KAFKA_PORT": str(port),
        "SPARKIFY_IMAGE": image,
        "SPARKIFY_SIMULATE_OPTIONS": f"--users {USERS} --days 45",
        "SPARKIFY_TRAIN_OPTIONS": "--learner logistic",
        "SPARKIFY_REPLAY_OPTIONS": "--unpaced",
        "SPARKIFY_DRIVER_MEMORY": "1g",
        "SPARKIFY_MASTER": "local[2]",
    }
    found = Stack(engine, f"sparkify-{uuid.uuid4().hex[:8]}", f"localhost:{port}", without_ours() | settings)
    try:
        found.compose("up", "--detach")
        yield found
    finally:
        found.compose("down", "--volumes", "--remove-orphans")


def test_a_log_is_made_learnt_from_replayed_and_scored_and_the_host_reads_the_results(stack):
    awaited(lambda: stack.ended_well("replay"), stack.said)
    report = stack.compose("exec", "-T", "stream", "cat", "/data/replay.json")
    sent = json.loads(report)["acknowledged"]

    def books():
        found = json.loads(stack.compose("exec", "-T", "stream", "cat", "/data/score.json"))
        return found["read"] >= sent and found

    accounts = awaited(books, stack.said)
    assert accounts["read"] == sent == accounts["state"] + accounts["without_user"]
    scores = values(all_records(CHURN_SCORES, bootstrap_servers=stack.bootstrap))
    version = stack.compose("exec", "-T", "stream", "cat", "/data/models/current").strip()
    assert {score["model_version"] for score in scores} == {version}
    over = {score["user_id"] for score in scores if score["probability"] >= score["threshold"]}
    alerted = {alert["user_id"] for alert in alerts(Reading(stack.bootstrap, CHURN_ALERTS, follow=False))}
    assert alerted <= over
    assert accounts["scores"] >= len(scores) > USERS / 2


@pytest.mark.parametrize("service", ["kafka", "stream"])
def test_nothing_runs_as_root(stack, service):
    assert stack.container(service).exec_run(["id", "-u"]).output.strip() != b"0"


def test_a_stream_that_turns_nothing_over_is_unhealthy_until_it_does_again(stack):
    assert stack.container("stream").attrs["State"]["Health"]["Status"] == "healthy"
    kafka = stack.container("kafka")
    kafka.pause()
    said = awaited(stack.illness, "the stream to be unhealthy")
    kafka.unpause()
    assert "SPARKIFY_STALE_SECONDS allows 20; see its log" in said
    awaited(lambda: stack.illness() is None, "the stream to be healthy")


def test_docker_stop_ends_the_stream_between_two_batches(stack):
    stack.compose("stop", "stream")
    stream = stack.container("stream")
    assert stream.attrs["State"]["ExitCode"] == 0
    said = stream.logs().decode()
    assert "total read" in said
    assert "Traceback" not in said


def test_a_log_is_not_sent_twice_nor_a_model_trained_again(stack):
    before = stack.compose("run", "--rm", "--no-deps", "replay", "cat /data/models/current; ls -l /logs")
    stack.compose("up", "--no-deps", "log", "train", "replay")
    assert all(stack.ended_well(service) for service in ("log", "train", "replay"))
    report = json.loads(stack.compose("run", "--rm", "--no-deps", "replay", "cat /data/replay.json"))
    assert (report["sent"], report["acknowledged"]) == (0, 0)
    assert stack.compose("run", "--rm", "--no-deps", "replay", "cat /data/models/current; ls -l /logs") == before


def test_down_leaves_nothing(stack):
    stack.compose("down", "--volumes")
    assert stack.what_is_left() == []
