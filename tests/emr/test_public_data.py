"""`sparkify data fetch`: unsigned, resumed, verified."""

import hashlib

import pytest

from cloud.public_data import BUCKET, SETS
from tests.emr.front import Answer

CONTENT = bytes(range(256)) * 4096  # 1 MiB
NAME = "mini_sparkify_event_data.json"
MIB = 2**20


@pytest.fixture
def there(s3, front):
    """The public bucket, as far as this server has it."""
    if BUCKET not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    s3.put_object(Bucket=BUCKET, Key=SETS["mini"], Body=CONTENT, ACL="public-read")
    return s3


def part_of(folder, content, etag):
    """What a fetch that broke off has left."""
    (folder / f"{NAME}.part").write_bytes(content)
    (folder / f"{NAME}.part.json").write_text(f'{{"bytes": {len(CONTENT)}, "etag": "\\"{etag}\\""}}')


def ranges(front):
    """The ranges that were asked for."""
    return [request.headers["range"] for request in front.asked("GET ")]


def test_a_set_is_fetched_unsigned_and_compared(sparkify, there, front, tmp_path):
    said = sparkify("data", "fetch", "mini", "--out", tmp_path / "data")
    assert "1,048,576 bytes and the MD5 as the server says" in said
    assert (tmp_path / "data" / NAME).read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "data").iterdir()] == [NAME]
    assert not [request for request in front.requests if "authorization" in request.headers]
    sparkify("data", "fetch", "mini", "--out", tmp_path / "data")
    assert len(ranges(front)) == 1


def test_a_fetch_goes_on_where_it_broke_off(sparkify, there, front, tmp_path):
    part_of(tmp_path, CONTENT[:1000], hashlib.md5(CONTENT).hexdigest())
    sparkify("data", "fetch", "mini", "--out", tmp_path)
    assert ranges(front) == ["bytes=1000-"]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_what_came_of_another_object_is_forgotten(sparkify, there, front, tmp_path):
    part_of(tmp_path, CONTENT[:1000], "0" * 32)
    sparkify("data", "fetch", "mini", "--out", tmp_path)
    assert ranges(front) == ["bytes=0-"]


def test_a_connection_that_breaks_off_keeps_what_came(complaint, sparkify, there, front, tmp_path):
    headers = {"content-length": str(len(CONTENT)), "etag": f'"{hashlib.md5(CONTENT).hexdigest()}"'}
    front.answers.append(Answer(f"GET /{BUCKET}", 200, CONTENT, headers, cut=MIB // 2))
    assert "AWS does not answer" in complaint("data", "fetch", "mini", "--out", tmp_path)
    came = (tmp_path / f"{NAME}.part").stat().st_size
    front.answers.clear()
    sparkify("data", "fetch", "mini", "--out", tmp_path)
    assert ranges(front)[-1] == f"bytes={came}-"
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_other_bytes_than_the_servers_are_not_kept(complaint, there, tmp_path):
    part_of(tmp_path, b"x" * len(CONTENT), hashlib.md5(CONTENT).hexdigest())
    assert "its checksum is not the server's" in complaint("data", "fetch", "mini", "--out", tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_object_that_changes_meanwhile_is_said(complaint, there, front, tmp_path):
    front.refuses_on_s3(f"GET /{BUCKET}", "PreconditionFailed", "At least one of the conditions failed", 412)
    assert "GetObject is refused (PreconditionFailed" in complaint("data", "fetch", "mini", "--out", tmp_path)


def test_an_upload_in_parts_is_compared_part_by_part(sparkify, there, tmp_path):
    parts = [b"a" * (5 * MIB), b"b" * 1000]
    upload = {"Bucket": BUCKET, "Key": SETS["mini"]}
    upload["UploadId"] = there.create_multipart_upload(**upload, ACL="public-read")["UploadId"]
    tags = [there.upload_part(**upload, PartNumber=number, Body=part)["ETag"] for number, part in enumerate(parts, 1)]
    done = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
    there.complete_multipart_upload(**upload, MultipartUpload={"Parts": done})
    assert "and the MD5 of 2 parts as the server says" in sparkify("data", "fetch", "mini", "--out", tmp_path)


def test_parts_of_unequal_size_are_not_claimed_to_be_compared(sparkify, there, front, tmp_path):
    headers = {"content-length": str(len(CONTENT)), "etag": '"0123456789abcdef0123456789abcdef-7"'}
    front.answers.append(Answer(f"HEAD /{BUCKET}", 200, b"", headers))
    (tmp_path / NAME).write_bytes(CONTENT)
    assert "7 unequal parts, and not compared" in sparkify("data", "fetch", "mini", "--out", tmp_path)
