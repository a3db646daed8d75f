"""The whole path behind closed doors, by the real programs, by password and by certificate; and what must not leak."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from churn.topics import CHURN_ALERTS, CHURN_SCORES, REJECTED_EVENTS, USER_EVENTS
from churn_io.kafka_security import CONFIG, client_settings, spark_options
from sandbox.broker import command_of
from sandbox.secured_broker import ADMIN
from streaming.source import Source, live
from tests.builders import event, grumbler
from tests.security.conftest import MARK
from tests.streaming.conftest import classifier, models  # noqa: F401  (fixtures)
from tests.topic_reading import all_records

SPARK_PROGRAM = "org.apache.spark.deploy.SparkSubmit"
PERSONAL = {
    "firstName": "Zwentibold",
    "lastName": "Quarkenbusch",
    "location": "Elbflorenz-Blasewitz, SN",  # none of the areas whose names are in each plan
    "userAgent": "Gramophone/78.0 (shellac)",
}
LOG_APPEND_TIME = 1


@dataclass
class Program:
    """`sparkify ARGUMENTS` as a process, with one user's file of properties, and what others could see of it."""

    folder: Path
    commands: set[str] = field(default_factory=set)  # of it and of all that it started

    def __call__(self, properties, *arguments):
        """Its output, once it has ended well."""
        words = [sys.executable, "-m", "sandbox", *map(str, arguments)]
        environment = os.environ | {CONFIG: str(properties), "SPARK_CONF_DIR": str(self.folder / "conf")}
        output = self.folder / f"{arguments[0]}.output"
        with output.open("wb") as said:
            running = subprocess.Popen(words, stdout=said, stderr=said, env=environment, start_new_session=True)
            while running.poll() is None:
                self.commands |= {" ".join(command_of(pid)) for pid in family(running.pid)}
                time.sleep(0.2)
        assert running.returncode == 0, output.read_text()
        return output.read_text()


def family(leader):
    """All processes of a session."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == leader:
                yield int(folder.name)
        except ProcessLookupError:
            continue


@pytest.fixture
def program(tmp_path):
    """A program that logs Spark's events, plans among them, uncompressed."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "events").mkdir()
    (tmp_path / "conf" / "spark-defaults.conf").write_text(
        f"spark.eventLog.enabled true\nspark.eventLog.compress false\nspark.eventLog.dir file://{tmp_path / 'events'}\n"
    )
    return Program(tmp_path)


def texts(folder):
    """Every file below the folder, as bytes."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read(secured, topic):
    """All records of a topic."""
    return all_records(topic, **client_settings(secured.doors.by_password))


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are looked at in /proc")
@pytest.mark.parametrize("way", ["password", "certificate"])
def test_a_log_becomes_alerts_and_nothing_leaks(secured, program, models, tmp_path, monkeypatch, way):  # noqa: F811
    door = getattr(secured.doors, f"by_{way}")
    come = getattr(secured, f"by_{way}")
    user = f"angry-{way}"
    lines = [json.dumps(each | PERSONAL) for each in grumbler(user, range(20, 40))]
    refused = json.dumps(event(39, user=user, page=None) | PERSONAL)
    (tmp_path / "log.json").write_text("\n".join([*lines, refused]))
    address = ["--bootstrap", door]

    program(come("producer"), "replay", tmp_path / "log.json", "--unpaced", *address)
    books = ["--checkpoint", tmp_path / "checkpoint", "--report", tmp_path / "score.report"]
    program(come("stream"), "score", "--available-now", "--models", models, *books, *address)
    alerts = [json.loads(line) for line in program(come("reader"), "alerts", "--json", *address).splitlines()]

    assert user in {alert["user_id"] for alert in alerts}
    assert any(SPARK_PROGRAM in command for command in program.commands)
    assert not any(MARK in command for command in program.commands)
    left = texts(tmp_path)
    assert any(b"SparkListenerSQLExecutionStart" in text for text in left.values())
    assert not [path for path, text in left.items() if MARK.encode() in text]

    monkeypatch.setenv(CONFIG, str(secured.by_password(ADMIN)))
    letters = [record for record in read(secured, REJECTED_EVENTS) if user.encode() in record.value]
    assert [PERSONAL["lastName"].encode() in letter.value for letter in letters] == [True]
    assert letters[0].timestamp_type == LOG_APPEND_TIME
    told = [record.value for topic in (CHURN_SCORES, CHURN_ALERTS) for record in read(secured, topic)]
    assert any(user.encode() in value for value in told)
    (tmp_path / "log.json").unlink()
    for personal in PERSONAL.values():
        assert not [value for value in told if personal.encode() in value]
        assert not [path for path, text in texts(tmp_path).items() if personal.encode() in text]


def test_no_plan_of_sparks_holds_a_password(spark, secured, monkeypatch, capsys):
    monkeypatch.setenv(CONFIG, str(secured.by_password("stream")))
    address = secured.doors.by_password
    live(spark, Source(address, USER_EVENTS, 10)).explain("extended")
    spark.read.format("kafka").options(**spark_options(address)).option("subscribe", CHURN_ALERTS).load().explain(True)
    said = capsys.readouterr().out
    assert "kafka" in said.lower()
    assert MARK not in said + str(spark_options(address))
