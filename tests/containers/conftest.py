"""Docker's engine, the image, a broker in a container: real ones, or the reason why not."""

import os
import subprocess
import time
from pathlib import Path

import docker
import pytest
import yaml
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from sandbox.broker import HOST, free_ports
from tests.conftest import missing

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
IMAGE = "sparkify-churn:test"
WAIT_SECONDS = 600  # ends a hang; a busy machine needs a few minutes for what starts Spark


@pytest.fixture(scope="session")
def engine():
    """A client of Docker's engine."""
    try:
        client = docker.from_env()
    except DockerException as error:
        missing(f"Docker's engine does not answer: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(engine):
    """The programs' image, made of this tree."""
    build = ["docker", "build", "--quiet", "--file", "deploy/Dockerfile", "--tag", IMAGE, "."]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return IMAGE


@pytest.fixture(scope="session")
def kafka(engine):
    """Compose's broker without compose, on a free port of loopback."""
    service = COMPOSE["services"]["kafka"]
    require_image(engine, service["image"])
    (port,) = free_ports(0)
    advertised = {"KAFKA_ADVERTISED_LISTENERS": f"INTERNAL://kafka:19092,HOST://localhost:{port}"}
    container = DockerContainer(service["image"], env=service["environment"] | advertised, hostname="kafka")
    container.ports["9092/tcp"] = (HOST, port)  # with_bind_ports would open it to the network
    with container.waiting_for(LogMessageWaitStrategy("Kafka Server started")):
        yield container.get_wrapped_container()


@pytest.fixture(scope="session")
def broker(kafka):
    """The address of the broker in the container, for the fixtures that the stream's tests have."""
    kafka.reload()
    return f"localhost:{kafka.ports['9092/tcp'][0]['HostPort']}"


def require_image(engine, name):
    """Have a public image, pulled if it is not here."""
    try:
        engine.images.get(name)
    except ImageNotFound:
        try:
            engine.images.pull(name)
        except DockerException as error:
            missing(f"the image {name} is neither here nor can it be pulled: {error}")


def awaited(answer, what):
    """The first answer that is not false."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = answer()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited for {what() if callable(what) else what}"
        time.sleep(0.5)


def without_ours(environment=os.environ):
    """The environment without what this project reads."""
    return {name: value for name, value in environment.items() if not name.startswith("SPARKIFY_")}
