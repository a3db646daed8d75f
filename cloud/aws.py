"""AWS as its users' other tools know it: clients set up by the usual variables and files, and calls as values."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from churn.errors import BadSetup

EXTRA = "`pip install '.[aws]'` in this project's folder"


@dataclass(frozen=True)
class Call:
    """One call of AWS's API; `operation` is the client's method, the parameters are as the API names them.

    `is_once` is for what would be done twice if its answer were lost and it were sent again.
    """

    service: str
    operation: str
    parameters: dict[str, Any] = field(default_factory=dict)
    is_once: bool = False

    def as_dict(self) -> dict[str, Any]:
        """What a dry run prints; the operation is named as in AWS's own documentation."""
        name = "".join(word.capitalize() for word in self.operation.split("_"))
        return {"service": self.service, "operation": name, "parameters": self.parameters}


class Aws:
    """Makes calls, each service's client being started when it is first needed."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, bool], Any] = {}

    def client(self, call: Call) -> Any:
        """The client that makes the call; raises BadSetup without boto3 or a region."""
        kind = (call.service, call.is_once)
        if kind not in self._clients:
            self._clients[kind] = new_client(call.service, is_once=call.is_once)
        return self._clients[kind]

    def answer(self, call: Call) -> dict[str, Any]:
        """What AWS answers; raises a ChurnError in AWS's place, as `plainly` says."""
        client = self.client(call)
        with plainly(named(call)):
            answered: dict[str, Any] = getattr(client, call.operation)(**call.parameters)
        return answered

    def entries(self, call: Call, key: str) -> Iterator[dict[str, Any]]:
        """All entries of a list that AWS answers in pages."""
        pages = self.client(call).get_paginator(call.operation)
        with plainly(named(call)):
            for page in pages.paginate(**call.parameters):
                yield from page.get(key, [])


def new_client(service: str, unsigned: bool = False, is_once: bool = False) -> Any:
    """A client whose retries wait longer each time, or that has none; raises BadSetup without boto3 or a region."""
    try:
        # the other commands have no need of boto3, and should not wait for it
        import boto3  # noqa: PLC0415
        from botocore import UNSIGNED  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415
    except ImportError as error:
        raise BadSetup(f"AWS is spoken to by boto3, and that is not installed: {EXTRA}") from error
    signature = {"signature_version": UNSIGNED} if unsigned else {}
    retries = {"mode": "standard"} | ({"total_max_attempts": 1} if is_once else {})
    config = Config(retries=retries, **signature)
    with plainly(service):
        # boto3's own session would keep the first credentials that it has found in this process
        return boto3.Session().client(service, region_name=os.environ.get("AWS_REGION"), config=config)


@contextmanager
def plainly(what: str) -> Iterator[None]:
    """What boto3 raises inside it becomes a ChurnError of one line that begins with `what`."""
    try:
        yield
    except Exception as error:
        # there is no failure of boto3's without boto3
        from cloud.complaints import complaint  # noqa: PLC0415

        plain = complaint(what, error)
        if plain is None:
            raise
        raise plain from error


def named(call: Call) -> str:
    """Whom a call is about: an S3 place, a cluster, an application, else the service."""
    parameters = call.parameters
    if "Bucket" in parameters:
        return f"s3://{parameters['Bucket']}/{parameters.get('Key', parameters.get('Prefix', ''))}"
    subjects = ("jobRunId", "applicationId", "StepId", "ClusterId", "JobFlowId")
    return next((str(parameters[name]) for name in subjects if name in parameters), call.service)
