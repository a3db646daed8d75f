"""What files hold, seen through the archives and the compression that Spark puts around it."""

from zipfile import ZipFile


def texts(spark, folder):
    """Every file below the folder, and every part of one that is packed -> its bytes."""
    found = {}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        found[str(path)] = path.read_bytes()
        unpack = UNPACKED.get("" if path.name.startswith(".") else path.suffix)
        for part, text in unpack(spark, path) if unpack else ():
            found[f"{path}!{part}"] = text
    return found


def holding(found, *wanted):
    """The names of those texts that hold one of the words."""
    return [name for name, text in found.items() if any(word.encode() in text for word in wanted)]


def states(spark, query_folder):
    """Each row of each state that a checkpoint holds, as JSON, by Spark's own reader."""
    _ = spark.streams.active  # its reader asks for what the first query of a session, or this, sets up
    stores = spark.read.format("state-metadata").load(str(query_folder)).select("operatorId").distinct().collect()
    for store in stores:
        rows = spark.read.format("statestore").option("operatorId", store.operatorId).load(str(query_folder))
        yield from rows.toJSON().collect()


def _zip(_spark, path):
    with ZipFile(path) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def _changelog(spark, path):
    """A batch's changes, as LZ4 blocks: another codec would raise here."""
    jvm = spark._jvm
    yield "", bytes(jvm.net.jpountz.lz4.LZ4BlockInputStream(jvm.java.io.FileInputStream(str(path))).readAllBytes())


def _table(spark, path):
    """RocksDB's keys and values, whose blocks are compressed."""
    rocksdb = spark._jvm.org.rocksdb
    reader = rocksdb.SstFileReader(rocksdb.Options())
    reader.open(str(path))
    rows = reader.newIterator(rocksdb.ReadOptions())
    rows.seekToFirst()
    number = 0
    while rows.isValid():
        yield number, bytes(rows.key()) + bytes(rows.value())
        rows.next()
        number += 1
    rows.close()
    reader.close()


def _parquet(spark, path):
    yield "", "\n".join(spark.read.parquet(str(path)).toJSON().collect()).encode()


UNPACKED = {".zip": _zip, ".changelog": _changelog, ".sst": _table, ".parquet": _parquet}
