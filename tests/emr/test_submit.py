"""`sparkify emr submit`: the call that starts a training, made once, on each of the three kinds of target."""

import json
from itertools import pairwise

import pytest

from churn.errors import CloudUnavailable, NotThere
from cloud.jobs import Handle, State
from cloud.runs import MOST_UNANSWERED, POLL_SECONDS, awaited
from tests.emr.conftest import ROLE, new_application, new_cluster
from tests.s3_server import client


@pytest.fixture
def serverless(submission, application):
    """A submission to an application."""
    return [*submission, "--application", application, "--role", ROLE]


def value_of(step_words, name):
    """The value of a Spark setting in a command."""
    settings = (after.split("=", 1) for before, after in pairwise(step_words) if before == "--conf")
    return dict(settings)[name]


def test_a_dry_run_prints_the_very_calls_that_are_made_and_makes_none(sparkify, serverless, built, front):
    before = len(front.requests)
    calls = json.loads(sparkify(*serverless, "--dry-run", "--log-gb", 12, "--built", built))
    assert len(front.requests) == before
    assert [call["operation"] for call in calls] == [
        "GetObject", "HeadObject", "HeadObject", "HeadObject", "GetApplication", "ListObjectsV2", "ListJobRuns",
        "StartJobRun"]  # fmt: skip
    sparkify(*serverless)
    sent = json.loads(front.asked("POST /applications/")[-1].body)
    planned = calls[-1]["parameters"]
    assert planned.pop("applicationId") == serverless[-3]
    assert sent == planned


def test_a_start_on_serverless_says_all_that_the_job_needs(sparkify, serverless, bucket, front):
    sparkify(*serverless, "--timeout-minutes", 30, "--tag", "team=growth", "--", "--tune", "--seed", "7")
    sent = json.loads(front.asked("POST /applications/")[-1].body)
    submitted = sent["jobDriver"]["sparkSubmit"]
    log, models = f"s3://{bucket}/logs", f"s3://{bucket}/models"
    assert submitted["entryPointArguments"] == ["30", "train", log, "--models", models, "--tune", "--seed", "7"]
    assert submitted["entryPoint"].startswith(f"s3://{bucket}/package/")
    assert submitted["entryPoint"].endswith("/train.py")
    words = submitted["sparkSubmitParameters"].split()
    assert [part.rpartition("#")[2] for part in value_of(words, "spark.archives").split(",")] == [
        "sparkify", "environment"]  # fmt: skip
    assert value_of(words, "spark.pyspark.python") == "/usr/bin/python3.11"
    for name in ("executor.instances", "dynamicAllocation.initialExecutors", "dynamicAllocation.maxExecutors"):
        assert value_of(words, f"spark.{name}") == "2"
    assert value_of(words, "spark.sql.shuffle.partitions") == "16"
    assert sent["executionTimeoutMinutes"] == 30
    assert sent["tags"] == {"project": "sparkify-churn", "run": "nightly", "team": "growth"}
    assert len(sent["clientToken"]) == 64
    monitoring = sent["configurationOverrides"]["monitoringConfiguration"]
    assert monitoring["s3MonitoringConfiguration"]["logUri"] == f"s3://{bucket}/emr/"


def test_a_repeat_starts_nothing_and_another_run_does(sparkify, serverless, s3, bucket, front):
    first = sparkify(*serverless).splitlines()[0]
    s3.put_object(Bucket=bucket, Key="logs/2018/more.json", Body=b"x" * 1000)  # a log grows; the run is the same
    assert sparkify(*serverless).startswith(f"{first} was started before, as nightly-")
    assert len(front.asked("POST /applications/")) == 1
    sparkify(*serverless, "--run", "another")
    sparkify(*serverless, "--", "--tune")
    tokens = {json.loads(request.body)["clientToken"] for request in front.asked("POST /applications/")}
    assert len(tokens) == 3


def test_a_step_is_added_to_a_running_cluster_once(sparkify, submission, cluster, server, front):
    handle = sparkify(*submission, "--cluster", cluster).splitlines()[0]
    assert handle.startswith(f"{cluster}/s-")
    assert "was started before" in sparkify(*submission, "--cluster", cluster)
    (step,) = client("emr", server).list_steps(ClusterId=cluster)["Steps"]
    words = step["Config"]["Args"]
    assert words[:3] == ["spark-submit", "--deploy-mode", "cluster"]
    assert words[words.index("--archives") + 1].endswith("/environment.tar.gz#environment")
    assert value_of(words, "spark.executor.memory") == "10g"
    assert value_of(words, "spark.yarn.maxAppAttempts") == "1"
    assert step["ActionOnFailure"] == "CONTINUE"
    assert sparkify("emr", "status", handle) == f"{handle}: RUNNING\n"


