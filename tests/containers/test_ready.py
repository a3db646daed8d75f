"""`make up` looks first whether Docker can do it: what is missing is one line that says what to do."""

import json
import socket
import subprocess
import sys

import pytest

from sandbox.broker import HOST, free_ports
from tests.containers.conftest import ROOT

SHELL = "/bin/sh"


@pytest.fixture
def run(tmp_path):
    """A function that runs the script where only this docker exists, if any."""

    def start(docker=None):
        if docker:
            program = tmp_path / "docker"
            program.write_text(f"#!{SHELL}\n{docker}\n")
            program.chmod(0o755)
        command = [sys.executable, ROOT / "deploy" / "ready.py"]
        return subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)

    return start


def answering(port, kafka=""):
    """A docker that has all it needs, whose compose publishes this port, and runs this kafka."""
    settings = json.dumps({"services": {"kafka": {"ports": [{"published": str(port)}]}}})
    return f"case \"$*\" in *config*) echo '{settings}' ;; *ps*) echo '{kafka}' ;; esac"


@pytest.mark.parametrize(
    ("docker", "said"),
    [
        (None, "found no docker on the PATH; install Docker with its compose plugin"),
        (
            "echo 'Cannot connect to the Docker daemon' >&2; exit 1",
            "does not answer: Cannot connect to the Docker daemon",
        ),
        ('test "$1" != compose', "Docker has no compose plugin; install docker-compose-plugin"),
        ('test "$2" != config || { echo "yaml: line 3" >&2; exit 1; }', ".env is not understood: yaml: line 3"),
    ],
)
def test_what_docker_lacks_is_said_in_one_line(run, docker, said):
    done = run(docker)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line


def test_a_port_that_something_else_uses_is_named_with_a_way_out(run):
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        done = run(answering(port))
        assert done.returncode == 1
        assert f"port {port} is taken" in done.stderr
        assert f"SPARKIFY_KAFKA_PORT={port + 1} make up" in done.stderr
        assert run(answering(port, kafka="3f2a")).returncode == 0  # our own broker has it


def test_a_free_port_is_fine(run):
    (port,) = free_ports(0)
    done = run(answering(port))
    assert (done.returncode, done.stderr) == (0, "")
