"""Since when a window has seen anybody: what `log_start_ms` is in the stream (churn/state.py says what it is for)."""

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from churn.events import CANCEL_PAGES, has_code
from churn.state import HOP_MS, window_start_ms

HOPS = 4  # so many a batch may touch without a look at its states


def firsts() -> list[Column]:
    """To observe: the first event (epoch ms) of each hop that a batch touches, the hop's number modulo HOPS."""
    hop = F.floor(F.col("ts_ms") / F.lit(HOP_MS)) % HOPS
    counts = ~has_code(*CANCEL_PAGES)  # as in the state's `first_ms`
    return [F.min(F.when(counts & (hop == number), F.col("ts_ms"))).alias(f"first_{number}") for number in range(HOPS)]


class LogStarts:
    """The earliest event (epoch ms) among all states of each window, kept up as batches touch them."""

    def __init__(self) -> None:
        self._by_window: dict[int, int] = {}

    def see_batch(self, span: dict[str, Any], found: dict[str, Any], states: DataFrame) -> None:
        """Count a batch in: its `earliest_ms` and `latest_ms`, and the `firsts` of its events that the state counts."""
        if span["earliest_ms"] is None:
            return
        hops = range(span["earliest_ms"] // HOP_MS, span["latest_ms"] // HOP_MS + 1)
        if len(hops) > HOPS:
            self.see(states)
            return
        for hop in hops:
            for window in (hop - 1, hop):
                self._see(window * HOP_MS, found[f"first_{hop % HOPS}"])

    def see(self, states: DataFrame) -> None:
        """Count these states in; runs their query."""
        for row in states.groupBy("window_start_ms").agg(F.min("first_ms").alias("first_ms")).collect():
            self._see(row.window_start_ms, row.first_ms)

    def of(self, clock_ms: int) -> int | None:
        """The start for the window that scores at the clock; None when it holds nobody."""
        return self._by_window.get(window_start_ms(clock_ms))

    def _see(self, start_ms: int, first_ms: int | None) -> None:
        if first_ms is not None:
            self._by_window[start_ms] = min(self._by_window.get(start_ms, first_ms), first_ms)
