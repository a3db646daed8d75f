"""Jars from Maven, fetched once into the cache by the Ivy that PySpark brings along."""

import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark

from churn.errors import BadSetup
from churn_io.coordinates import BROKER, CONNECTOR, S3, Bundle, Coordinates, cache
from churn_io.java import require_java

FETCH_LIMIT_SECONDS = 600
BRIDGED = {"commons-logging"}  # Spark has a bridge in its place; both together quarrel over every log line

IVY_FILE = """\
<ivy-module version="2.0">
  <info organisation="sparkify" module="{name}"/>
  <configurations><conf name="default"/></configurations>
  <dependencies>
{rows}
  </dependencies>
</ivy-module>
"""


def kafka_jars() -> list[Path]:
    """The broker's jars; fetched on the first call."""
    return fetched(BROKER)


def connector_jars() -> list[Path]:
    """The Kafka connector's jars that Spark does not have itself; fetched on the first call."""
    return _foreign(fetched(CONNECTOR))


def s3_jars() -> list[Path]:
    """The jars for s3a:// that Spark does not have itself; fetched on the first call."""
    return _foreign(fetched(S3))


def _foreign(jars: list[Path]) -> list[Path]:
    at_hand = {_artifact(jar) for jar in spark_jars().glob("*.jar")} | BRIDGED
    return [jar for jar in jars if _artifact(jar) not in at_hand]


def fetched(bundle: Bundle) -> list[Path]:
    """The bundle's jars; fetched on the first call."""
    folder = cache() / bundle.name
    if not folder.is_dir():
        with _alone():
            if not folder.is_dir():  # no other process has fetched it meanwhile
                _fetch(bundle, folder)
    return sorted(folder.glob("*.jar"))


@contextmanager
def _alone() -> Iterator[None]:
    """One process after the other: two that fetch at a time spoil the files that Ivy keeps."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(bundle: Bundle, folder: Path) -> None:
    """Retrieve the bundle; the folder appears when it is complete."""
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    (ivy,) = spark_jars().glob("ivy-*.jar")
    wanted = aside / "ivy.xml"
    wanted.write_text(_ivy_file(bundle))
    pattern = f"{aside}/[artifact]-[revision](-[classifier]).[ext]"
    command = [require_java(), "-jar", ivy, "-cache", cache() / "ivy", "-ivy", wanted, "-confs", "default"]
    try:
        done = subprocess.run(
            [*map(str, command), "-retrieve", pattern],
            capture_output=True,
            text=True,
            check=False,
            timeout=FETCH_LIMIT_SECONDS,
        )
        if done.returncode or not any(aside.glob("*.jar")):
            tail = " | ".join((done.stdout + done.stderr).strip().splitlines()[-5:])
            raise BadSetup(f"could not fetch {bundle.name} from Maven: {tail}; check the network and repeat")
        aside.rename(folder)
    except subprocess.TimeoutExpired as error:
        raise BadSetup(
            f"could not fetch {bundle.name} from Maven within {FETCH_LIMIT_SECONDS} s; check the network and repeat"
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _ivy_file(bundle: Bundle) -> str:
    rows = [_ivy_row(part, "true") for part in bundle.whole] + [_ivy_row(part, "false") for part in bundle.bare]
    return IVY_FILE.format(name=bundle.name, rows="\n".join(rows))


def _ivy_row(part: Coordinates, transitive: str) -> str:
    organisation, artifact, version = part
    return (
        f'    <dependency org="{organisation}" name="{artifact}" rev="{version}" '
        f'conf="default->default" transitive="{transitive}"/>'
    )


def spark_jars() -> Path:
    """The folder of the jars that PySpark brings along."""
    return Path(pyspark.__file__).parent / "jars"


def _artifact(jar: Path) -> str:
    """'kafka-clients-4.1.1.jar' -> 'kafka-clients'."""
    return jar.stem.rsplit("-", 1)[0]
