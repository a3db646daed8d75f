"""`make` looks for Java first: it is there, or is installed, or is asked for."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "sandbox" / "java.sh"
SHELL = "/bin/sh"


@pytest.fixture
def run(tmp_path):
    """A function that runs the script where only these programs exist; each writes its arguments to `called`."""

    def start(**programs):
        for name, script in programs.items():
            program = tmp_path / name
            program.write_text(f'#!{SHELL}\necho "{name} $*" >> "{tmp_path}/called"\n{script}\n')
            program.chmod(0o755)
        environment = {key: value for key, value in os.environ.items() if key != "JAVA_HOME"} | {"PATH": str(tmp_path)}
        done = subprocess.run([SHELL, SCRIPT], env=environment, capture_output=True, text=True, check=False)
        called = tmp_path / "called"
        return done, called.read_text() if called.exists() else ""

    return start


def test_a_java_that_is_there_is_enough(run):
    done, called = run(java="exit 0")
    assert (done.returncode, called) == (0, "")


def test_on_debian_root_gets_it_installed(run):
    done, called = run(**{"id": "echo 0", "apt-get": "exit 0"})
    assert done.returncode == 0
    assert "apt-get install" in called
    assert "openjdk-17-jre-headless" in called


@pytest.mark.parametrize("programs", [{"id": "echo 1000", "apt-get": "exit 0"}, {"id": "echo 0"}])
def test_others_are_told_how_to_get_it(run, programs):
    done, called = run(**programs)
    assert done.returncode == 1
    assert "apt-get" not in called
    assert "sudo apt-get install openjdk-17-jre-headless" in done.stderr
    assert "brew install openjdk@17" in done.stderr
