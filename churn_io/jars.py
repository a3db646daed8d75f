"""Jars from Maven, fetched once into the cache by the Ivy that PySpark brings along."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pyspark

from churn.errors import BadSetup
from churn_io.coordinates import BROKER_LOGGING, CONNECTOR, KAFKA, cache
from churn_io.java import require_java

Coordinates = tuple[str, str, str]

FETCH_LIMIT_SECONDS = 600


def kafka_jars() -> list[Path]:
    """The broker's jars; fetched on the first call."""
    return _fetched(KAFKA) + _fetched(BROKER_LOGGING)


def connector_jars() -> list[Path]:
    """The Kafka connector's jars that Spark does not have itself; fetched on the first call."""
    at_hand = {_artifact(jar) for jar in _spark_jars().glob("*.jar")}
    return [jar for jar in _fetched(CONNECTOR) if _artifact(jar) not in at_hand]


def _fetched(coordinates: Coordinates) -> list[Path]:
    _, artifact, version = coordinates
    folder = cache() / f"{artifact}-{version}"
    if not folder.is_dir():
        _fetch(coordinates, folder)
    return sorted(folder.glob("*.jar"))


def _fetch(coordinates: Coordinates, folder: Path) -> None:
    """Retrieve the artifact with all that it depends on; the folder appears when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    (ivy,) = _spark_jars().glob("ivy-*.jar")
    pattern = f"{aside}/[artifact]-[revision](-[classifier]).[ext]"
    command = [require_java(), "-jar", ivy, "-cache", cache() / "ivy", "-dependency", *coordinates]
    options = ["-confs", "default", "-retrieve", pattern]
    try:
        done = subprocess.run(
            [*map(str, command), *options], capture_output=True, text=True, check=False, timeout=FETCH_LIMIT_SECONDS
        )
        if done.returncode or not any(aside.glob("*.jar")):
            tail = " | ".join((done.stdout + done.stderr).strip().splitlines()[-5:])
            raise BadSetup(f"could not fetch {':'.join(coordinates)} from Maven: {tail}; check the network and repeat")
        aside.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was faster, and its folder is as good
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _spark_jars() -> Path:
    return Path(pyspark.__file__).parent / "jars"


def _artifact(jar: Path) -> str:
    """'kafka-clients-4.1.1.jar' -> 'kafka-clients'."""
    return jar.stem.rsplit("-", 1)[0]
