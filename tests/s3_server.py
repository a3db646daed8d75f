"""A local server that speaks AWS's APIs over HTTP (moto), and where AWS's own tools, and ours, find it."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import BotoCoreError

from tests.conftest import missing

SERVER = Path(__file__).with_name("aws_server.py")
START_SECONDS = 60


def variables(address: str) -> dict[str, str]:
    """The environment in which AWS is the server at this address."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ENDPOINT_URL_S3": address,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def client(service: str, address: str) -> "boto3.client":
    """boto3's client of a service there."""
    return boto3.client(
        service,
        endpoint_url=address,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        region_name="us-east-1",
    )


@contextmanager
def s3_with(bucket: str, address: str) -> Iterator["boto3.client"]:
    """A client of S3 there, and a new bucket."""
    made = client("s3", address)
    made.create_bucket(Bucket=bucket)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a local server that speaks S3, EMR and EMR Serverless."""
    with running_server() as address:
        yield address


@contextmanager
def running_server() -> Iterator[str]:
    """The address of a server that answers; it is stopped at the block's end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, SERVER, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        await_answer(address)
        yield address
    finally:
        server.terminate()
        server.wait(10)


def await_answer(address: str) -> None:
    """Wait until the server answers."""
    s3 = client("s3", address)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            s3.list_buckets()
            break
        except BotoCoreError as error:
            if time.monotonic() > deadline:
                missing(f"the local S3 server does not answer: {error}")
            time.sleep(0.2)
    s3.close()
