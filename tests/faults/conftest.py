import pytest

from churn.errors import BadSetup
from sandbox.broker import free_ports, start, stop
from tests.conftest import missing
from tests.streaming.conftest import classifier, job, models, read, send  # noqa: F401 the same, on a broker of our own


@pytest.fixture(scope="session")
def own_broker(tmp_path_factory):
    """A real broker that these tests may kill; `sandbox.broker.start` on its folder and port has it back."""
    folder = tmp_path_factory.mktemp("own") / "kafka"
    try:
        running = start(folder, *free_ports(0))
    except BadSetup as error:
        missing(str(error))
    yield running
    stop(folder)


@pytest.fixture(scope="session")
def broker(own_broker):
    """Its address, in the place of the broker that the other tests share."""
    return own_broker.bootstrap
