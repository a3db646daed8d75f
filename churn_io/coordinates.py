"""The one place for what is fetched from Maven, and where it is kept."""

import os
from dataclasses import dataclass
from pathlib import Path

import pyspark

Coordinates = tuple[str, str, str]  # organisation, artifact, version

KAFKA_VERSION = "4.1.1"
HADOOP_VERSION = "3.4.2"  # the release that PySpark 4.1.1 brings
AWS_SDK_VERSION = "2.29.52"  # the one that this Hadoop release was built with


@dataclass(frozen=True)
class Bundle:
    """Jars that are fetched and kept together: `whole` with all that they depend on, `bare` alone."""

    name: str
    whole: tuple[Coordinates, ...]
    bare: tuple[Coordinates, ...] = ()


BROKER = Bundle(
    f"kafka-{KAFKA_VERSION}",
    whole=(
        ("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
        ("org.slf4j", "slf4j-simple", "1.7.36"),  # the broker's jars log to nowhere by themselves
    ),
)
CONNECTOR = Bundle(
    f"spark-sql-kafka-{pyspark.__version__}",
    whole=(("org.apache.spark", "spark-sql-kafka-0-10_2.13", pyspark.__version__),),
)
S3 = Bundle(
    f"hadoop-aws-{HADOOP_VERSION}",
    # hadoop-aws asks for the SDK as one jar of 600 MB; these parts of it are all it uses, in 15 MB
    whole=tuple(
        ("software.amazon.awssdk", module, AWS_SDK_VERSION)
        for module in ("s3", "s3-transfer-manager", "sts", "apache-client", "netty-nio-client")
    ),
    bare=(("org.apache.hadoop", "hadoop-aws", HADOOP_VERSION),),
)


def cache() -> Path:
    """The folder of fetched jars: SPARKIFY_CACHE, or one in the user's own cache folder."""
    return Path(os.environ.get("SPARKIFY_CACHE") or Path.home() / ".cache" / "sparkify")
