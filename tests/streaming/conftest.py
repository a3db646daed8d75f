import json
import math
import time
from contextlib import contextmanager
from functools import partial

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.linalg import Vectors

from batch_training.fitting import with_weights, without_summary
from batch_training.groups import GROUPS, UNHELPFUL
from churn.features import NAMES
from churn.model import PER_CLASS, ModelCard
from churn_io.registry import Registry
from streaming.job import Settings
from streaming.source import Source
from streaming.trigger import Policy
from tests.builders import ONE_CLASS, naive_free_days
from tests.topic_reading import all_records

N_INPUTS = len(NAMES) + PER_CLASS
LEFT_OUT = {name for group in UNHELPFUL for name in GROUPS[group]}
KEY = b"key"  # a record without a value must have one

CARD = ModelCard(
    version="v1",
    learner="logistic_regression",
    features=list(NAMES),
    mean=[0.0] * N_INPUTS,
    deviation=[1.0] * N_INPUTS,
    typical=[0.5] * N_INPUTS,
    calibration=(1.0, 0.0),
    threshold=0.5,
    horizon_days=10,
    classes=ONE_CLASS,
    free_day_activity=0.9,
)


@pytest.fixture(scope="session")
def classifier(spark):
    """A real, small classifier: who dislikes more songs is likelier to go."""
    estimator = LogisticRegression(regParam=0.1, maxIter=20)
    return without_summary(estimator.fit(dislikes(spark)))


def dislikes(spark):
    """Users to learn from: who dislikes more songs goes."""
    disliked = NAMES.index("thumbs_down_per_100_songs")
    rows = [
        (
            float(disliking > 1.5),
            Vectors.dense(
                [_input(position, disliking if position == disliked else 0.1 * (n % 3)) for position in range(N_INPUTS)]
            ),
        )
        for n, disliking in enumerate(0.1 * step for step in range(40))
    ]
    return spark.createDataFrame(rows, ["label", "features"])


def _input(position, value):
    """The value of a feature; none of those that models leave out, nor of the classes: they weigh nothing."""
    return value if position < len(NAMES) and NAMES[position] not in LEFT_OUT else 0.0


@pytest.fixture
def models(spark, classifier, tmp_path):
    """A registry with one model in force."""
    folder = str(tmp_path / "models")
    publish_model(spark, folder, classifier, CARD)
    return folder


def publish_model(spark, folder, classifier, card):
    """Register the classifier under the card, and put it in force."""
    Registry(spark, folder).publish(with_weights(card, classifier), classifier)


def probability(classifier, features, as_of_ms):
    """The card's scale, the classifier's sigmoid and the days ahead, in plain Python."""
    margin = classifier.intercept + sum(
        weight * math.log1p(features[name])
        for weight, name in zip(classifier.coefficients[: len(NAMES)], NAMES, strict=True)
    )
    return 1 / (1 + math.exp(-margin - log_exposure(CARD, as_of_ms)))


def log_exposure(card, as_of_ms):
    """The logarithm of the share of activity that the horizon's free days leave."""
    free_days = naive_free_days(as_of_ms, card.horizon_days)
    return math.log(1 - (1 - card.free_day_activity) * free_days / card.horizon_days)


def values(records):
    """The records' values, parsed."""
    return [json.loads(record.value) for record in records]


def draining(broker, topics, models, folder):
    """Settings that drain a topic, 40 events a batch; `topics` are its name, and where results go."""
    events, results = topics
    return Settings(
        source=Source(broker, events, max_events_per_trigger=40),
        models=models,
        checkpoint=str(folder / "checkpoint"),
        policy=Policy(cool_down_days=7, sweep_days=1),
        topics=results,
        available_now=True,
    )


@pytest.fixture
def job(broker, topic_names, models, tmp_path):
    """Settings that drain this test's topic."""
    return draining(broker, topic_names, models, tmp_path)


@contextmanager
def sending(broker, default_topic):
    """A function that puts events (or raw bytes) on a topic, all on one partition, and waits."""
    producer = KafkaProducer(bootstrap_servers=broker, linger_ms=5)

    def put(records, partition=0, topic=default_topic):
        futures = []
        for record in records:
            is_raw = record is None or isinstance(record, bytes)
            value = record if is_raw else json.dumps(record).encode()
            stamp = int(time.time() * 1000) if is_raw or not isinstance(record["ts"], int) else record["ts"]
            futures.append(producer.send(topic, value, key=KEY, timestamp_ms=stamp, partition=partition))
        producer.flush()
        for future in futures:
            future.get(timeout=60)

    yield put
    producer.close()


def widen(broker, topic, partitions):
    """Give the topic so many partitions, and wait until its broker tells of them."""
    admin = KafkaAdminClient(bootstrap_servers=broker)
    admin.create_partitions({topic: partitions})
    admin.close()
    consumer = KafkaConsumer(bootstrap_servers=broker)
    while len(consumer.partitions_for_topic(topic)) < partitions:
        time.sleep(0.1)
    consumer.close()


@pytest.fixture
def send(broker, topic_names):
    """A function that puts events (or raw bytes) on a topic, this test's own."""
    with sending(broker, topic_names[0]) as put:
        yield put


@pytest.fixture
def read(broker):
    """A function that reads a topic from beginning to end."""

    return partial(all_records, bootstrap_servers=broker)
