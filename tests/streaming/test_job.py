"""The whole stream on a real broker: scores, alerts, dead letters, and books that balance."""

import json
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import jsonschema
import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from batch_training.logs import accepted_events
from batch_training.prediction import predict
from churn.alerts import alert_id
from churn.errors import BrokerUnavailable, CheckpointMismatch, ModelMismatch, NoModel, TopicMissing
from churn.state import DAY_MS, HOP_MS
from churn.topics import Topic
from churn_io.kafka import create_topics
from churn_io.registry import Registry, model_at
from streaming.job import StopSignal, run
from streaming.models import InForce
from streaming.reader import Reading, alerts
from tests.builders import START_MS, by_time, cancel, event, grumbler, lines, listener, naive_features
from tests.conftest import new_topics
from tests.streaming.conftest import CARD, KEY, probability, publish_model, values, widen

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def test_a_user_who_grumbles_is_scored_alerted_and_explained(spark, job, send, read):
    send(by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40))))
    total = run(spark, job)
    assert total.is_balanced
    assert (total.read, total.state, total.rejected, total.late) == (120, 120, 0, 0)
    scores = {score["user_id"]: score for score in values(read(job.topics.scores))}
    assert scores["angry"]["probability"] > 0.5 > scores["calm"]["probability"]
    found = list(alerts(Reading(job.source.bootstrap, job.topics.alerts, follow=False)))
    assert {alert["user_id"] for alert in found} == {"angry"}
    first = found[0]
    assert first["reasons"][0]["feature"] == "thumbs_down_per_100_songs"
    assert first["reasons"][0]["text"].startswith("thumbs down per 100 songs: ")
    assert first["model_version"] == "v1"
    assert len({alert["alert_id"] for alert in found}) == len(found) == total.alerts


def test_a_score_is_the_models_for_the_naive_features(spark, job, send, read, classifier):
    log = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 31)))
    send(log)
    run(spark, job)
    clock_ms = max(each["ts"] for each in log)
    last = {score["user_id"]: score for score in values(read(job.topics.scores))}
    for user, score in last.items():
        expected = probability(classifier, naive_features(log, user, clock_ms), clock_ms)
        assert score["probability"] == pytest.approx(expected, abs=1e-9)


def test_predict_writes_the_numbers_of_the_stream(spark, job, send, read, tmp_path):
    log = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 31)))
    send(log)
    run(spark, job)
    (tmp_path / "log.json").write_text("\n".join(lines(log)))
    clock_ms, out = max(each["ts"] for each in log), str(tmp_path / "scores.parquet")
    events = accepted_events(spark, str(tmp_path / "log.json"), present_ms=clock_ms)
    assert predict(events, clock_ms, model_at(spark, job.models), out).users == 2
    last = {score["user_id"]: score for score in values(read(job.topics.scores))}
    for row in spark.read.parquet(out).collect():
        score = last[row.user_id]
        assert row.as_of == score["as_of"]
        assert row.probability == pytest.approx(score["probability"], abs=1e-9)
        assert [reason.text for reason in row.reasons] == [reason["text"] for reason in score["reasons"]]


def test_the_silent_are_scored_by_the_sweep(spark, job, send, read):
    send(by_time(grumbler("silent", range(20, 22)), listener("calm", range(20, 40))))
    run(spark, job)
    as_of = [score["as_of"][:10] for score in values(read(job.topics.scores)) if score["user_id"] == "silent"]
    assert max(as_of) == "2018-11-09"


def test_who_has_cancelled_is_neither_scored_nor_alerted_after(spark, job, send, read):
    send(by_time(grumbler("gone", range(20, 36)), cancel(36.5, "gone"), listener("calm", range(20, 50))))
    run(spark, job)
    scored = [score["as_of"] for score in values(read(job.topics.scores)) if score["user_id"] == "gone"]
    assert scored
    assert max(scored) < "2018-11-06T12:00:10"


