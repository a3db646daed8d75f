"""A real YARN on loopback: Hadoop's own mini cluster, in a Java process of its own that Python gives its settings."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from py4j.java_gateway import JavaGateway

from churn_io.coordinates import HADOOP_VERSION, Bundle
from churn_io.jars import fetched, s3_jars, spark_jars
from churn_io.java import require_java
from tests.s3_server import variables

# the mini cluster has all of Hadoop in it but these, which its managers need to start
MINI_CLUSTER = Bundle(
    f"hadoop-minicluster-{HADOOP_VERSION}",
    whole=(
        ("junit", "junit", "4.13.2"),
        ("javax.xml.bind", "jaxb-api", "2.3.1"),
        ("org.bouncycastle", "bcpkix-jdk18on", "1.78.1"),
    ),
    bare=(("org.apache.hadoop", "hadoop-client-minicluster", HADOOP_VERSION),),
)
CONNECT_MS = 60_000
END_SECONDS = 900  # ends a hang
# a promise to applications, not memory that is taken: EMR's sizes are asked for, and a small log uses little of them
PROMISED_MB, PROMISED_CORES = 65_536, 32
SCHEDULER = "org.apache.hadoop.yarn.server.resourcemanager.scheduler.fifo.FifoScheduler"  # needs no queues
YARN = {
    "yarn.resourcemanager.scheduler.class": SCHEDULER,
    "yarn.minicluster.yarn.nodemanager.resource.memory-mb": str(PROMISED_MB),
    "yarn.scheduler.maximum-allocation-mb": str(PROMISED_MB),
    "yarn.nodemanager.resource.cpu-vcores": str(PROMISED_CORES),
    "yarn.scheduler.maximum-allocation-vcores": str(PROMISED_CORES),
    "yarn.nodemanager.vmem-check-enabled": "false",
    "yarn.nodemanager.disk-health-checker.enable": "false",  # a disk that is 90% full would be a node lost
}
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Submission:
    """What became of a `spark-submit`: its exit code, what it said, and where its containers' logs are."""

    code: int
    said: str
    logs: Path

    def containers(self, name: str) -> list[str]:
        """What each container has written to its file of this name, the driver's first."""
        return [file.read_text(errors="replace") for file in sorted(self.logs.glob(f"container_*/{name}"))]


@dataclass(frozen=True)
class Yarn:
    """A YARN that runs: its folder, which has its configuration and what its containers say."""

    folder: Path

    def submit(self, spark_home: Path, words: Sequence[str]) -> Submission:
        """Run that Spark's `spark-submit` as on a node of the cluster, to its end."""
        conf = self.folder / "conf"
        (conf / "spark-defaults.conf").write_text(defaults(self.folder, spark_home))
        places = {"SPARK_HOME": spark_home, "HADOOP_CONF_DIR": conf, "SPARK_CONF_DIR": conf}
        s3 = ":".join(map(str, s3_jars()))
        environment = {**os.environ, **places, "SPARK_DIST_CLASSPATH": s3, "SPARK_LOCAL_IP": LOOPBACK}
        done = subprocess.run(
            [spark_home / "bin" / "spark-submit", *words],
            env=environment, capture_output=True, text=True, check=False, timeout=END_SECONDS,
        )  # fmt: skip
        application = re.search(r"Submitted application (application_\w+)", done.stderr)
        assert application, done.stderr[-3000:]
        (logs,) = self.folder.rglob(f"yarn-logDir-*/{application[1]}")
        return Submission(done.returncode, done.stderr, logs)


@contextmanager
def running_yarn(folder: Path, s3: str) -> Iterator[Yarn]:
    """A YARN whose s3:// is the server at that address, as EMR's is Amazon's; it is stopped at the block's end."""
    conf = folder / "conf"
    conf.mkdir()
    with (folder / "yarn.log").open("w") as log:
        gateway = JavaGateway.launch_gateway(
            jarpath=str(next(spark_jars().glob("py4j-*.jar"))),
            classpath=":".join([*map(str, fetched(MINI_CLUSTER)), f"{spark_jars()}/*"]),
            # the second: Guice makes classes, which Java has to allow since 16
            javaopts=[f"-Dtest.build.data={folder}", "--add-opens=java.base/java.lang=ALL-UNNAMED"],
            java_path=str(require_java()),
            cwd=str(folder),
            redirect_stdout=log,
            redirect_stderr=log,
            die_on_exit=True,
        )
        try:
            cluster = started(gateway)
            file = gateway.jvm.java.io.FileOutputStream(str(conf / "yarn-site.xml"))
            cluster.getConfig().writeXml(file)
            file.close()
            write_site(conf / "core-site.xml", s3_site(s3))
            yield Yarn(folder)
            cluster.stop()
        finally:
            gateway.shutdown()
            gateway.java_process.kill()
            gateway.java_process.wait()


def started(gateway: JavaGateway) -> "JavaGateway":
    """The mini cluster: a resource manager and a node manager that know each other."""
    yarn = gateway.jvm.org.apache.hadoop.yarn
    conf = yarn.conf.YarnConfiguration()
    for name, value in YARN.items():
        conf.set(name, value)
    cluster = yarn.server.MiniYARNCluster("yarn", 1, 1, 1)
    cluster.init(conf)
    cluster.start()
    assert cluster.waitForNodeManagersToConnect(CONNECT_MS)
    return cluster


def s3_site(address: str) -> dict[str, str]:
    """What an EMR cluster knows of S3: that s3:// is its connector's, and where and as whom."""
    aws = variables(address)
    return {
        "fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "fs.s3a.endpoint": address,
        "fs.s3a.endpoint.region": aws["AWS_REGION"],
        "fs.s3a.path.style.access": "true",
        "fs.s3a.access.key": aws["AWS_ACCESS_KEY_ID"],
        "fs.s3a.secret.key": aws["AWS_SECRET_ACCESS_KEY"],
    }


def defaults(folder: Path, spark_home: Path) -> str:
    """The cluster's settings for Spark: it is YARN's, its jars lie on the nodes, and all listens on loopback."""
    jars = ",".join(f"local:{jar}" for jar in [spark_home / "jars" / "*", *s3_jars()])
    settings = {
        "spark.master": "yarn",
        "spark.yarn.jars": jars,
        "spark.yarn.stagingDir": f"file://{folder}/staging",
        "spark.yarn.appMasterEnv.SPARK_LOCAL_IP": LOOPBACK,
        "spark.executorEnv.SPARK_LOCAL_IP": LOOPBACK,
        "spark.ui.enabled": "false",
    }
    return "".join(f"{name} {value}\n" for name, value in settings.items())


def write_site(path: Path, values: Mapping[str, str]) -> None:
    """A file of Hadoop's settings."""
    rows = "".join(
        f"<property><name>{name}</name><value>{escape(value)}</value></property>\n" for name, value in values.items()
    )
    path.write_text(f"<configuration>\n{rows}</configuration>\n")
