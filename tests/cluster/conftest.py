"""Clusters as they are found elsewhere, started on loopback from jars: Spark's own, and YARN."""

import pytest

from churn.errors import BadSetup
from tests.batch_training.conftest import log  # noqa: F401 the smallest that has cancels enough
from tests.cluster.standalone import running_standalone
from tests.cluster.yarn import running_yarn
from tests.conftest import missing
from tests.streaming.conftest import classifier  # noqa: F401


@pytest.fixture(scope="session")
def yarn(server, tmp_path_factory):
    """A YARN whose S3 is the local server."""
    try:
        with running_yarn(tmp_path_factory.mktemp("yarn"), server) as running:
            yield running
    except BadSetup as error:
        missing(str(error))


@pytest.fixture(scope="session")
def standalone(tmp_path_factory):
    """A master and two workers."""
    try:
        with running_standalone(tmp_path_factory.mktemp("standalone")) as running:
            yield running
    except BadSetup as error:
        missing(str(error))