BAD = {
    b"{": "not_the_wanted_json",
    b"\xff\xfe": "not_the_wanted_json",
    b'{"ts": "now"}': "not_the_wanted_json",
    b"[]": "not_the_wanted_json",
    b"": "empty",
    None: "empty",
    json.dumps(event(25, "Cartwheel")).encode(): "page_unknown",
    json.dumps(event(25, level="gold")).encode(): "level_unknown",
    json.dumps(event(25, registration=1e30)).encode(): "registration_not_a_time",
    json.dumps(event(90_000)).encode(): "ts_in_the_future",
}


def test_nothing_vanishes(spark, job, send, read):
    late = [event(day - 60, user="old", registration=START_MS - 90 * DAY_MS) for day in (1, 2)]
    visitors = [event(20.5, user=""), event(20.6, user=None, registration=None)]
    send([*listener("calm", range(20, 60)), *BAD, *visitors])
    send(listener("calm", range(60, 80)) + late + listener("calm", range(80, 90)))
    total = run(spark, job)
    assert total.is_balanced
    assert total.read == 3 * 70 + len(BAD) + len(visitors) + len(late)
    assert (total.rejected, total.without_user, total.late) == (len(BAD), 2, 2)
    letters = read(job.topics.rejected)
    assert {letter.value: header(letter, "reason") for letter in letters} == BAD
    for letter in letters:
        assert header(letter, "topic") == job.source.topic
        assert int(header(letter, "offset")) in range(120, 120 + len(BAD))


def test_a_state_that_is_only_filled_still_has_its_dead_letters(spark, job, send, read):
    send([*listener("calm", range(20, 60)), *BAD])
    total = run(spark, replace(job, state_only=True))
    assert (total.is_balanced, total.state, total.rejected, total.scores) == (True, 120, len(BAD), 0)
    assert len(read(job.topics.rejected)) == len(BAD)
    assert not read(job.topics.scores)


def header(record, name):
    return dict(record.headers)[name].decode()


@pytest.mark.parametrize("offset_ms", [-1, 0])
def test_an_event_is_late_exactly_when_none_of_its_windows_is_open(spark, job, send, read, offset_ms):
    """The window that starts a hop before EDGE closes when the clock passes EDGE + a hop + the delay of an hour."""
    edge_ms = (START_MS // HOP_MS + 1) * HOP_MS
    closing_day = (edge_ms + HOP_MS - START_MS) / DAY_MS + 2 / 24
    send(listener("calm", [closing_day] * 14))
    send(listener("calm", [closing_day + 1] * 14))
    send(listener("calm", [closing_day + 2] * 14))
    send([event(0, user="edge", ts=edge_ms + offset_ms)])
    total = run(spark, job)
    assert total.is_balanced
    assert total.late == (1 if offset_ms < 0 else 0)
    scored = {score["user_id"] for score in values(read(job.topics.scores))}
    assert ("edge" in scored) == (offset_ms == 0)


def test_a_drained_topic_goes_on_where_it_stopped(spark, job, send, read):
    log = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40)))
    send(log[:70])
    first = run(spark, job)
    send(log[70:])
    second = run(spark, job)
    assert (first.read, second.read) == (70, 50)
    last = {score["user_id"]: score for score in values(read(job.topics.scores))}
    assert last["angry"]["as_of"] == last["calm"]["as_of"] == "2018-11-09T00:00:00.000Z"


def test_a_new_model_scores_from_the_next_batch_without_a_restart(spark, job, send, read, classifier):
    send(listener("calm", range(20, 40)))

    def publish_after_the_first(batch_id, _accounts):
        if batch_id == 0:
            publish_model(spark, job.models, classifier, replace(CARD, version="v2"))

    run(spark, job, on_batch=publish_after_the_first)
    versions = [score["model_version"] for score in values(read(job.topics.scores))]
    assert versions[0] == "v1"
    assert versions[-1] == "v2"


