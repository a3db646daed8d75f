"""The whole path behind closed doors, by the real programs, by password and by certificate; and what must not leak."""

import json
from pathlib import Path

import pytest

from churn.topics import CHURN_ALERTS, CHURN_SCORES, REJECTED_EVENTS, USER_EVENTS
from churn_io.kafka_security import CONFIG, client_settings, spark_options
from sandbox.secured_broker import ADMIN
from streaming.source import Source, live
from tests.builders import event, grumbler
from tests.security.conftest import MARK, PERSONAL
from tests.security.contents import holding, states, texts
from tests.streaming.conftest import classifier, models  # noqa: F401  (fixtures)
from tests.topic_reading import all_records

SPARK_PROGRAM = "org.apache.spark.deploy.SparkSubmit"
LOG_APPEND_TIME = 1
NEEDS_PROC = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are looked at in /proc")


def read(secured, topic):
    """All records of a topic."""
    return all_records(topic, **client_settings(secured.doors.by_password))


def has_scored(report):
    """Whether a stream's books say that it has published scores."""
    return report.exists() and json.loads(report.read_text())["scores"] > 0


@NEEDS_PROC
def test_no_password_is_a_word_of_a_command_while_the_broker_is_set_up(secured):
    for main in ("kafka.tools.StorageTool", "kafka.Kafka"):
        assert any(main in command.split() for command in secured.commands)
    assert not any(MARK in command for command in secured.commands)


@NEEDS_PROC
@pytest.mark.parametrize(
    ("way", "state"),
    [
        ("password", ".sst!"),  # a topic that is drained: the state as a whole
        ("certificate", ".changelog!"),  # a stream that runs until it is stopped: each batch's changes
    ],
)
def test_a_log_becomes_alerts_and_nothing_leaks(spark, secured, program, models, tmp_path, monkeypatch, way, state):  # noqa: F811
    door, come = getattr(secured.doors, f"by_{way}"), getattr(secured, f"by_{way}")
    user = f"angry-{way}"
    lines = [json.dumps(each | PERSONAL) for each in grumbler(user, range(20, 40))]
    refused = json.dumps(event(39, user=user, page=None) | PERSONAL)
    (tmp_path / "log.json").write_text("\n".join([*lines, refused]))
    address = ["--bootstrap", door]
    checkpoint, report = tmp_path / "checkpoint", tmp_path / "score.report"

    sending = ["replay", tmp_path / "log.json", "--unpaced", "--report", tmp_path / "replay.report"]
    program(come("producer"), *sending, *address)
    scoring = ["score", "--models", models, "--checkpoint", checkpoint, "--report", report, *address]
    if way == "password":
        program(come("stream"), *scoring, "--available-now")
    else:
        program(come("stream"), *scoring, "--dedupe", 24, until=lambda: has_scored(report))
    alerts = [json.loads(line) for line in program(come("reader"), "alerts", "--json", *address).splitlines()]

    assert user in {alert["user_id"] for alert in alerts}
    assert any(SPARK_PROGRAM in command for command in program.commands)
    assert not any(MARK in command for command in program.commands)
    left = texts(spark, tmp_path)
    assert holding(left, "SparkListenerSQLExecutionStart")
    assert holding(left, MARK) == []

    # what must be there is found by the same search as what must not
    assert json.loads((tmp_path / "replay.report").read_text())["sent"] == len(lines) + 1
    assert [name for name in holding(left, user) if f"{checkpoint}/query/state" in name and state in name]
    rows = list(states(spark, checkpoint / "query"))
    assert any(user in row for row in rows)
    assert holding(left, PERSONAL["lastName"]) == [str(tmp_path / "log.json")]

    monkeypatch.setenv(CONFIG, str(secured.by_password(ADMIN)))
    letters = [record for record in read(secured, REJECTED_EVENTS) if user.encode() in record.value]
    assert [PERSONAL["lastName"].encode() in letter.value for letter in letters] == [True]
    assert letters[0].timestamp_type == LOG_APPEND_TIME
    told = [record.value for topic in (CHURN_SCORES, CHURN_ALERTS) for record in read(secured, topic)]
    assert any(user.encode() in value for value in told)
    for personal in PERSONAL.values():
        assert not [value for value in told if personal.encode() in value]
        assert not [row for row in rows if personal in row]
        assert holding(left, personal) == [str(tmp_path / "log.json")]


def test_no_plan_of_sparks_holds_a_password(spark, secured, monkeypatch, capsys):
    monkeypatch.setenv(CONFIG, str(secured.by_password("stream")))
    address = secured.doors.by_password
    live(spark, Source(address, USER_EVENTS, 10)).explain("extended")
    spark.read.format("kafka").options(**spark_options(address)).option("subscribe", CHURN_ALERTS).load().explain(True)
    said = capsys.readouterr().out
    assert "kafka" in said.lower()
    assert MARK not in said + str(spark_options(address))
