"""The Sparks of the EMR releases: this project's own, and an older one that is fetched once into build/."""

import shutil
import tempfile
from pathlib import Path

import pyspark

from churn_io.jars import spark_jars
from cloud.building import pip

ROOT = Path(__file__).parents[2]


def spark_home(version: str) -> Path:
    """The folder of a Spark of that version; fetched on the first call. Raises BadSetup when it cannot be."""
    if version == pyspark.__version__:
        return Path(pyspark.__file__).parent
    folder = ROOT / "build" / f"spark-{version}"
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            pip("install", "--target", str(aside), "--no-deps", f"pyspark=={version}")
            with_our_hadoop(aside / "pyspark" / "jars")
            aside.rename(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return folder / "pyspark"


def with_our_hadoop(jars: Path) -> None:
    """EMR gives its older Spark a newer Hadoop than PySpark does, and the S3 connector is the newer one's."""
    for jar in jars.glob("hadoop-client-*.jar"):
        jar.unlink()
    for jar in spark_jars().glob("hadoop-client-*.jar"):
        shutil.copyfile(jar, jars / jar.name)
