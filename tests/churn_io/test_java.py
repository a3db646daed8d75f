import pytest

from churn.errors import BadSetup
from churn_io.java import require_java


@pytest.fixture
def fake_java(tmp_path, monkeypatch):
    """A function that puts a java on the PATH which says what it is told."""

    def put(answer):
        java = tmp_path / "java"
        java.write_text(f"#!/bin/sh\necho '{answer}' >&2\n")
        java.chmod(0o755)
        monkeypatch.delenv("JAVA_HOME", raising=False)
        monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
        return java

    return put


@pytest.mark.parametrize("answer", ['openjdk version "17.0.15" 2025-04-15', 'openjdk version "21" 2023-09-19'])
def test_a_java_that_spark_takes_is_found(fake_java, answer):
    java = fake_java(answer)
    assert require_java() == java


@pytest.mark.parametrize(("answer", "found"), [('openjdk version "11.0.2"', "11"), ('java version "1.8.0_392"', "8")])
def test_a_java_that_is_too_old_is_named(fake_java, answer, found):
    fake_java(answer)
    with pytest.raises(BadSetup, match=f"found Java {found} at .*needs Java 17 or 21"):
        require_java()


def test_no_java_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadSetup, match="apt-get install openjdk-17-jre-headless"):
        require_java()


def test_a_java_home_that_leads_nowhere_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(BadSetup, match="JAVA_HOME is"):
        require_java()


@pytest.mark.parametrize("command", ["score", "train", "kafka"])
def test_no_java(monkeypatch, complaint, tmp_path, command):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    arguments = {
        "score": ["score"],
        "train": ["train", tmp_path, "--models", tmp_path],
        "kafka": ["kafka", "start", "--data", tmp_path / "kafka", "--port", 0],
    }
    said = complaint(*arguments[command])
    assert "found no Java on the PATH" in said
    assert "apt-get install openjdk-17-jre-headless" in said
