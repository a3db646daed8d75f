"""The script that Spark starts on EMR, and the policies that lie beside it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy" / "emr"
STARTS = "import signal, sys\ndef main():\n    print(sys.argv[1:], flush=True)\n"


@pytest.fixture
def folder(tmp_path):
    """A working folder as Spark leaves it on EMR, with a batch job that says what it was given."""
    (tmp_path / "environment").mkdir()
    (tmp_path / "sparkify" / "batch_training").mkdir(parents=True)
    (tmp_path / "sparkify" / "batch_training" / "__init__.py").touch()
    (tmp_path / "sparkify" / "batch_training" / "__main__.py").write_text(STARTS)
    return tmp_path


def started(folder):
    """The script's end, started in the folder."""
    command = [sys.executable, "-E", str(DEPLOY / "train.py"), "30", "train", "s3://bucket/logs"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_batch_job_is_given_its_words(folder):
    assert started(folder).stdout == "['train', 's3://bucket/logs']\n"


def test_archives_that_were_not_unpacked_are_said(tmp_path):
    done = started(tmp_path)
    assert done.returncode == 1
    assert "lacks sparkify and environment: the archives of the package were not unpacked" in done.stderr


def test_a_run_that_passes_its_limit_ends_with_code_124(folder):
    text = STARTS + "    signal.raise_signal(signal.SIGALRM)\n"  # the alarm, without the half hour before it
    (folder / "sparkify" / "batch_training" / "__main__.py").write_text(text)
    done = started(folder)
    assert done.returncode == 124
    assert "the run has passed its limit of 30 minutes" in done.stdout


def actions(name):
    """The actions that a policy grants."""
    statements = json.loads((DEPLOY / name).read_text())["Statement"]
    return {action for statement in statements for action in statement["Action"]}


def test_the_submitters_policy_grants_each_call_that_the_code_makes_and_nothing_else():
    code = "\n".join(file.read_text() for file in (ROOT / "cloud").glob("*.py"))
    prefixes = {"serverless.py": "emr-serverless", "steps.py": "elasticmapreduce", "step_states.py": "elasticmapreduce"}
    wanted = {"s3:PutObject", "s3:GetObject", "s3:ListBucket", "iam:PassRole", "emr-serverless:TagResource"}
    # of what RunJobFlow is given beside the cluster
    wanted |= {"elasticmapreduce:AddTags", "elasticmapreduce:PutAutoTerminationPolicy"}
    for name, prefix in prefixes.items():
        for operation in re.findall(r'Call\(SERVICE, "(\w+)"', (ROOT / "cloud" / name).read_text()):
            wanted.add(f"{prefix}:{''.join(word.capitalize() for word in operation.split('_'))}")
    assert set(re.findall(r'call\("(\w+)"', code)) == {"get_object", "head_object", "put_object"}
    assert actions("submitter-policy.json") == wanted


def test_the_jobs_policy_reads_and_writes_s3_alone():
    assert actions("job-policy.json") == {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"}
