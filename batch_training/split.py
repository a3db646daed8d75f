"""Which moments teach, which calibrate, which test: in the order of time, with the horizon as the gap between them."""

from dataclasses import dataclass

from churn.errors import InvalidLog
from churn.labels import HISTORY_DAYS
from churn.state import DAY_MS

STEP_DAYS = 7  # between training snapshots; closer ones repeat each other
WEEK_DAYS = 7


@dataclass(frozen=True)
class Split:
    """Moments (epoch ms, midnights UTC). No label window reaches into that of a later role, or past the log's end."""

    training_ms: tuple[int, ...]
    calibration_ms: int
    test_ms: int

    @property
    def week_ms(self) -> list[int]:
        """The week that ends with the calibration snapshot, day by day: whom a threshold alerts in a week.

        Less of it with a horizon shorter than a week: what was learnt from scores too high.
        """
        days = (self.calibration_ms - day * DAY_MS for day in range(WEEK_DAYS - 1, -1, -1))
        return [day for day in days if day > self.training_ms[-1]]

    @property
    def moments_ms(self) -> list[int]:
        """All moments, the earliest first."""
        return sorted({*self.training_ms, *self.week_ms, self.test_ms})


def chronological(first_ms: int, last_ms: int, horizon_days: int) -> Split:
    """The split of a log that spans first_ms to last_ms; raises InvalidLog when no moment is left to learn from."""
    horizon_ms = horizon_days * DAY_MS
    test_ms = (last_ms - horizon_ms) // DAY_MS * DAY_MS
    calibration_ms = test_ms - horizon_ms
    latest_ms, earliest_ms = calibration_ms - horizon_ms, first_ms + HISTORY_DAYS * DAY_MS
    if latest_ms < earliest_ms:
        needed_days = HISTORY_DAYS + 3 * horizon_days + 1  # the one day is lost to the alignment to midnight
        raise InvalidLog(
            f"the log spans {(last_ms - first_ms) / DAY_MS:.1f} days, at least {needed_days} are needed: "
            f"{HISTORY_DAYS} of history and three horizons of {horizon_days}; "
            "give a longer log or a shorter --horizon-days"
        )
    training = range(latest_ms, earliest_ms - 1, -STEP_DAYS * DAY_MS)
    return Split(tuple(reversed(training)), calibration_ms, test_ms)
