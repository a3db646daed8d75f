"""One stream's life on one topic: whatever happens to it, it ends where the log says, and nobody is alerted twice.

The story is told once, by `life`; each test looks at one claim about it.
"""

import os
import random
from functools import partial
from itertools import pairwise

import pytest

from churn.labels import HISTORY_DAYS
from churn.state import DAY_MS
from streaming.reader import as_of_ms
from tests.builders import naive_features
from tests.conftest import new_topics
from tests.faults.kills import killed
from tests.faults.story import (
    USERS,
    Life,
    Story,
    rebuild,
    refused,
    with_a_broker_that_blinks,
    with_a_killed_broker,
    with_a_new_partition,
    with_a_paused_broker,
    with_bad_models,
)
from tests.streaming.conftest import CARD, draining, probability, publish_model, values
from tests.streaming.programs import said_to_the_user, scoring_processes
from tests.streaming.test_hostile_input import assert_untouched
from tests.streaming.test_parity import clock_of
from tests.topic_reading import all_records

KILLS = int(os.environ.get("SPARKIFY_KILLS", "3"))  # at least one in each manner
SEED = int(os.environ.get("SPARKIFY_SEED", str(random.randrange(10**6))))


@pytest.fixture(scope="module")
def life(spark, own_broker, classifier, tmp_path_factory):
    """A stream's life: a rival, bad models, a new partition, a broker that pauses and dies, kills, a rebuild."""
    folder, address = tmp_path_factory.mktemp("life"), own_broker.bootstrap
    publish_model(spark, str(folder / "models"), classifier, CARD)
    job = draining(address, new_topics(address), str(folder / "models"), folder)
    read = partial(all_records, bootstrap_servers=address)
    print(f"SPARKIFY_KILLS={KILLS} SPARKIFY_SEED={SEED}")
    with scoring_processes(folder) as begin:
        story = Story(Life(job), begin)
        story.send_days(2)
        story.start()
        story.await_commit()
        story.life.second = refused(begin, job)
        with_a_broker_that_blinks(story, own_broker)
        with_bad_models(story)
        with_a_new_partition(story, own_broker)
        with_a_paused_broker(story, own_broker)
        with_a_killed_broker(story, own_broker)
        killed(story, KILLS, random.Random(SEED))
        print(*story.life.kills, sep="\n")
        story.await_commit()
        rebuild(spark, story, read)
        alerts = read(job.topics.alerts)
        story.life.scores, story.life.alerts = values(read(job.topics.scores)), values(alerts)
        story.life.alerts_came_ms = [record.timestamp for record in alerts]
        yield story.life


def test_the_state_is_the_naive_function_of_all_that_was_sent(spark, life):
    assert_untouched(spark, life.job, life.log_of_the_old, clock_of(life.log_of_the_old), USERS)


def test_the_state_that_was_rebuilt_beside_it_is_so_too(spark, life):
    assert_untouched(spark, life.rebuilt, life.log, life.clock_ms, USERS)


def test_the_last_scores_are_those_of_an_undisturbed_stream(life, classifier):
    last = {score["user_id"]: score for score in life.scores}
    for user in USERS:
        assert as_of_ms(last[user]) == life.clock_ms
        expected = probability(classifier, naive_features(life.log, user, life.clock_ms), life.clock_ms)
        assert last[user]["probability"] == pytest.approx(expected, abs=1e-9)


def test_everybody_over_the_threshold_has_an_alert_or_is_in_the_cool_down(life):
    alerted = sorted((alert["user_id"], as_of_ms(alert)) for alert in life.alerts)
    young_until_ms = min(each["ts"] for each in life.log) + HISTORY_DAYS * DAY_MS
    over = [score for score in life.scores if score["probability"] >= CARD.threshold]
    assert {score["user_id"] for score in over} == {"angry", "cross"}
    for score in over:
        at_ms = as_of_ms(score)
        since_ms = at_ms - life.job.policy.cool_down_days * DAY_MS
        given = [when for user, when in alerted if user == score["user_id"] and since_ms < when <= at_ms]
        assert given or at_ms < young_until_ms, score


def test_an_alert_has_one_id_and_a_repeated_one_repeats_it(life):
    ids = {(alert["user_id"], alert["as_of"]): alert["alert_id"] for alert in life.alerts}
    assert len(set(ids.values())) == len(ids) > 2
    for alert in life.alerts:
        assert alert["alert_id"] == ids[alert["user_id"], alert["as_of"]]
        assert alert["probability"] >= alert["threshold"]
    for user in USERS:
        moments = sorted({as_of_ms(alert) for alert in life.alerts if alert["user_id"] == user})
        assert all(after - before >= 7 * DAY_MS for before, after in pairwise(moments))


@pytest.mark.parametrize("absence", ["pause", "death"])
def test_an_alert_that_falls_due_while_the_broker_is_away_comes_none_the_less(life, absence):
    away = life.absences[absence]
    alerts = zip(life.alerts, life.alerts_came_ms, strict=True)
    due = [(alert["user_id"], came_ms) for alert, came_ms in alerts if away.covers(as_of_ms(alert))]
    assert {user for user, _ in due} == {"angry", "cross"}
    assert min(came_ms for _, came_ms in due) > away.since_ms


def test_a_second_stream_on_the_checkpoint_is_refused_in_one_line(life):
    assert said_to_the_user(life.second) == [line for line in life.second.splitlines() if "--checkpoint" in line]
    assert "streams from this checkpoint; stop it first, or name another --checkpoint" in life.second


def test_a_pointer_to_a_bad_model_is_said_once_and_the_model_before_it_scores_on(life):
    complaints = [line for line in life.said[0].splitlines() if "model=v1 stays in force" in line]
    assert len(complaints) == 3
    for complaint, wrong in zip(complaints, ("'gone'", "not JSON", "shoe_size"), strict=True):
        assert wrong in complaint
    assert {score["model_version"] for score in life.scores} == {"v1"}


@pytest.mark.parametrize("absence", ["pause", "death"])
def test_an_outage_is_a_line_and_its_end_another(life, absence):
    said = life.absences[absence].outages
    assert said
    for began, ended in zip(said[::2], said[1::2], strict=True):
        assert "waiting up to 10 minutes" in began
        assert "going on from the checkpoint" in ended


def test_a_broker_that_stands_still_for_some_seconds_is_no_outage(life):
    assert not life.absences["blink"].outages


def test_kills_come_both_while_batches_run_and_during_a_start(life):
    kills = {kill.manner: kill for kill in life.kills[:3]}  # later ones come as chance will have it
    assert kills["while_it_starts"].batches == 0
    assert kills["while_it_publishes"].unread > 0
    assert kills["without_its_jvm"].unread > 0
    assert kills["without_its_jvm"].batches > 0


def test_scores_of_a_batch_that_was_killed_before_its_commit_come_again_and_say_the_same(life):
    assert life.half_published
    for score in life.half_published:
        assert life.scores.count(score) > 1


def test_a_program_whose_jvm_is_killed_ends_by_itself_and_says_why(life):
    assert {kill.exit_code for kill in life.kills if kill.manner == "without_its_jvm"} == {1}
    for said in life.said_without_jvm:
        assert said.splitlines()[-1].startswith("error: Java has ended under this program: killed, or out of memory")


def test_nothing_of_it_is_a_trace(life):
    for said in life.said:
        assert "Traceback" not in said
        assert "\tat " not in said
        assert " ERROR " not in said
