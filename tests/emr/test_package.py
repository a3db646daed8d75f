"""`sparkify emr package`: what is built, what is uploaded when, and that half of it is not taken for a whole."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from churn.errors import BadSetup, NotAllowed
from cloud.aws import Aws
from cloud.building import ENVIRONMENT, WHEEL, Architecture, archive, require_python
from cloud.package import manifest_of, upload
from cloud.places import place
from sandbox.cli import app
from tests.conftest import missing
from tests.emr.conftest import ROLE
from tests.emr.front import Answer

ROOT = Path(__file__).parent.parent.parent


def environment(path, *names):
    """An archive of empty files."""
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    return path


def uploaded(front):
    """The names of the files that were put on S3, in their order."""
    return [request.what.rpartition("/")[2] for request in front.asked("PUT ")]


@pytest.fixture
def submit(submission, application):
    """The words of a whole submission."""
    return [*submission, "--application", application, "--role", ROLE]


def test_the_project_is_built_as_a_wheel_with_its_tables_and_uploaded(bucket, front, capsys, tmp_path):
    made = environment(tmp_path / "made.tar.gz", "numpy/core.cpython-311-x86_64-linux-gnu.so")
    words = ["emr", "package", f"s3://{bucket}/package", "--project", ROOT, "--environment", made]
    try:
        app([*map(str, words), "--built", str(tmp_path / "built")], standalone_mode=False)
    except BadSetup as error:
        missing(str(error))
    assert "uploaded: train.py, sparkify.zip, environment.tar.gz" in capsys.readouterr().out
    with zipfile.ZipFile(tmp_path / "built" / WHEEL) as wheel:
        names = set(wheel.namelist())
        assert {info.date_time[0] for info in wheel.infolist()} == {1980}  # the same bytes in each build
    assert {"batch_training/__main__.py", "batch_training/templates/page.html", "churn/tables/metros.csv"} <= names
    assert not {name for name in names if name.startswith(("tests/", "deploy/"))}


def test_only_what_changed_is_uploaded_and_the_manifest_last(built, bucket, front):
    target = place(f"s3://{bucket}/package")
    assert len(upload(Aws(), built, manifest_of(built, "0.1.0", Architecture.X86_64), target)) == 3
    assert upload(Aws(), built, manifest_of(built, "0.1.0", Architecture.X86_64), target) == []
    (built / WHEEL).write_text("a new version")
    assert upload(Aws(), built, manifest_of(built, "0.1.1", Architecture.X86_64), target) == [WHEEL]
    assert uploaded(front) == [
        "train.py", "sparkify.zip", "environment.tar.gz", "manifest.json", "manifest.json", "sparkify.zip",
        "manifest.json"]  # fmt: skip


def test_credentials_that_have_expired_are_said_though_s3_says_400_alone(built, bucket, front):
    front.refuses_on_s3("HEAD ", "ExpiredToken", "not sent in answer to a HEAD", 400)
    with pytest.raises(BadSetup, match=f"s3://{bucket}/package/.*: the credentials have expired"):
        upload(Aws(), built, manifest_of(built, "0.1.0", Architecture.X86_64), place(f"s3://{bucket}/package"))


def test_a_package_whose_upload_broke_off_is_refused(sparkify, complaint, submit, built, s3, bucket, front):
    front.refuses_on_s3("/environment.tar.gz", "AccessDenied", "Access Denied", 403)
    target = place(f"s3://{bucket}/half")
    with pytest.raises(NotAllowed, match=f"s3://{bucket}/half/.*: .* is not allowed"):
        upload(Aws(), built, manifest_of(built, "0.1.0", Architecture.X86_64), target)
    front.answers.clear()
    words = [*submit, "--package", str(target)]
    assert f"s3://{bucket}/half: half uploaded, manifest.json is missing; run `sparkify emr package" in complaint(
        *words
    )
    upload(Aws(), built, manifest_of(built, "0.1.0", Architecture.X86_64), target)
    sparkify(*words)


def test_a_package_that_lost_a_file_or_has_another_is_refused(complaint, submit, s3, bucket):
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix="package/")["Contents"]]
    archive_key = next(key for key in keys if key.endswith(ENVIRONMENT))
    s3.put_object(Bucket=bucket, Key=archive_key, Body=b"content of environment.tar.XX")
    assert f"{ENVIRONMENT} has another checksum" in complaint(*submit)
    s3.put_object(Bucket=bucket, Key=archive_key, Body=b"less")
    assert f"{ENVIRONMENT} has 4 bytes instead of 29" in complaint(*submit)
    s3.delete_object(Bucket=bucket, Key=archive_key)
    assert f"{ENVIRONMENT} is missing" in complaint(*submit)


def test_a_manifest_that_breaks_off_is_one_line(complaint, submit, front):
    front.answers.append(Answer("/manifest.json", 200, b"{" * 100, {"content-length": "100"}, cut=10))
    assert "manifest.json: AWS does not answer" in complaint(*submit)


def test_no_package_a_damaged_manifest_and_another_python_are_refused(complaint, submit, s3, bucket):
    assert f"s3://{bucket}/none: no package" in complaint(*submit, "--package", f"s3://{bucket}/none")
    text = s3.get_object(Bucket=bucket, Key="package/manifest.json")["Body"].read()
    s3.put_object(Bucket=bucket, Key="package/manifest.json", Body=text[:50])
    assert "not a package's manifest" in complaint(*submit)
    other = json.dumps({**json.loads(text), "python": "3.9"})
    s3.put_object(Bucket=bucket, Key="package/manifest.json", Body=other.encode())
    assert "built for Python 3.9, EMR runs it on 3.11" in complaint(*submit)


@pytest.mark.parametrize(
    "names", [["a/b.cpython-312-x86_64-linux-gnu.so"], ["lib/python3.10/site-packages/six.py"]], ids=["module", "venv"]
)
def test_an_archive_of_another_python_is_refused(complaint, tmp_path, front, names):
    made = environment(tmp_path / "made.tar.gz", *names)
    words = ["emr", "package", "s3://bucket/package", "--project", ROOT, "--environment", made, "--dry-run"]
    said = complaint(*words, "--built", tmp_path / "built")
    assert "built for Python 3.1" in said
    assert "EMR runs this project on Python 3.11" in said
    assert not front.requests


def test_an_archive_without_compiled_modules_or_of_our_python_is_taken(tmp_path):
    names = ["six.py", "a.abi3.so", "lib/python3.11/site-packages/b.cpython-311-aarch64-linux-gnu.so"]
    require_python(environment(tmp_path / "made.tar.gz", *names))


def test_what_is_no_archive_or_no_checkout_is_said(complaint, tmp_path, front):
    (tmp_path / "made.tar.gz").write_text("no archive")
    words = ["emr", "package", "s3://bucket/package", "--built", tmp_path / "built"]
    made = ["--project", ROOT, "--environment", tmp_path / "made.tar.gz"]
    assert "no .tar.gz archive" in complaint(*words, *made)
    with tarfile.open(tmp_path / "made.tar.gz", "w"):
        pass  # Spark unpacks by the name's end, and would find no gzip in it
    assert "no .tar.gz archive" in complaint(*words, *made)
    assert "not this project's source" in complaint(*words, "--project", tmp_path)


def test_an_archive_is_the_same_bytes_whenever_it_is_made(tmp_path):
    for name in ("first", "second"):
        folder = tmp_path / name / "numpy"
        folder.mkdir(parents=True)
        (folder / "b.py").write_text("b")
        (folder / "a.py").write_text("a")
    (tmp_path / "second" / "numpy" / "a.py").touch()
    for name in ("first", "second"):
        archive(tmp_path / name, tmp_path / f"{name}.tar.gz")
    assert (tmp_path / "first.tar.gz").read_bytes() == (tmp_path / "second.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "first.tar.gz") as tar:
        assert tar.getnames() == ["numpy", "numpy/a.py", "numpy/b.py"]
