"""What AWS refuses is one line: what was wanted, what AWS says, what to do."""

import sys

import pytest

RUN = ("emr", "status", "app1/run1")


def test_without_boto3_the_extra_is_named(complaint, monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)  # as if it were not installed
    assert "pip install '.[aws]'" in complaint(*RUN)
    assert "pip install '.[aws]'" in complaint("data", "fetch", "mini")


def test_no_credentials(complaint, front, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert "no credentials for AWS" in complaint(*RUN)


def test_no_region(complaint, front, monkeypatch):
    monkeypatch.delenv("AWS_REGION")
    assert "no region; set AWS_REGION" in complaint(*RUN)


@pytest.mark.parametrize(
    ("code", "status", "complains"),
    [
        ("ExpiredTokenException", 403, "run1: the credentials have expired (as AWS says it); log in again"),
        ("UnrecognizedClientException", 403, "run1: AWS does not accept the credentials"),
        ("AccessDeniedException", 403, "run1: GetJobRun is not allowed (as AWS says it); docs/emr.md lists"),
        ("ThrottlingException", 429, "run1: AWS throttles GetJobRun, after 1 retries still; wait, then repeat"),
        ("ResourceNotFoundException", 404, "run1: not there (ResourceNotFoundException: as AWS says it)"),
        ("ValidationException", 400, "run1: GetJobRun is refused (ValidationException: as AWS says it)"),
    ],
)
def test_each_refusal_has_its_line(complaint, front, code, status, complains):
    front.refuses("/jobruns/", code, "as AWS says it", status)
    assert complains in complaint(*RUN)


def test_a_throttled_call_is_repeated_before_it_is_given_up(complaint, front):
    front.refuses("/jobruns/", "ThrottlingException", "Rate exceeded", 429)
    complaint(*RUN)
    assert len(front.asked("/jobruns/")) == 2


def test_a_bucket_that_is_missing_and_one_without_rights(complaint, front):
    fetch = ("emr", "fetch", "s3://no-such-bucket-here/models", "--version", "v1")
    assert "s3://no-such-bucket-here/models/v1: not there (NoSuchBucket" in complaint(*fetch)
    front.refuses_on_s3("/no-such-bucket-here", "AccessDenied", "Access Denied", 403)
    assert "s3://no-such-bucket-here/models/v1: ListObjectsV2 is not allowed (Access Denied)" in complaint(*fetch)


def test_a_profile_that_is_not_there_is_no_matter_of_the_network(complaint, front, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    said = complaint(*RUN)
    assert "emr-serverless: The config profile (nobody) could not be found; AWS was not asked: check" in said


def test_an_address_that_is_none(complaint, front, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    assert "emr-serverless: Invalid endpoint: nonsense; AWS was not asked: check" in complaint(*RUN)


def test_what_boto3_itself_refuses_is_one_line_and_no_matter_of_the_network(complaint, front):
    said = complaint("emr", "fetch", "s3://no bucket/models", "--version", "v1")
    assert 's3://no bucket/models/v1: Parameter validation failed: Invalid bucket name "no bucket"' in said


def test_a_server_that_does_not_answer(complaint, front, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # the port that discards
    assert "run1: AWS does not answer" in complaint(*RUN)


@pytest.mark.parametrize("job", ["run1", "a/b/c", "j-1/run1", "app1/s-1", "/"])
def test_what_is_no_job_is_said_before_aws_is_asked(complaint, front, job):
    assert f"{job}: wanted is APPLICATION/RUN or j-CLUSTER/s-STEP" in complaint("emr", "status", job)
    assert not front.requests
