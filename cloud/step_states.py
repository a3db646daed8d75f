"""How a step on EMR is, why it failed, and where what it said lies."""

import re
from typing import Any

from churn.errors import CloudUnavailable
from cloud.aws import Aws, Call
from cloud.jobs import Handle, State
from cloud.places import Place
from cloud.steps import SERVICE

OVER = {"COMPLETED", "CANCELLED", "FAILED", "INTERRUPTED"}
APPLICATION = re.compile(r"application_\d+_\d+")
SPOT = "spot"  # stands in AWS's reasons when a node was taken back


def state(aws: Aws, step: Handle) -> State:
    """How the step is, with its reason when it failed; a spot node's loss is named as such."""
    found = aws.answer(Call(SERVICE, "describe_step", {"ClusterId": step.owner, "StepId": step.job}))["Step"]
    cluster = aws.answer(Call(SERVICE, "describe_cluster", {"ClusterId": step.owner}))["Cluster"]
    word = found["Status"]["State"]
    is_success = word == "COMPLETED"
    is_bad = word in OVER and not is_success
    reason = "; ".join(reasons(aws, step, found["Status"], cluster["Status"])) if is_bad else ""
    return State(word, word in OVER, is_success, reason, cluster.get("LogUri") or "")


def reasons(aws: Aws, step: Handle, status: dict[str, Any], cluster: dict[str, Any]) -> list[str]:
    """All that AWS says about why a step ended."""
    details = status.get("FailureDetails") or {}
    said = [details.get("Reason"), details.get("Message"), (status.get("StateChangeReason") or {}).get("Message")]
    said.append((cluster.get("StateChangeReason") or {}).get("Message"))
    if details.get("LogFile"):
        said.append(f"its log: {details['LogFile']}")
    lost = lost_spot_nodes(aws, step.owner)
    if lost:
        said.append(f"spot nodes that AWS has taken back meanwhile: {lost}; submit it again under another --run")
    return list(dict.fromkeys(text for text in said if text))


def lost_spot_nodes(aws: Aws, cluster: str) -> int:
    """How many nodes AWS has taken back."""
    # not by InstanceGroupTypes: a cluster of instance fleets refuses them
    asked = Call(SERVICE, "list_instances", {"ClusterId": cluster, "InstanceStates": ["TERMINATED"]})
    gone = (node["Status"] for node in aws.entries(asked, "Instances"))
    return sum(SPOT in (status.get("StateChangeReason") or {}).get("Message", "").lower() for status in gone)


def log_folder(step: Handle, logs: Place) -> Place:
    """Where what the step's own process has said lies: spark-submit, which follows the driver."""
    return logs / f"{step.owner}/steps/{step.job}"


def container_folder(step: Handle, logs: Place, said: str) -> Place | None:
    """Where the driver's container leaves its logs, by the application that the step named; None without one."""
    application = APPLICATION.search(said)
    return logs / f"{step.owner}/containers/{application[0]}" if application else None


def is_driver_log(key: str) -> bool:
    """Whether an object below that folder is of a driver: its container is an attempt's first."""
    return "_000001/" in key and key.rpartition("/")[2].removesuffix(".gz") in {"stdout", "stderr"}


def cancel(step: Handle) -> Call:
    """The call that ends a step, its process too."""
    parameters = {"ClusterId": step.owner, "StepIds": [step.job], "StepCancellationOption": "TERMINATE_PROCESS"}
    return Call(SERVICE, "cancel_steps", parameters)


def require_cancelling(step: Handle, answer: dict[str, Any]) -> None:
    """Raise CloudUnavailable when CancelSteps, which succeeds even then, says that it does not end the step."""
    for told in answer.get("CancelStepsInfoList", []):
        if told.get("Status") == "FAILED":
            raise CloudUnavailable(f"{step}: not cancelled: {told.get('Reason') or 'AWS gives no reason'}")