def test_the_same_batches_make_the_same_alerts(spark, broker, job, send, tmp_path):
    send(by_time(grumbler("angry", range(20, 40)), grumbler("cross", range(25, 45))))
    again = replace(job, topics=new_topics(broker)[1], checkpoint=str(tmp_path / "again"))
    first, second = (alerts_of(spark, each) for each in (job, again))
    assert first == second
    assert len(first) > 1
    for alert in first:
        as_of_ms = int(to_ms(alert["as_of"]))
        assert alert["alert_id"] == alert_id(alert["user_id"], as_of_ms)
        assert alert["probability"] >= alert["threshold"]


def alerts_of(spark, job):
    """What the run alerts."""
    run(spark, job)
    return list(alerts(Reading(job.source.bootstrap, job.topics.alerts, follow=False)))


def to_ms(iso):
    return datetime.fromisoformat(iso).timestamp() * 1000


def test_the_records_keep_their_schemas(spark, job, send, read):
    send([*by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40))), *BAD])
    run(spark, job)
    good = [record.value for record in read(job.source.topic) if record.value not in BAD]
    assert good
    for value in good:
        jsonschema.validate(json.loads(value), schema("user-events"))
    for topic, name in ((job.topics.scores, "churn-scores"), (job.topics.alerts, "churn-alerts")):
        records = read(topic)
        assert records
        for record in records:
            value = json.loads(record.value)
            jsonschema.validate(value, schema(name))
            assert record.key.decode() == value["user_id"]
    for letter in read(job.topics.rejected):
        headers = {name: value.decode() for name, value in letter.headers}
        jsonschema.validate(headers, schema("user-events.rejected"))


def schema(name):
    """The published schema of a topic."""
    return json.loads((SCHEMAS / f"{name}.json").read_text())


def test_without_a_broker_it_says_so(spark, job):
    with pytest.raises(BrokerUnavailable, match="sparkify kafka start"):
        run(spark, replace(job, source=replace(job.source, bootstrap="127.0.0.1:1")))


def test_without_the_topic_it_says_so(spark, job):
    with pytest.raises(TopicMissing, match="nowhere is missing"):
        run(spark, replace(job, source=replace(job.source, topic="nowhere")))


def test_without_a_model_it_says_so(spark, job, tmp_path):
    with pytest.raises(NoModel, match="sparkify train"):
        run(spark, replace(job, models=str(tmp_path / "none")))


def test_a_model_with_other_features_is_refused(spark, job, classifier, tmp_path):
    folder = str(tmp_path / "other")
    publish_model(spark, folder, classifier, replace(CARD, features=["days_since_epoch", *CARD.features[1:]]))
    with pytest.raises(ModelMismatch, match="days_since_epoch"):
        run(spark, replace(job, models=folder))


def test_a_model_that_cannot_be_loaded_ends_the_start_with_nothing_published(
    spark, job, classifier, send, read, tmp_path
):
    """Its card is whole, but has no weights: that the rest is missing shows when the query has begun."""
    Registry(spark, job.models).publish(replace(CARD, version="v2"), classifier)
    send([*listener("calm", range(20, 30)), event(5, "Nowhere", "calm")])
    pipeline = Path(job.models) / "v2" / "pipeline"
    pipeline.rename(tmp_path / "aside")
    with pytest.raises(ModelMismatch, match="not a complete Spark pipeline"):
        run(spark, job)
    assert spark.streams.active == []
    assert read(job.topics.scores) + read(job.topics.rejected) == []
    (tmp_path / "aside").rename(pipeline)
    total = run(spark, job)
    assert (total.read, total.rejected, len(read(job.topics.rejected))) == (31, 1, 1)


def test_a_checkpoint_of_another_state_is_refused(spark, job, tmp_path):
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "checkpoint.json").write_text(json.dumps({"state_version": "0"}))
    with pytest.raises(CheckpointMismatch, match=r"state_version=0.*--checkpoint"):
        run(spark, job)


