"""The options of `sparkify emr submit`, put together and checked before AWS is asked for anything."""

import re
from dataclasses import dataclass

from churn.errors import BadSetup
from cloud.jobs import Target
from cloud.releases import LATEST
from cloud.serverless import Serverless
from cloud.steps import Cluster, Transient

RUN_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,59}", re.ASCII)  # with the token behind it within AWS's 256 characters


@dataclass(frozen=True)
class Where:
    """Where a job is to run, as the command line says it: an application, a cluster, or a transient one."""

    application: str = ""
    role: str = ""
    cluster: str = ""
    transient: bool = False
    subnet: str = ""
    service_role: str = ""
    instance_profile: str = ""
    release: str = LATEST


def target_of(where: Where) -> Target:
    """The one target that is named; raises BadSetup for none, for several, or for half of one."""
    if sum(map(bool, (where.application, where.cluster, where.transient))) != 1:
        raise BadSetup("wanted is one of --application (serverless), --cluster j-… and --transient")
    if where.application:
        if not where.role:
            raise BadSetup(f"application {where.application}: wanted is --role, the ARN that the job runs as")
        return Serverless(where.application, where.role)
    if where.cluster:
        return Cluster(where.cluster)
    if not where.subnet:
        raise BadSetup("--transient: wanted is --subnet, where the cluster is put")
    return Transient(where.release, where.service_role, where.instance_profile, where.subnet)


def run_name(name: str) -> str:
    """The name; raises BadSetup for one that AWS would not take."""
    if not RUN_NAME.fullmatch(name):
        raise BadSetup(f"--run {name}: wanted are up to 60 letters, digits, dots, dashes")
    return name


def named_tags(tags: list[str]) -> dict[str, str]:
    """The tags NAME=VALUE; raises BadSetup for another text."""
    named = {}
    for tag in tags:
        name, equals, value = tag.partition("=")
        if not (name and equals):
            raise BadSetup(f"--tag {tag}: wanted is NAME=VALUE")
        named[name] = value
    return named
