"""Records that the broker deleted before they were read: the stream stops and says which, or is told to go on."""

from dataclasses import replace

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from streaming.job import run
from tests.builders import by_time, grumbler, listener
from tests.faults.story import USERS
from tests.streaming.programs import said_to_the_user, score_words, scoring_processes
from tests.streaming.test_hostile_input import assert_untouched
from tests.streaming.test_parity import clock_of

LOG = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40)), grumbler("cross", range(20, 40)))
READ, KEPT_FROM = 40, 70


@pytest.fixture
def robbed(spark, broker, job, send):
    """A job that has read the first 40 records of a topic, whose next 30 were deleted since."""
    send(LOG[:READ])
    run(spark, job)
    send(LOG[READ:])
    admin = KafkaAdminClient(bootstrap_servers=broker)
    admin.delete_records({TopicPartition(job.source.topic, 0): KEPT_FROM})
    admin.close()
    return job


def test_lost_records_stop_the_stream_until_it_is_told_to_go_on_without_them(spark, robbed, tmp_path, caplog):
    lost = f"topic {robbed.source.topic}"
    with scoring_processes(tmp_path) as begin:
        stream = begin(score_words(robbed, "--available-now"))
        assert stream.process.wait(400) == 1
    model, error = said_to_the_user(stream.said)
    assert model.startswith("streaming.models model=v1")
    assert error.startswith(f"error: {lost}: records were deleted before they were read: partition 0 offsets 40 to 69;")
    assert "`--on-data-loss continue` goes on without them; or name a new --checkpoint" in error
    total = run(spark, replace(robbed, source=replace(robbed.source, fails_on_loss=False)))
    assert total.is_balanced
    assert total.read == len(LOG) - KEPT_FROM
    said = [record.message for record in caplog.records if record.name == "streaming.losses"]
    assert said == [f"skipped for good, deleted before they were read: {lost} partition 0 offsets 40 to 69"]
    assert_untouched(spark, robbed, LOG[:READ] + LOG[KEPT_FROM:], clock_of(LOG), USERS)
