"""The image alone: all jars are inside, nobody is root, and what is missing is said in one line."""

import subprocess

import pytest

JARS = "from churn_io.jars import connector_jars, s3_jars; print(len(connector_jars()), len(s3_jars()))"


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
