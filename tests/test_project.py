"""What holds for the project as a whole: who imports whom, and that its texts name what exists."""

import ast
import itertools
import json
import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from churn.features import NAMES
from churn.topics import TOPICS
from sandbox.broker import PROPERTIES
from sandbox.cli import app

ROOT = Path(__file__).parent.parent
PROGRAMS = ("producer", "batch_training", "streaming", "cloud")
OURS = ("churn", "churn_io", *PROGRAMS, "sandbox", "tests")
MAY_IMPORT = {
    "churn": {"churn"},
    "churn_io": {"churn", "churn_io"},
    **{program: {"churn", "churn_io", program} for program in PROGRAMS},
}


def imports(file):
    """The top-level names that a module imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_programs_import_what_they_share_and_never_each_other(package):
    for file in (ROOT / package).rglob("*.py"):
        assert {name for name in imports(file) if name in OURS} <= MAY_IMPORT[package], file


def test_the_core_does_no_input_or_output():
    for file in (ROOT / "churn").rglob("*.py"):
        found = set(imports(file))
        assert not found & {"os", "pathlib", "kafka", "subprocess", "socket", "time"}, file
        assert "SparkSession" not in file.read_text(), file


def test_each_command_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    for name in get_command(app).commands:
        assert f"sparkify {name}" in readme or f"make {name}" in readme, name


def test_each_command_that_the_texts_name_exists():
    known = set(get_command(app).commands)
    for text in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for name in re.findall(r"`sparkify ([a-z]+)", text.read_text()):
            assert name in known, (text, name)


def test_each_make_verb_that_the_texts_name_exists():
    verbs = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    for text in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for name in re.findall(r"`make ([a-z]+)", text.read_text()):
            assert name in verbs, (text, name)


def test_each_topic_is_documented_with_its_settings():
    text = (ROOT / "docs" / "topics.md").read_text()
    for topic in TOPICS:
        assert f"`{topic.name}`" in text
        for name, value in topic.config.items():
            assert f"`{name}={value}`" in text


def test_each_feature_is_documented():
    text = (ROOT / "docs" / "features.md").read_text()
    assert re.findall(r"^\| `([a-z0-9_]+)` \|", text, re.M) == list(NAMES)


def test_links_in_the_texts_lead_somewhere():
    for text in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", text.read_text()):
            assert (text.parent / target).exists(), (text, target)


def test_compose_creates_the_topics_that_the_code_expects():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    script = compose["services"]["topics"]["command"][0]
    created = {}
    for line in re.findall(r"^create (--topic.*)$", script, re.M):
        words = line.split()
        settings = dict(word.split("=") for before, word in itertools.pairwise(words) if before == "--config")
        created[words[words.index("--topic") + 1]] = (int(words[words.index("--partitions") + 1]), settings)
    assert created == {topic.name: (topic.partitions, topic.config) for topic in TOPICS}


def test_compose_and_the_local_broker_have_the_same_settings():
    environment = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["kafka"]["environment"]
    local = dict(line.split("=", 1) for line in PROPERTIES.splitlines())
    for name in ("auto.create.topics.enable", "message.max.bytes", "group.initial.rebalance.delay.ms"):
        assert environment["KAFKA_" + name.upper().replace(".", "_")] == local[name]
    assert environment["KAFKA_PROCESS_ROLES"].split(",")[::-1] == local["process.roles"].split(",")[::-1]


def test_schemas_are_json_schemas():
    for file in (ROOT / "docs" / "schemas").glob("*.json"):
        assert json.loads(file.read_text())["$schema"].startswith("https://json-schema.org/")
