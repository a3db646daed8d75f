"""The study: its parts by name, one after the other in one run."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from rich.console import RenderableType

from sandbox.study import ablation, capstone, cost, engines, forecast, scoring
from sandbox.study.run import Row, Run


class Part(Protocol):
    """A module that measures something."""

    def rows(self, run: Run) -> list[Row]:
        """What was measured; it is in the report as well."""

    def table(self, rows: list[Row]) -> RenderableType:
        """The rows, for a person."""


PARTS: dict[str, Part] = {
    "forecast": forecast,
    "cost": cost,
    "duckdb": engines,
    "capstone": capstone,
    "scoring": scoring,
    "ablation": ablation,
}


def measured(run: Run, names: Sequence[str]) -> Iterator[RenderableType]:
    """A table a part, as soon as it is measured."""
    for name in names:
        part = PARTS[name]
        yield part.table(part.rows(run))