def test_a_folder_that_is_no_checkpoint_of_ours_is_refused(spark, job, tmp_path):
    (tmp_path / "checkpoint" / "query").mkdir(parents=True)
    with pytest.raises(CheckpointMismatch, match="checkpoint without its"):
        run(spark, job)


def test_a_checkpoint_of_a_topic_that_was_made_anew_is_refused(spark, broker, job, send):
    send(listener("calm", range(20, 30)))
    run(spark, job)
    admin = KafkaAdminClient(bootstrap_servers=broker)
    admin.delete_topics([job.source.topic])
    while job.source.topic in admin.list_topics():
        time.sleep(0.1)
    admin.close()
    create_topics(broker, [Topic(job.source.topic, 2, {})])
    send(listener("calm", range(20, 40)))
    with pytest.raises(CheckpointMismatch, match=r"topic_id=.*--checkpoint"):
        run(spark, job)


def test_a_dead_letter_on_a_partition_that_is_new_to_the_topic(spark, broker, job, send, read):
    send(listener("calm", range(20, 30)))
    run(spark, job)
    widen(broker, job.source.topic, 3)
    producer = KafkaProducer(bootstrap_servers=broker)  # one that has not yet heard of two partitions
    for value in [b"{", *(line.encode() for line in lines(listener("new", range(30, 34))))]:
        producer.send(job.source.topic, value, key=KEY, partition=2)
    producer.close()
    total = run(spark, job)
    assert total.is_balanced
    assert (total.read, total.rejected) == (13, 1)
    (letter,) = read(job.topics.rejected)
    assert (letter.value, header(letter, "partition")) == (b"{", "2")


def test_the_clock_counts_the_page_that_announces_a_cancel(spark, job, send, read):
    send([*listener("calm", range(20, 30)), event(31, "Cancel", "calm")])
    run(spark, job)
    assert max(score["as_of"] for score in values(read(job.topics.scores))) == "2018-11-01T00:00:00.000Z"


def test_a_sweep_that_was_missed_is_made_up_for(spark, job, send, read):
    send(by_time(listener("silent", range(20, 22)), listener("calm", range(20, 40))))
    stop = StopSignal()
    run(spark, job, stop, lambda _batch_id, _accounts: stop.event.set())
    run(spark, replace(job, policy=replace(job.policy, sweep_days=0)))  # reads the rest, and ends without a sweep
    before = {(record.partition, record.offset) for record in read(job.topics.scores)}
    assert run(spark, job).read == 0
    after = read(job.topics.scores)
    made_up = values(record for record in after if (record.partition, record.offset) not in before)
    assert {score["user_id"] for score in made_up} == {"silent", "calm"}
    assert {score["as_of"] for score in made_up} == {"2018-11-09T00:00:00.000Z"}


def test_without_sweeps_only_those_who_do_something_are_scored(spark, job, send, read):
    send(by_time(listener("silent", range(20, 22)), listener("calm", range(20, 40))))
    run(spark, replace(job, policy=replace(job.policy, sweep_days=0)))
    as_of = [score["as_of"][:10] for score in values(read(job.topics.scores)) if score["user_id"] == "silent"]
    assert max(as_of) < "2018-11-09"


@pytest.mark.parametrize(("version", "wrong"), [("gone", "'gone'"), ("half", "not JSON")])
def test_a_pointer_to_nothing_usable_leaves_the_model_in_force_and_that_is_told(spark, job, send, read, version, wrong):
    looks = []
    send(listener("calm", range(20, 40)))
    (Path(job.models) / "half").mkdir()
    (Path(job.models) / "half" / "model.json").write_text("{")
    pointer = Path(job.models) / "current"
    run(spark, job, on_batch=lambda _batch_id, _accounts: pointer.write_text(version), on_model=looks.append)
    assert looks[0] == InForce("v1")
    assert looks[-1].version == "v1"
    assert wrong in looks[-1].refused
    scores = values(read(job.topics.scores))
    assert {score["model_version"] for score in scores} == {"v1"}
    assert max(score["as_of"] for score in scores)[:10] == "2018-11-09"
