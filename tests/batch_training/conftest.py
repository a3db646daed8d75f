"""One small log and one model of it, shared by all tests of the package."""

from datetime import UTC, datetime

import pytest

from batch_training.settings import Settings
from batch_training.training import train
from producer.simulator import Settings as Population
from producer.simulator import write_log

ALL_LEARNERS = ("logistic", "forest", "gbt", "perceptron", "xgboost")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="session")
def log(tmp_path_factory):
    """A simulated log: 150 users, 61 days from 2018-10-01."""
    path = tmp_path_factory.mktemp("log") / "events.json"
    write_log(Population(150, 61, datetime(2018, 10, 1, tzinfo=UTC), 6), path)
    return str(path)


@pytest.fixture(scope="session")
def training(spark, log):
    """What training on the log gives."""
    return train(spark, log, Settings(), NOW)


@pytest.fixture(scope="session")
def trained(training):
    """The best model of the log, and the report."""
    return training.model, training.report
