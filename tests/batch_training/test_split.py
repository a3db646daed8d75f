from datetime import UTC, datetime

import pytest

from batch_training.split import chronological
from churn.errors import InvalidLog
from churn.state import DAY_MS


def ms(text):
    """An ISO time (UTC) in epoch ms."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_the_public_log_is_tested_from_the_20th_of_november():
    split = chronological(ms("2018-10-01T00:01:57"), ms("2018-12-01T00:00:02"), horizon_days=10)
    assert split.test_ms == ms("2018-11-21")
    assert chronological(ms("2018-10-01"), ms("2018-11-30T23:59:59"), 10).test_ms == ms("2018-11-20")


def test_training_goes_back_by_weeks_while_a_week_of_history_lies_before():
    split = chronological(ms("2018-10-01"), ms("2018-11-30T23:59:59"), horizon_days=10)
    assert split.calibration_ms == ms("2018-11-10")
    assert split.training_ms == (ms("2018-10-10"), ms("2018-10-17"), ms("2018-10-24"), ms("2018-10-31"))
    assert split.moments_ms == sorted(split.moments_ms)


@pytest.mark.parametrize("horizon_days", [1, 5, 10, 14])
@pytest.mark.parametrize("end", ["2018-11-30T23:59:59", "2018-12-03T01:11:16", "2018-12-05"])
def test_no_label_window_reaches_into_a_later_role_or_past_the_end(horizon_days, end):
    split = chronological(ms("2018-10-01T00:01:57"), ms(end), horizon_days)
    horizon_ms = horizon_days * DAY_MS
    assert max(split.training_ms) + horizon_ms <= split.calibration_ms
    assert split.calibration_ms + horizon_ms <= split.test_ms
    assert split.test_ms + horizon_ms <= ms(end)
    assert all(moment % DAY_MS == 0 for moment in split.moments_ms)


def test_a_log_that_is_too_short_is_told_how_long_it_must_be():
    with pytest.raises(InvalidLog, match=r"spans 30\.0 days, at least 38 are needed"):
        chronological(ms("2018-10-01"), ms("2018-10-31"), horizon_days=10)


def test_the_length_that_the_error_names_is_enough():
    assert chronological(ms("2018-10-01T13:00:00"), ms("2018-11-08T13:00:00"), horizon_days=10).training_ms
