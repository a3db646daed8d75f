"""What every part of the study is given: the session, what to measure, where to keep it, and simulated logs."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from churn.errors import BadSetup
from producer.simulator import Settings as Simulation
from producer.simulator import write_log

START = datetime(2018, 10, 1, tzinfo=UTC)
DAYS = 61  # as the public sets
ORACLE = "oracle"

Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What to measure on.

    `sizes` and `seeds` are the forecast's populations; no seed was looked at when features or learners were chosen.
    `cost_sizes` (users, the fewest first) are the logs whose training is timed; a user has about 1,150 rows.
    """

    folder: Path
    sizes: Sequence[int] = (225, 448, 2_500, 22_277)  # three as the public sets, and one between them
    seeds: Sequence[int] = (11, 12, 13, 14, 15)
    cost_sizes: Sequence[int] = (870, 2_600, 8_700)  # about 1, 3 and 10 million rows

    @property
    def middle_size(self) -> int:
        """The users of the log on which parts are compared that need but one."""
        return self.cost_sizes[len(self.cost_sizes) // 2]

    @property
    def compared_sizes(self) -> list[int]:
        """The users of the logs on which Spark runs beside another engine: the middle one, and the largest of all."""
        return sorted({self.middle_size, max(*self.sizes, *self.cost_sizes)})


@dataclass(frozen=True)
class Run:
    """One run of the study; `announce` says what is being done."""

    spark: SparkSession
    plan: Plan
    announce: Callable[[str], None]

    @property
    def report(self) -> Path:
        """Where all figures are written: tables of rows, by part."""
        return self.plan.folder / "report.json"

    def kept(self) -> dict[str, dict[str, list[Row]]]:
        """What the report holds already; raises BadSetup when it is no report."""
        if not self.report.exists():
            return {}
        try:
            found = json.loads(self.report.read_text())
        except ValueError as error:
            raise BadSetup(
                f"{self.report} is no report of a study ({error}); delete it, or name another --folder"
            ) from error
        return dict(found)

    def keep(self, part: str, **tables: list[Row]) -> None:
        """Write a part's tables into the report; those of the other parts stay."""
        text = json.dumps({**self.kept(), part: tables}, indent=2)
        aside = self.report.with_suffix(".aside")
        aside.write_text(text)
        os.replace(aside, self.report)

    @contextmanager
    def simulated(self, users: int, seed: int) -> Iterator[tuple[Path, Path]]:
        """A population's log and its truth, both deleted at the end of the block."""
        log, truth = (self.plan.folder / f"{name}-{users}-{seed}" for name in ("log", "truth"))
        try:
            write_log(Simulation(users, DAYS, START, seed), log, truth, by_day=True)
            yield log, truth
        finally:
            shutil.rmtree(log, ignore_errors=True)
            truth.unlink(missing_ok=True)
