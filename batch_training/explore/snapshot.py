"""The features of every live user at one honest moment, by what follows; how they differ and how they go together."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.ml.functions import array_to_vector
from pyspark.ml.stat import Correlation
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_training.settings import Settings
from batch_training.snapshots import snapshots
from churn.features import NAMES
from churn.labels import HISTORY_DAYS, LABEL
from churn.model import scaled
from churn.state import DAY_MS

HORIZON_DAYS = Settings.horizon_days
BINS = 24


@dataclass(frozen=True)
class Spread:
    """A feature's values, counted in BINS bins of equal width in the model's scale from `low` to `high`."""

    feature: str
    low: float
    high: float
    stay: list[int]
    cancel: list[int]

    @property
    def auc(self) -> float:
        """The chance that one who cancels has a higher value than one who stays; a tie, or one bin, counts half."""
        below, won = 0, 0.0
        for stay, cancel in zip(self.stay, self.cancel, strict=True):
            won += cancel * (below + stay / 2)
            below += stay
        pairs = sum(self.stay) * sum(self.cancel)
        return won / pairs if pairs else float("nan")


@dataclass(frozen=True)
class Snapshot:
    """A moment (epoch ms), its live users, those who cancel within the horizon, and their features."""

    as_of_ms: int
    users: int
    positives: int
    spreads: list[Spread]
    correlations: npt.NDArray[np.float64] | None

    @property
    def auc_by_chance(self) -> float:
        """How far from one half the AUC of a feature that says nothing strays: 1.96 standard errors."""
        stay = self.users - self.positives
        variance = (self.users + 1) / (12 * stay * self.positives) if stay and self.positives else float("nan")
        return float(1.96 * np.sqrt(variance))


def honest_moment(first_ms: int, last_ms: int) -> int | None:
    """The latest midnight (UTC) whose horizon lies inside the log; None when too little history is before it."""
    moment_ms = (last_ms - HORIZON_DAYS * DAY_MS) // DAY_MS * DAY_MS
    return moment_ms if moment_ms >= first_ms + HISTORY_DAYS * DAY_MS else None


def snapshot(partials: DataFrame, as_of_ms: int) -> Snapshot | None:
    """Daily partial states -> the snapshot at that midnight; None when nobody is alive then."""
    frame = snapshots(partials, [as_of_ms], HORIZON_DAYS).select(
        LABEL, *(scaled(F.col(name)).alias(name) for name in NAMES)
    )
    frame = frame.localCheckpoint()
    users, positives = frame.agg(F.count(F.lit(1)), F.coalesce(F.sum(LABEL), F.lit(0.0))).first()
    if not users:
        return None
    return Snapshot(as_of_ms, users, int(positives), spreads(frame), correlations(frame) if users > 1 else None)


def spreads(frame: DataFrame) -> list[Spread]:
    """Scaled features and the label -> each feature's counts by bin and label."""
    ends = frame.agg(
        *(F.min(name).alias(f"low_{name}") for name in NAMES), *(F.max(name).alias(f"high_{name}") for name in NAMES)
    ).first()
    low = {name: float(ends[f"low_{name}"]) for name in NAMES}
    high = {name: float(ends[f"high_{name}"]) for name in NAMES}
    position = {
        name: F.floor((F.col(name) - low[name]) / ((high[name] - low[name]) or 1.0) * BINS).alias(name)
        for name in NAMES
    }
    rows = (
        frame.select(LABEL, *(F.least(column, F.lit(BINS - 1)).alias(name) for name, column in position.items()))
        .unpivot([LABEL], list(NAMES), "feature", "bin")
        .groupBy("feature", LABEL, "bin")
        .agg(F.count(F.lit(1)).alias("n"))
        .collect()
    )
    counts = {(row["feature"], row[LABEL], row["bin"]): row["n"] for row in rows}
    return [
        Spread(
            name,
            low[name],
            high[name],
            *([counts.get((name, kind, position), 0) for position in range(BINS)] for kind in (0.0, 1.0)),
        )
        for name in NAMES
    ]


def correlations(frame: DataFrame) -> npt.NDArray[np.float64]:
    """Pearson's correlation of each two scaled features, in the order of NAMES; not a number for a constant one."""
    vectors = frame.select(array_to_vector(F.array(*NAMES)).alias("features"))
    return np.asarray(Correlation.corr(vectors, "features").first()[0].toArray(), dtype=np.float64)
