"""What the files for Docker promise, read without Docker."""

import configparser
import re

import pytest

from churn_io.coordinates import KAFKA_VERSION
from tests.containers.conftest import COMPOSE, ROOT

SERVICES = COMPOSE["services"]


def pins(name):
    """A file's pinned packages and their versions."""
    rows = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), re.M)
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in rows}


def test_the_image_has_the_versions_that_are_tested():
    here = pins("constraints.txt")
    there = pins("deploy/requirements.txt")
    assert there == {package: here.get(package) for package in there}


def test_the_image_has_all_that_the_project_asks_for_and_each_package_has_its_hashes():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    asked = {re.split(r"[<>=]", row)[0] for row in setup["options"]["install_requires"].split()}
    assert asked <= set(pins("deploy/requirements.txt"))
    for name in ("deploy/requirements.txt", "deploy/build-requirements.txt"):
        entries = re.split(r"^(?=[\w.-]+==)", (ROOT / name).read_text(), flags=re.M)[1:]
        assert entries
        assert all("--hash=sha256:" in entry for entry in entries)


def test_the_image_is_made_of_all_packages():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    packages = {name.split(".")[0] for name in setup["options"]["packages"].split()}
    assert packages <= {row[1:] for row in (ROOT / ".dockerignore").read_text().splitlines() if row.startswith("!")}


def test_each_variable_of_compose_is_documented_with_its_default():
    used = re.findall(r"\$\{(\w+):-([^}]*)\}", (ROOT / "docker-compose.yml").read_text())
    documented = re.findall(r"^# (SPARKIFY_\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.M)
    assert sorted(documented) == sorted(set(used))
    assert "${" not in re.sub(r"\$\{\w+:-[^}]*\}", "", (ROOT / "docker-compose.yml").read_text())


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_kept_within_bounds(name):
    service = SERVICES[name]
    assert service["mem_limit"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_only_kafka_and_its_topics_come_without_a_profile():
    assert {name for name, service in SERVICES.items() if "profiles" not in service} == {"kafka", "topics"}


def test_docker_and_the_local_broker_have_the_same_kafka():
    assert {SERVICES[name]["image"] for name in ("kafka", "topics")} == {f"apache/kafka:{KAFKA_VERSION}"}


def test_the_broker_keeps_its_topics_in_its_volume():
    kafka = SERVICES["kafka"]
    assert kafka["volumes"] == [f"kafka-data:{kafka['environment']['KAFKA_LOG_DIRS']}"]
