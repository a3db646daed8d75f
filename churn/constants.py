"""Tables as columns: constants that a row is looked up in, however long they are, without a join."""

import csv
import json
from binascii import crc32
from collections.abc import Sequence
from importlib.resources import files

from pyspark.sql import Column
from pyspark.sql import functions as F

BUCKETS = 512  # some two names in each


def rows(file: str) -> list[dict[str, str]]:
    """The rows of one of churn/tables, in order."""
    return list(csv.DictReader((files("churn") / "tables" / file).read_text(encoding="utf-8").splitlines()))


def constant(value: object, ddl: str) -> Column:
    """A literal of any size and type: Spark reads the JSON once, when it plans."""
    return F.from_json(F.lit(json.dumps(value)), ddl)


def position_of(name: Column, names: Sequence[str]) -> Column:
    """Where `names` has a name, from 0; null where it has not.

    Spark searches a map from end to end, so the names lie in buckets by their checksum.
    """
    buckets: list[dict[str, int]] = [{} for _ in range(BUCKETS)]
    for position, known in enumerate(names):
        buckets[crc32(known.encode()) % BUCKETS][known] = position
    bucket = F.get(constant(buckets, "array<map<string, int>>"), (F.crc32(name) % BUCKETS).cast("int"))
    return F.element_at(bucket, name)