def test_a_transient_cluster_has_its_driver_on_demand_and_is_started_once(sparkify, submission, s3, bucket, front):
    s3.put_object(Bucket=bucket, Key="logs/2018/large.json.gz", Body=b"x" * 2_400_000)  # counts as 24 MB
    words = [*submission, "--transient", "--subnet", "subnet-1"]
    first = sparkify(*words).splitlines()[0]
    assert sparkify(*words).startswith(f"{first} was started before")
    (request,) = front.asked("RunJobFlow")
    sent = json.loads(request.body)
    groups = {each["InstanceRole"]: (each["Market"], each["InstanceCount"])
              for each in sent["Instances"]["InstanceGroups"]}  # fmt: skip
    assert groups == {"MASTER": ("ON_DEMAND", 1), "CORE": ("ON_DEMAND", 1), "TASK": ("SPOT", 1)}
    assert sent["ReleaseLabel"] == "emr-spark-8.1.0"
    assert {"Key": "for-use-with-amazon-emr-managed-policies", "Value": "true"} in sent["Tags"]
    assert sent["Instances"]["KeepJobFlowAliveWhenNoSteps"] is False
    assert sent["Steps"][0]["ActionOnFailure"] == "TERMINATE_CLUSTER"
    assert sent["Configurations"][0]["Properties"]["yarn.node-labels.am.default-node-label-expression"] == "CORE"


def test_what_has_no_token_is_not_sent_again_when_its_answer_is_lost(complaint, submission, cluster, front):
    for operation in ("AddJobFlowSteps", "RunJobFlow"):
        front.refuses(operation, "InternalServerException", "it may have been done", 500)
    assert "AddJobFlowSteps is refused" in complaint(*submission, "--cluster", cluster)
    assert "RunJobFlow is refused" in complaint(*submission, "--transient", "--subnet", "subnet-1")
    assert len(front.asked("AddJobFlowSteps")) == 1
    assert len(front.asked("RunJobFlow")) == 1


def test_a_release_that_is_not_known_is_refused_with_those_that_are(complaint, submission, server, front):
    known = "emr-spark-8.1.0 (Spark 4.1.1), emr-7.13.0 (Spark 3.5.6)"
    old = new_application(server, "emr-6.15.0")
    assert known in complaint(*submission, "--application", old, "--role", ROLE)
    assert known in complaint(*submission, "--cluster", new_cluster(server, "emr-5.36.0"))
    newer = [*submission, "--transient", "--subnet", "subnet-1", "--release", "emr-9.9.9"]
    assert "release emr-9.9.9: this project does not know it" in complaint(*newer)
    assert not front.asked("POST /applications/") + front.asked("AddJobFlowSteps") + front.asked("RunJobFlow")


def test_a_package_for_another_processor_is_refused(complaint, serverless, front):
    application = {"releaseLabel": "emr-spark-8.1.0", "architecture": "ARM64"}
    front.says(f"GET /applications/{serverless[-3]}", {"application": application})
    assert "runs on arm64, the package is for x86_64" in complaint(*serverless)


def test_a_wait_ends_with_the_job(sparkify, serverless):
    assert sparkify(*serverless, "--wait").splitlines()[-1].endswith(": SUCCESS")


def test_a_run_that_fails_is_exit_code_1_with_the_reason_and_where_to_read_on(complaint, serverless, front):
    run = {"state": "FAILED", "stateDetails": "Job failed, please check complete logs. ExitCode: 1"}
    front.says("/jobruns/", {"jobRun": run})
    said = complaint(*serverless, "--wait")
    assert "FAILED: Job failed, please check complete logs. ExitCode: 1; `sparkify emr logs " in said


def test_a_run_that_failed_is_not_started_again_under_its_name(complaint, sparkify, serverless, front):
    sparkify(*serverless)
    front.says("/jobruns/", {"jobRun": {"state": "FAILED", "stateDetails": "out of memory"}})
    said = complaint(*serverless)
    assert "was started before and is FAILED: out of memory; --run starts another" in said
    assert len(front.asked("POST /applications/")) == 1


