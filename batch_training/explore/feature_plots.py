"""The features' figures: a panel a feature, and the heat map of their correlations."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from batch_training.explore.plots import CANCEL, STAY, WIDTH, as_shapes
from batch_training.explore.snapshot import BINS, Snapshot, Spread
from batch_training.pages import panels

TICKS = (0, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000)  # in the feature's own unit
COLUMNS = 3
APART = 0.16  # of the axis: closer ticks would run into each other


def distributions(found: Snapshot) -> Figure:
    """Each feature's distribution among those who stay and those who cancel, in the model's scale."""
    rows = -(-len(found.spreads) // COLUMNS)
    figure, axes = panels(rows, COLUMNS, WIDTH, 1.35 * rows + 0.3)
    for panel, spread in zip(axes, found.spreads, strict=False):
        edges = np.linspace(spread.low, max(spread.high, spread.low + 1e-6), BINS + 1)
        stairs(panel, edges, spread.stay, STAY, "stay")
        if found.positives:
            stairs(panel, edges, spread.cancel, CANCEL, "cancel")
        own_unit(panel, spread)
        panel.set_title(title(spread), fontsize=8)
        panel.yaxis.set_major_locator(NullLocator())
        panel.spines["left"].set_visible(False)
    for unused in axes[len(found.spreads) :]:
        unused.remove()
    axes[0].legend(loc="upper right", handlelength=1)
    return figure


def stairs(panel: Axes, edges: npt.NDArray[np.float64], counts: Sequence[int], colour: str, name: str) -> None:
    """The shares of one label's users by bin."""
    parts = np.array(counts) / max(sum(counts), 1)
    panel.stairs(parts, edges, color=colour, fill=True, alpha=0.22)
    panel.stairs(parts, edges, color=colour, linewidth=1.2, label=name)


def title(spread: Spread) -> str:
    """The feature, and how well it tells the two apart alone."""
    return spread.feature if np.isnan(spread.auc) else f"{spread.feature}  {spread.auc:.2f}"


def own_unit(panel: Axes, spread: Spread) -> None:
    """Ticks in the feature's unit, though the axis is its log1p."""
    shown = [tick for tick in TICKS if spread.low - 1e-9 <= np.log1p(tick) <= spread.high + 1e-9]
    kept: list[float] = []
    for tick in shown:
        if not kept or np.log1p(tick) - np.log1p(kept[-1]) >= APART * (spread.high - spread.low):
            kept.append(tick)
    panel.set_xticks([float(np.log1p(tick)) for tick in kept], [f"{tick:g}" for tick in kept])


def correlations(matrix: npt.NDArray[np.float64], names: Sequence[str]) -> Figure:
    """A cell a pair: blue goes together, red against each other; empty where a feature is constant."""
    figure, (panel,) = panels(1, 1, WIDTH, 7.6)
    mesh = panel.pcolormesh(np.ma.masked_invalid(matrix), cmap="RdBu", vmin=-1, vmax=1, edgecolors="none")
    panel.set_yticks(np.arange(len(names)) + 0.5, names, fontsize=7.5)
    panel.set_xticks(np.arange(len(names)) + 0.5, names, rotation=90, fontsize=7.5)
    panel.tick_params(length=0)
    panel.invert_yaxis()
    as_shapes(figure.colorbar(mesh, ax=panel, shrink=0.5, pad=0.01))
    return figure
