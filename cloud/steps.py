"""EMR on EC2: a training as a step, on a cluster that runs or on one that lives for this step alone."""

from dataclasses import dataclass
from typing import Any

from churn.errors import BadPackage, BadSetup, NotThere
from cloud.aws import Aws, Call
from cloud.jobs import Handle, Job, words
from cloud.package import Manifest
from cloud.releases import release

SERVICE = "emr"
ALIVE = {"STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"}
# of an m5.xlarge's 16 GB YARN gives 12 to containers; Spark adds a tenth
DRIVER_MEMORY, EXECUTOR_MEMORY = "6g", "10g"
ON_DEMAND_TYPES = {"MASTER": "m5.xlarge", "CORE": "m5.2xlarge"}  # the core node holds the driver and one executor
SPOT_TYPE = "m5.xlarge"
ONCE = {"spark.yarn.maxAppAttempts": "1"}  # YARN would start a driver that failed, or ran out of time, a second time
MANAGED = {"for-use-with-amazon-emr-managed-policies": "true"}  # without it AmazonEMRServicePolicy_v2 starts no node
IDLE_SECONDS = 3600  # a cluster that nothing ends, ends then


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs."""

    cluster: str
    kind: str = "cluster"

    def check(self) -> list[Call]:
        """The cluster's state and release."""
        return [Call(SERVICE, "describe_cluster", {"ClusterId": self.cluster})]

    def require(self, answers: list[dict[str, Any]], manifest: Manifest) -> None:
        """Raise BadSetup for an unknown release, or for a cluster that takes no steps any more."""
        cluster = answers[0]["Cluster"]
        release(cluster.get("ReleaseLabel") or "none")
        word = cluster["Status"]["State"]
        if word not in ALIVE:
            raise BadSetup(f"{self.cluster} is {word} and takes no step; --transient starts a cluster of its own")

    def lookup(self, job: Job) -> Call:
        """The cluster's steps."""
        return Call(SERVICE, "list_steps", {"ClusterId": self.cluster})

    def found(self, aws: Aws, job: Job) -> Handle | None:
        """A step of the job's name: steps have no token."""
        for step in aws.entries(self.lookup(job), "Steps"):
            if step["Name"] == job.name:
                return Handle(self.cluster, step["Id"])
        return None

    def start(self, job: Job) -> Call:
        """AddJobFlowSteps, which has no token."""
        step = step_of(job, on_failure="CONTINUE")
        return Call(SERVICE, "add_job_flow_steps", {"JobFlowId": self.cluster, "Steps": [step]}, is_once=True)

    def started(self, aws: Aws, answer: dict[str, Any]) -> Handle:
        """The step that was added."""
        return Handle(self.cluster, answer["StepIds"][0])


@dataclass(frozen=True)
class Transient:
    """A cluster that is made for one step: a primary and a core node on demand, task nodes at spot prices."""

    label: str
    service_role: str
    instance_profile: str
    subnet: str
    kind: str = "transient"

    def check(self) -> list[Call]:
        """Nothing is there yet that could be asked."""
        return []

    def require(self, answers: list[dict[str, Any]], manifest: Manifest) -> None:
        """Raise BadSetup for an unknown release, BadPackage for a package of another processor than the nodes'."""
        release(self.label)
        if manifest.architecture != "x86_64":
            raise BadPackage(
                f"the nodes are {SPOT_TYPE}, which is x86_64, the package is for {manifest.architecture}; "
                "run `sparkify emr package` with --architecture x86_64"
            )

    def lookup(self, job: Job) -> Call:
        """The clusters of late."""
        return Call(SERVICE, "list_clusters")

    def found(self, aws: Aws, job: Job) -> Handle | None:
        """The step of a cluster of the job's name: RunJobFlow has no token."""
        for cluster in aws.entries(self.lookup(job), "Clusters"):
            if cluster["Name"] == job.name:
                return only_step(aws, cluster["Id"])
        return None

    def start(self, job: Job) -> Call:
        """RunJobFlow, which has no token."""
        parameters = {
            "Name": job.name,
            "ReleaseLabel": self.label,
            "Applications": [{"Name": "Spark"}],
            "LogUri": f"{job.wish.logs}/",
            "ServiceRole": self.service_role,
            "JobFlowRole": self.instance_profile,
            "Instances": self._instances(job),
            "Configurations": [driver_on_core()],
            "AutoTerminationPolicy": {"IdleTimeout": IDLE_SECONDS},
            "Steps": [step_of(job, on_failure="TERMINATE_CLUSTER")],
            "Tags": [{"Key": name, "Value": value} for name, value in {**MANAGED, **job.tags}.items()],
        }
        return Call(SERVICE, "run_job_flow", parameters, is_once=True)

    def started(self, aws: Aws, answer: dict[str, Any]) -> Handle:
        """The step of the cluster that was started."""
        return only_step(aws, answer["JobFlowId"])

    def _instances(self, job: Job) -> dict[str, Any]:
        groups = [group(role, kind, 1, "ON_DEMAND") for role, kind in ON_DEMAND_TYPES.items()]
        if job.size.executors > 1:  # one is on the core node
            groups.append(group("TASK", SPOT_TYPE, job.size.executors - 1, "SPOT"))
        return {
            "InstanceGroups": groups,
            "KeepJobFlowAliveWhenNoSteps": False,
            "TerminationProtected": False,
            "Ec2SubnetId": self.subnet,
        }


def group(role: str, instance_type: str, count: int, market: str) -> dict[str, Any]:
    """An instance group; a spot node costs at most its price on demand, as no bid is named."""
    return {
        "Name": role.lower(),
        "InstanceRole": role,
        "InstanceType": instance_type,
        "InstanceCount": count,
        "Market": market,
    }


def driver_on_core() -> dict[str, Any]:
    """Keeps the driver off the spot nodes; executors that vanish are made up for, a driver is not."""
    properties = {"yarn.node-labels.enabled": "true", "yarn.node-labels.am.default-node-label-expression": "CORE"}
    return {"Classification": "yarn-site", "Properties": properties}


def step_of(job: Job, on_failure: str) -> dict[str, Any]:
    """The step that runs the job, with the driver in the cluster."""
    settings = job.spark_settings(DRIVER_MEMORY, EXECUTOR_MEMORY) | ONCE
    command = ["spark-submit", "--deploy-mode", "cluster", "--archives", job.archives, *words(settings)]
    return {
        "Name": job.name,
        "ActionOnFailure": on_failure,
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": [*command, job.entry, *job.arguments]},
    }


def only_step(aws: Aws, cluster: str) -> Handle:
    """The step of a cluster that has one."""
    for step in aws.entries(Call(SERVICE, "list_steps", {"ClusterId": cluster}), "Steps"):
        return Handle(cluster, step["Id"])
    raise NotThere(f"{cluster}: the cluster has no step; see it in the console of EMR")