def test_a_step_that_failed_tells_its_reason_its_log_and_the_spot_nodes_that_were_lost(complaint, cluster, front):
    details = {"Reason": "Unknown Error.", "LogFile": "s3://logs/emr/j-1/steps/s-1/stderr.gz"}
    front.says("DescribeStep", {"Step": {"Status": {"State": "FAILED", "FailureDetails": details}}})
    lost = {"State": "TERMINATED", "StateChangeReason": {"Message": "Instance was terminated: Spot interruption"}}
    done = {"State": "TERMINATED", "StateChangeReason": {"Message": "Job flow terminated"}}
    front.says("ListInstances", {"Instances": [{"Status": lost}, {"Status": done}]})
    said = complaint("emr", "status", f"{cluster}/s-1")
    assert "Unknown Error.; its log: s3://logs/emr/j-1/steps/s-1/stderr.gz; " in said
    assert "spot nodes that AWS has taken back meanwhile: 1; submit it again" in said
    (asked,) = front.asked("ListInstances")  # not by groups, which a cluster of instance fleets does not have
    assert json.loads(asked.body) == {"ClusterId": cluster, "InstanceStates": ["TERMINATED"]}


def test_the_wait_shows_each_state_and_asks_no_oftener_than_aws_likes():
    words = iter(["SUBMITTED", "RUNNING", "SUCCESS"])

    class Answers:
        def answer(self, _call):
            return {"jobRun": {"state": next(words)}}

    shown, slept = [], []
    ticks = iter(range(0, 100, 20))
    found = awaited(Answers(), Handle("a", "r"), lambda state, seconds: shown.append((state.word, seconds)),
                    clock=lambda: next(ticks), sleep=slept.append)  # fmt: skip
    assert found == State("SUCCESS", True, True)
    assert shown == [("SUBMITTED", 20), ("RUNNING", 40), ("SUCCESS", 60)]
    assert slept == [POLL_SECONDS, POLL_SECONDS]


class Line:
    """Answers with these words in turn; what is an error is raised, the last one again and again."""

    def __init__(self, *says):
        self.says = list(says)

    def answer(self, _call):
        word = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if isinstance(word, Exception):
            raise word
        return {"jobRun": {"state": word}}


def waited(line):
    """The states that a wait has seen, and how often it slept."""
    shown, slept = [], []
    awaited(line, Handle("a", "r"), lambda state, _seconds: shown.append(state.word), sleep=slept.append)
    return shown, len(slept)


def test_a_wait_outlasts_a_network_that_is_away_for_a_while():
    away = CloudUnavailable("AWS does not answer")
    assert waited(Line("RUNNING", away, away, "RUNNING", away, "SUCCESS")) == (["RUNNING", "RUNNING", "SUCCESS"], 5)


def test_a_wait_ends_without_an_answer_for_five_minutes_or_when_there_is_no_such_job():
    with pytest.raises(CloudUnavailable, match="does not answer"):
        waited(Line("RUNNING", CloudUnavailable("AWS does not answer")))
    with pytest.raises(NotThere):
        waited(Line(NotThere("no such run")))
    assert MOST_UNANSWERED * POLL_SECONDS == 300


@pytest.mark.parametrize(
    ("words", "complains"),
    [
        ([], "wanted is one of --application (serverless), --cluster j-… and --transient"),
        (["--cluster", "j-1", "--transient"], "wanted is one of --application"),
        (["--application", "a1"], "application a1: wanted is --role"),
        (["--transient"], "wanted is --subnet"),
        (["--cluster", "j-1", "--run", "a b"], "--run a b: wanted are up to 60 letters"),
        (["--cluster", "j-1", "--tag", "team"], "--tag team: wanted is NAME=VALUE"),
        (["--cluster", "j-1", "--logs", "here"], "here: wanted is a place on S3"),
        (["--cluster", "j-1", "--dry-run"], "name the log's by --log-gb"),
    ],
)
def test_what_is_missing_is_said_before_aws_is_asked(complaint, submission, front, words, complains):
    before = len(front.requests)
    assert complains in complaint(*submission, *words)
    assert len(front.requests) == before


def test_a_log_that_is_not_there_is_said(complaint, serverless, bucket):
    serverless[2] = f"s3://{bucket}/log"  # begins like another folder, and is none
    assert f"s3://{bucket}/log: no log there" in complaint(*serverless)


def test_a_cluster_that_is_over_takes_no_step(complaint, submission, cluster, server):
    client("emr", server).terminate_job_flows(JobFlowIds=[cluster])
    assert f"{cluster} is TERMINATED and takes no step" in complaint(*submission, "--cluster", cluster)
