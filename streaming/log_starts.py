"""Since when a window has seen anybody: what `log_start_ms` is in the stream (churn/state.py says what it is for)."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from churn.state import window_start_ms


class LogStarts:
    """The earliest event (epoch ms) among all states of each window, kept up as batches touch them."""

    def __init__(self) -> None:
        self._by_window: dict[int, int] = {}

    def see(self, states: DataFrame) -> None:
        """Count these states in; runs their query."""
        firsts = states.groupBy("window_start_ms").agg(F.min("first_ms").alias("first_ms"))
        for row in firsts.collect():
            if row.first_ms is not None:
                known_ms = self._by_window.get(row.window_start_ms, row.first_ms)
                self._by_window[row.window_start_ms] = min(known_ms, row.first_ms)

    def of(self, clock_ms: int) -> int | None:
        """The start for the window that scores at the clock; None when it holds nobody."""
        return self._by_window.get(window_start_ms(clock_ms))
