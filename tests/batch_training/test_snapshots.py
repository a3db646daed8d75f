"""What is learnt from: the label looks ahead, the features never do."""

import pytest
from pyspark.sql import functions as F

from batch_training.snapshots import snapshots
from churn.events import accepted, judged, parsed
from churn.features import NAMES
from churn.state import DAY_MS, daily
from tests.builders import START_MS, cancel, event, lines

MOMENTS_MS = [START_MS + day * DAY_MS for day in (20, 30, 40)]


@pytest.fixture
def taken(spark):
    """A function from events to the snapshots at days 20, 30 and 40, keyed by user and day; horizon 10 days."""

    def take(log):
        records = spark.createDataFrame([(line,) for line in lines(log)], "value STRING")
        timed = records.withColumn("recorded_ms", F.lit(START_MS + 1000 * DAY_MS))
        partials = daily(timed.transform(parsed).transform(judged).transform(accepted))
        rows = snapshots(partials, MOMENTS_MS, horizon_days=10).collect()
        return {(row.user_id, (row.as_of_ms - START_MS) // DAY_MS): row for row in rows}

    return take


def test_the_label_is_a_cancel_after_the_moment_and_within_the_horizon(taken):
    gone_early = [event(15, user="early"), *cancel(25, "early")]
    gone_late = [event(15, user="late"), *cancel(45, "late")]
    stays = [event(15, user="stays")]
    labels = {key: row.label for key, row in taken(gone_early + gone_late + stays).items()}
    assert labels == {
        ("early", 20): 1.0,
        ("late", 20): 0.0,
        ("late", 30): 0.0,
        ("late", 40): 1.0,
        ("stays", 20): 0.0,
        ("stays", 30): 0.0,
        ("stays", 40): 0.0,
    }


def test_the_days_to_the_cancel_are_told_where_the_label_means_one(taken):
    gone, stays = [event(15, user="gone"), *cancel(36.5, "gone")], [event(15, user="stays")]
    days = {key: row.cancel_days for key, row in taken(gone + stays).items() if key[1] != 40}
    assert days == {
        ("gone", 20): None,
        ("gone", 30): pytest.approx(6.5, abs=1e-3),
        ("stays", 20): None,
        ("stays", 30): None,
    }


def test_a_cancel_at_the_moment_is_the_past_and_at_the_horizons_end_the_future(taken):
    at_30 = [event(15), event(30, "Cancellation Confirmation", auth="Cancelled")]
    assert {key: row.label for key, row in taken(at_30).items()} == {("u1", 20): 1.0}


def test_dropping_all_that_follows_changes_no_feature(taken):
    past = [event(day, page) for day in range(5, 20) for page in ("NextSong", "Thumbs Down", "Roll Advert")]
    future = [event(20.5, "Thumbs Down"), event(22, "Downgrade", level="paid"), *cancel(23)]
    whole, cut = taken(past + future)["u1", 20], taken(past)["u1", 20]
    assert [whole[name] for name in NAMES] == [cut[name] for name in NAMES]
    assert (whole.label, cut.label) == (1.0, 0.0)


def test_the_page_that_announces_a_cancel_changes_no_feature(taken):
    past = [event(day) for day in range(5, 19)]
    announced = taken([*past, event(19.9, "Cancel"), event(20.01, "Cancellation Confirmation", auth="Cancelled")])
    unannounced = taken(past)
    assert [announced["u1", 20][name] for name in NAMES] == [unannounced["u1", 20][name] for name in NAMES]
