"""The public data sets: fetched unsigned, resumed where a fetch broke off, compared with what the server says."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from churn.errors import BadDownload, BadSetup, CloudUnavailable
from cloud.aws import new_client, plainly
from cloud.places import Place

BUCKET = "udacity-dsnd"
SETS = {"mini": "sparkify/mini_sparkify_event_data.json", "full": "sparkify/sparkify_event_data.json"}
CHUNK_BYTES = 2**20

Show = Callable[[int, int], None]  # bytes that are here, bytes in all


@dataclass(frozen=True)
class Facts:
    """What the server says of an object; `part_bytes` is the size of the parts that it was uploaded in, 0 for one."""

    bytes: int
    etag: str
    part_bytes: int

    @property
    def parts(self) -> int:
        """How many parts the ETag is made of; 1 for an MD5 of the whole."""
        return int(self.etag.strip('"').partition("-")[2] or 1)


def fetched(name: str, folder: Path, show: Show) -> tuple[Path, str]:
    """The set in the folder, and what was verified of it; one that is there is compared only.

    Raises BadDownload when what came is not what lies at the server, CloudUnavailable when a fetch breaks off.
    """
    source = Place(BUCKET, SETS[name])
    client = new_client("s3", unsigned=True)
    facts = facts_of(client, source)
    path = folder / source.key.rpartition("/")[2]
    if path.exists():
        return path, verified(path, facts)
    folder.mkdir(parents=True, exist_ok=True)
    part = Part(path)
    part.begin(facts)
    with plainly(str(source)):
        receive(client, source, facts, part, show)
    try:
        found = verified(part.path, facts)
    except BadDownload:
        part.forget()
        raise
    part.finish()
    return path, found


def facts_of(client: Any, source: Place) -> Facts:
    """Size and ETag, and the size of the first part when there are several."""
    where = {"Bucket": source.bucket, "Key": source.key}
    with plainly(str(source)):
        head = client.head_object(**where)
        facts = Facts(head["ContentLength"], head["ETag"], 0)
        if facts.parts == 1:
            return facts
        return Facts(facts.bytes, facts.etag, client.head_object(**where, PartNumber=1)["ContentLength"])


class Part:
    """A fetch under way: FILE.part, and beside it which object it is of."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self._of = target.with_name(f"{target.name}.part.json")

    def begin(self, facts: Facts) -> None:
        """Keep what is here of the same object, and forget what is of another one."""
        wanted = json.dumps({"bytes": facts.bytes, "etag": facts.etag})
        if not self._of.exists() or self._of.read_text() != wanted or self.size() > facts.bytes:
            self.forget()
            self._of.write_text(wanted)

    def size(self) -> int:
        """How many bytes are here."""
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, chunk: bytes) -> None:
        """Add what came; raises BadSetup when the disk does not take it."""
        try:
            with self.path.open("ab") as file:
                file.write(chunk)
        except OSError as error:
            raise BadSetup(f"{self.path}: {error.strerror}; make room, then repeat: it goes on there") from error

    def forget(self) -> None:
        """Delete what is here."""
        self.path.unlink(missing_ok=True)
        self._of.unlink(missing_ok=True)

    def finish(self) -> None:
        """Rename what is here into its place."""
        self.path.rename(self.target)
        self._of.unlink()


def receive(client: Any, source: Place, facts: Facts, part: Part, show: Show) -> None:
    """Append what is missing; raises CloudUnavailable when it breaks off, and keeps what came."""
    here = part.size()
    show(here, facts.bytes)
    if here == facts.bytes:
        return
    where = {"Bucket": source.bucket, "Key": source.key}
    body = client.get_object(**where, Range=f"bytes={here}-", IfMatch=facts.etag)["Body"]
    for chunk in body.iter_chunks(CHUNK_BYTES):
        part.append(chunk)
        here += len(chunk)
        show(here, facts.bytes)
    if here < facts.bytes:
        raise CloudUnavailable(f"{source}: broke off after {here:,} of {facts.bytes:,} bytes; repeat: it goes on there")


def verified(path: Path, facts: Facts) -> str:
    """What was found equal, in words; raises BadDownload when the size or the checksum is not the server's."""
    size = path.stat().st_size
    if size != facts.bytes:
        raise BadDownload(f"{path}: {size:,} bytes, the server has {facts.bytes:,}; delete it and repeat")
    wanted = facts.etag.strip('"')
    if facts.parts > 1 and -(-facts.bytes // facts.part_bytes) != facts.parts:
        return f"{size:,} bytes as the server says; its checksum is of {facts.parts} unequal parts, and not compared"
    if etag_of(path, facts) != wanted:
        raise BadDownload(f"{path}: its checksum is not the server's {wanted}; delete it and repeat")
    parts = f" of {facts.parts} parts" if facts.parts > 1 else ""
    return f"{size:,} bytes and the MD5{parts} as the server says"


def etag_of(path: Path, facts: Facts) -> str:
    """S3's ETag: the MD5 of the content, or for an upload in parts the MD5 of the parts' MD5s and their number."""
    with path.open("rb") as file:
        if facts.parts == 1:
            return hashlib.file_digest(file, "md5").hexdigest()
        digests = b""
        while part := file.read(facts.part_bytes):
            digests += hashlib.md5(part, usedforsecurity=False).digest()
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{facts.parts}"
