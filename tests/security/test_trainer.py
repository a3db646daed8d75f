"""Who else reads a topic behind closed doors: training, and a replay that goes on; and what a model must not hold."""

import json
from datetime import UTC, datetime

import pytest

from batch_training.logs import accepted_events
from batch_training.retrain_command import retrain
from producer.simulator import Settings as Population
from producer.simulator import write_log
from tests.builders import grumbler, lines
from tests.security.conftest import MARK, PERSONAL
from tests.security.contents import holding, texts

NOW_MS = round(datetime(2026, 1, 2, tzinfo=UTC).timestamp() * 1000)
FIRST_LINES = 20


@pytest.fixture
def history(secured):
    """A topic of this test's own, which `producer` may write and read again, and `trainer` read."""
    topic, _ = secured.new_topics()
    secured.grant(("producer", "WRITE", topic), ("producer", "READ", topic), ("trainer", "READ", topic))
    return topic


@pytest.fixture
def log(tmp_path):
    """A log of 60 lines."""
    file = tmp_path / "log.json"
    file.write_text("\n".join(lines(grumbler("angry", range(20)))))
    return file


@pytest.mark.parametrize("way", ["password", "certificate"])
def test_a_replay_goes_on_and_the_topic_is_a_log(spark, secured, enter, program, history, log, tmp_path, way):
    door, come = getattr(secured.doors, f"by_{way}"), getattr(secured, f"by_{way}")
    words = ["replay", log, "--topic", history, "--bootstrap", door, "--unpaced"]
    program(come("producer"), *words, "--limit", FIRST_LINES)
    program(come("producer"), *words, "--resume", "--report", tmp_path / "report.json")
    told = json.loads((tmp_path / "report.json").read_text())
    assert (told["held"], told["acknowledged"]) == (FIRST_LINES, 60 - FIRST_LINES)
    enter(come("trainer"))
    assert accepted_events(spark, f"kafka://{door}/{history}", NOW_MS).events.count() == 60


def test_a_replay_that_is_to_go_on_has_to_read(secured, enter, complaint, log):
    enter(secured.by_password("producer"))
    said = complaint("replay", log, "--resume", "--bootstrap", secured.doors.by_password)
    assert "does not allow user producer to READ user-events" in said


@pytest.mark.parametrize("words", [("train",), ("explore", "--out", "out"), ("retrain", "--from-topic")])
def test_a_topic_is_no_log_for_others(secured, enter, complaint, tmp_path, words):
    enter(secured.by_password("reader"))
    door = secured.doors.by_password
    topic = ("user-events", "--bootstrap", door) if "--from-topic" in words else (f"kafka://{door}/user-events",)
    said = complaint(*words, *topic)
    assert "does not allow user reader to READ user-events" in said


def test_a_model_holds_no_name_or_place_of_those_it_learnt_from(
    spark, secured, enter, program, history, tmp_path, capsys
):
    write_log(Population(150, 61, datetime(2018, 10, 1, tzinfo=UTC), 6), tmp_path / "simulated.json")
    log = tmp_path / "log.json"
    with (tmp_path / "simulated.json").open() as rows, log.open("w") as named:
        named.writelines(json.dumps(json.loads(row) | PERSONAL) + "\n" for row in rows)
    door = secured.doors.by_password
    words = ["--topic", history, "--bootstrap", door, "--unpaced"]
    program(secured.by_password("producer"), "replay", log, *words)
    enter(secured.by_password("trainer"))
    retrain(from_topic=history, bootstrap=door, models=str(tmp_path / "models"), only=["logistic"])
    (tmp_path / "retrain.output").write_text(capsys.readouterr().out)
    (tmp_path / "simulated.json").unlink()
    left = texts(spark, tmp_path)
    assert holding(left, *PERSONAL.values()) == [str(log)]
    assert any("/models/" in name for name in holding(left, f"{door}/{history}"))
    assert [name for name in left if ".parquet!" in name]
    assert holding(left, MARK) == []
