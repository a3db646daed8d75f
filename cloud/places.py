"""Places on S3 as people write them, s3://bucket/key, and the calls that look at them."""

from dataclasses import dataclass
from typing import Any

from churn.errors import BadSetup, CloudUnavailable
from cloud.aws import Aws, Call, plainly

SCHEMES = {"s3", "s3a", "s3n"}  # EMR itself writes s3n: in places that it was given as s3:


@dataclass(frozen=True)
class Place:
    """A bucket and a key in it, which may be a folder's, without a slash at its end."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def __truediv__(self, name: str) -> "Place":
        return Place(self.bucket, f"{self.key}/{name}".lstrip("/"))

    def call(self, operation: str, **parameters: Any) -> Call:
        """An S3 call on this key."""
        return Call("s3", operation, {"Bucket": self.bucket, "Key": self.key, **parameters})

    def listing(self) -> Call:
        """The call that lists what begins with this key."""
        return Call("s3", "list_objects_v2", {"Bucket": self.bucket, "Prefix": self.key})


def place(url: str) -> Place:
    """The place that `url` names; raises BadSetup for any other kind of path."""
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in SCHEMES or not bucket:
        raise BadSetup(f"{url}: wanted is a place on S3, such as s3://bucket/folder")
    return Place(bucket, key.rstrip("/"))


def below(aws: Aws, folder: Place) -> list[dict[str, Any]]:
    """The objects in a folder, or the one object of that key; what only begins with the same letters is left out."""
    entries = aws.entries(folder.listing(), "Contents")
    return [entry for entry in entries if not folder.key or is_in(entry["Key"], folder.key)]


def is_in(key: str, folder: str) -> bool:
    """Whether the key is the folder's own, or of an object in it."""
    return key == folder or key.startswith(f"{folder}/")


def content(aws: Aws, file: Place) -> bytes:
    """An object as a whole; raises CloudUnavailable when it breaks off."""
    answer = aws.answer(file.call("get_object"))
    with plainly(str(file)):
        return bytes(answer["Body"].read())


def object_text(aws: Aws, file: Place) -> str:
    """A small object's text."""
    try:
        return content(aws, file).decode()
    except UnicodeDecodeError as error:
        raise CloudUnavailable(f"{file}: not text ({error})") from error
