"""The stream with its checkpoint on S3: the program as its users run it, a real broker, a local server of S3's API."""

import json
from dataclasses import replace

import pytest

from streaming.job import run
from streaming.trigger import Policy
from tests.builders import by_time, grumbler, listener
from tests.conftest import new_topics
from tests.s3_server import s3_with, variables
from tests.streaming.conftest import values
from tests.streaming.programs import START_SECONDS, score_words, scoring_processes

BUCKET = "sparkify-checkpoints"
NO_SWEEP = Policy(cool_down_days=7, sweep_days=0)  # one at each end of a run, and there are two ends on S3


@pytest.fixture
def bucket(server, monkeypatch):
    """An empty bucket, where the programs that a test starts find it."""
    for name, value in variables(server).items():
        monkeypatch.setenv(name, value)
    with s3_with(BUCKET, server) as s3:
        yield s3


@pytest.fixture
def drained(tmp_path):
    """A function that runs the program on a job until its topic is drained: its exit code, and what it says."""
    with scoring_processes(tmp_path) as start:

        def run_to_its_end(job, **other):
            scoring = start(score_words(job, "--available-now", **{"sweep-days": 0} | other))
            return scoring.process.wait(START_SECONDS), scoring.said

        yield run_to_its_end


def test_a_stream_on_an_s3_checkpoint_goes_on_where_it_ended_as_one_on_a_local_one_does(
    spark, broker, job, send, read, bucket, drained, tmp_path
):
    log = by_time(grumbler("angry", range(20, 40)), listener("calm", range(20, 40)))
    on_s3 = replace(job, checkpoint=f"s3://{BUCKET}/checkpoint", topics=new_topics(broker)[1])
    books = []
    for number, part in enumerate((log[:80], log[80:])):
        send(part)
        report = tmp_path / f"books-{number}.json"
        code, said = drained(on_s3, report=report)
        assert code == 0, said[-2000:]
        books.append(json.loads(report.read_text()))
    assert [each["read"] for each in books] == [80, 40]  # the second run reads only what is new
    undisturbed = run(spark, replace(job, policy=NO_SWEEP)).as_dict()
    assert {count: books[0][count] + books[1][count] for count in undisturbed} == undisturbed
    for there, here in ((on_s3.topics.scores, job.topics.scores), (on_s3.topics.alerts, job.topics.alerts)):
        assert told(read(there)) == told(read(here)) != []
    kept = [each["Key"] for each in bucket.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert {f"checkpoint/query/commits/{batch}" for batch in range(3)} <= set(kept)
    assert [key for key in kept if key.endswith((".tmp", ".crc"))] == []  # neither leftovers nor second sums


def told(records):
    """Whom they name, as of when, and how likely he goes."""
    return sorted((each["user_id"], each["as_of"], round(each["probability"], 9)) for each in values(records))


def test_a_bucket_that_is_not_there_is_one_line_and_exit_code_1(job, bucket, drained):
    code, said = drained(replace(job, checkpoint="s3://no-such-bucket-here/checkpoint"))
    assert (code, "Traceback" in said) == (1, False), said[-2000:]
    (line,) = (row for row in said.splitlines() if row.startswith("error:"))
    assert line.startswith("error: s3://no-such-bucket-here/checkpoint: ")
    assert "there is no such bucket" in line
