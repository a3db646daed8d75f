"""A topic is a log as a file is, the newest weeks of either can be learnt from, and the next model takes over."""

import json
from datetime import UTC, datetime

import pytest
import typer
from kafka import KafkaProducer

from batch_training.logs import accepted_events
from batch_training.retrain_command import retrain
from batch_training.threshold import Rule
from batch_training.topic_log import topic_log, topic_records
from batch_training.training import history
from churn.errors import InvalidLog, TopicMissing
from churn_io.registry import Registry
from tests.batch_training.conftest import NOW
from tests.builders import listener
from tests.conftest import new_topics

NOW_MS = round(NOW.timestamp() * 1000)
FOUR_WEEKS_BEFORE_THE_END_MS = round(datetime(2018, 11, 3, tzinfo=UTC).timestamp() * 1000)  # it ends on November 30


@pytest.fixture(scope="module")
def send(broker):
    """A function that puts lines on a topic, each at its event's time, and waits."""
    producer = KafkaProducer(bootstrap_servers=broker, linger_ms=20)

    def put(topic, rows):
        for row in rows:
            producer.send(topic, row.encode(), key=b"key", timestamp_ms=json.loads(row)["ts"])
        producer.flush()

    yield put
    producer.close()


@pytest.fixture(scope="module")
def topic(broker, send, log):
    """A topic that holds the small log."""
    name, _ = new_topics(broker)
    with open(log) as file:
        send(name, file)
    return name


def test_a_topic_is_the_log_that_was_sent_to_it(spark, broker, topic, log):
    of_topic, of_file = (history(spark, path, NOW_MS) for path in (f"kafka://{broker}/{topic}", log))
    assert of_topic.counts == of_file.counts
    assert of_topic.users == of_file.users > 100


def test_what_comes_after_the_reading_began_is_not_read(spark, broker, send):
    name, _ = new_topics(broker)
    rows = [json.dumps(event) for event in listener("calm", range(3))]
    send(name, rows)
    found = topic_records(spark, f"kafka://{broker}/{name}")
    send(name, rows)
    assert found.count() == len(rows) == 9


@pytest.mark.parametrize("path", ["kafka://", "kafka://localhost:9092", "kafka://localhost:9092/", "kafka://a/b/c"])
def test_a_path_that_names_no_topic_says_what_is_wanted(path):
    with pytest.raises(InvalidLog, match=r"wanted is kafka://HOST:PORT/TOPIC"):
        topic_log(path)


def test_a_topic_that_is_not_there_is_said_so(spark, broker):
    with pytest.raises(TopicMissing, match="nowhere"):
        accepted_events(spark, f"kafka://{broker}/nowhere", NOW_MS)


def test_the_newest_weeks_are_the_whole_log_without_what_came_before(spark, log):
    whole, newest = (history(spark, log, NOW_MS, weeks) for weeks in (None, 4))
    kept = whole.partials.where(f"day_ms >= {FOUR_WEEKS_BEFORE_THE_END_MS}")
    assert sorted(newest.partials.collect()) == sorted(kept.collect())
    assert newest.counts.first_ms == FOUR_WEEKS_BEFORE_THE_END_MS
    assert newest.counts.last_ms == whole.counts.last_ms
    assert newest.counts.cancels == kept.where("cancelled_ms is not null").select("user_id").distinct().count()
    assert 0 < newest.counts.cancels < whole.counts.cancels


def test_a_model_of_the_newest_weeks_of_a_topic_takes_over(spark, broker, topic, tmp_path, capsys):
    models = str(tmp_path / "models")
    retrain(
        from_topic=topic,
        bootstrap=broker,
        models=models,
        horizon_days=8,
        budget=0.2,
        threshold=Rule.PROFIT,
        offer_cost=7.0,
        weeks=8,
        only=["logistic"],
    )
    registry = Registry(spark, models)
    card = registry.card(registry.current_version())
    assert card.data["log"] == f"kafka://{broker}/{topic}"
    assert card.data["first_event"][:10] == "2018-10-06"
    goals = card.metrics["goals"]
    assert (card.horizon_days, goals["budget"], goals["rule"], goals["offer"]["cost"]) == (8, 0.2, "profit", 7.0)
    assert card.version in capsys.readouterr().out.replace("\n", "")


@pytest.mark.parametrize("named", [{}, {"from_topic": "user-events", "log": "log.json"}])
def test_one_of_a_topic_and_a_log_has_to_be_named(named):
    with pytest.raises(typer.BadParameter, match="one of the two"):
        retrain(**named)
